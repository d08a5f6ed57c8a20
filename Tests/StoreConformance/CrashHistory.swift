package import Auth
import Testing

/// What children said, and the check that a store still knows all that was acknowledged to them.
package struct CrashHistory {
    private struct Session {
        let id: Identifier
        let user: String
        var counters: ClosedRange<UInt32> = 0...0
    }

    private var users: [String: Int] = [:]
    private var sessions: [String: Session] = [:]
    private var tokens: [(id: Identifier, user: String)] = []
    /// What a change takes away: sessions, or users with all of theirs.
    private var willEnd: Set<String> = []
    private var didEnd: Set<String> = []
    private var willDelete: Set<String> = []
    private var didDelete: Set<String> = []
    /// The session that lives on, of a user who changed the password.
    private var willChange: [String: String] = [:]
    private var didChange: Set<String> = []

    package init() {}

    /// Acknowledged changes so far.
    package private(set) var count = 0

    package mutating func read(_ line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        guard words.count >= 3, words[0] != "stopped" else { return }
        let id = try #require(Identifier(words[2]), "\(line)")
        if words[0] == "did" { count += 1 }
        switch (words[0], words[1]) {
        case ("did", "make"): users[words[2]] = 0
        case ("did", "count"): users[words[2], default: 0] += 1
        case ("did", "open"): sessions[words[2]] = Session(id: id, user: words[3])
        case ("will", "rotate"):
            let lower = sessions[words[2]]?.counters.lowerBound ?? 0
            sessions[words[2]]?.counters = lower...(try #require(UInt32(words[3])))
        case ("did", "rotate"):
            let counter = try #require(UInt32(words[3]))
            sessions[words[2]]?.counters = counter...counter
        case ("will", "delete"): willDelete.insert(words[2])
        case ("did", "delete"): didDelete.insert(words[2])
        case ("will", "password"): willChange[words[2]] = words[3]
        case ("did", "password"): didChange.insert(words[2])
        case ("will", _): willEnd.insert(words[2])
        case ("did", "revoke"): tokens.append((id, words[3]))
        case ("did", _): didEnd.insert(words[2])
        default: Issue.record("\(line)")
        }
    }

    /// Uses attempts up: call once on a store that is thrown away, or with `attempts` false.
    package func check(_ store: any Stores, attempts: Bool) async throws {
        let revoked = try await store.load(at: Sample.at(90))
        let told = try await audit(of: store)
        var rows: [Identifier: StoredSession] = [:]
        var changed: Set<String> = []
        for (name, counted) in users {
            let id = try #require(Identifier(name))
            if try await hasChangedPassword(id, told, store) { changed.insert(name) }
            for session in try await store.sessions(of: id) { rows[session.id] = session }
            guard attempts, counted > 0 else { continue }
            let caps = AttemptCaps(unknownDevices: counted, knownDevice: 1, windowMilliseconds: 86_400_000)
            let next = try await store.reserve(CrashWorkload.attempt(id, address: "probe"), caps: caps)
            #expect(next.reservation == nil, "attempts of \(name)")
        }
        let endedSessions = Set(revoked.compactMap { if case .session(let id, _, _) = $0 { id } else { nil } })
        let endedUsers = Set(revoked.compactMap { if case .user(let id, _, _) = $0 { id.description } else { nil } })
        for (name, session) in sessions {
            #expect(told.contains("login.succeeded \(name)"))
            let livesOn = changed.contains(session.user) && willChange[session.user] == name
            if let row = rows[session.id] {
                let isRevoked = endedSessions.contains(session.id) || endedUsers.contains(session.user)
                #expect(!isRevoked || livesOn, "session \(name): its row and its revocation")
                #expect(!didEndSession(name, of: session.user), "session \(name) is back")
                #expect(!told.contains("session.ended \(name)"), "session \(name): its row and its audit")
                let counters = livesOn ? 6...6 : session.counters
                #expect(counters.contains(row.counter), "session \(name): counter \(row.counter)")
            } else {
                #expect(mayHaveEnded(name, of: session.user), "session \(name) is lost")
                #expect(endedSessions.contains(session.id) || endedUsers.contains(session.user))
                let ends = ["session.ended \(name)", "user.sessions_ended \(session.user)"]
                #expect(!told.isDisjoint(with: ends + ["user.deleted \(session.user)"]), "session \(name): its audit")
            }
        }
        let revokedTokens = Set(revoked.compactMap { if case .token(let id, _, _) = $0 { id } else { nil } })
        for user in endedUsers { #expect(mayHaveEnded(user, of: user) || willChange[user] != nil) }
        for (id, user) in tokens { #expect(revokedTokens.contains(id) || endedUsers.contains(user), "token \(id)") }
    }

    /// Every entry as its event and the session, or else the user, that it happened to; each only once.
    private func audit(of store: any Stores) async throws -> Set<String> {
        let entries = try await store.everyEntry().map { entry in
            let subject = entry.event == .passwordChanged ? entry.user : entry.session ?? entry.user
            return "\(entry.event.rawValue) \(subject?.description ?? "")"
        }
        #expect(Set(entries).count == entries.count, "an entry without its change")
        return Set(entries)
    }

    /// Checks that the user is there or was deleted, and the password as it was or changed, with the audit of it.
    private func hasChangedPassword(
        _ id: Identifier, _ told: Set<String>, _ store: any Stores
    ) async throws -> Bool {
        let name = id.description
        #expect(told.contains("user.registered \(name)"))
        let user = try await store.user(id)
        #expect((user == nil) == told.contains("user.deleted \(name)"), "user \(name): its row and its audit")
        guard let user else {
            #expect(willDelete.contains(name), "user \(name) is lost")
            return false
        }
        #expect(!didDelete.contains(name), "user \(name) is back")
        let hash = CrashWorkload.newHash
        let isChanged = try await store.replacePasswordHash(of: id, from: hash, to: hash)
        #expect(isChanged == told.contains("password.changed \(name)"), "user \(name): its password and its audit")
        #expect(isChanged ? willChange[name] != nil : !didChange.contains(name), "user \(name): its password")
        if isChanged { #expect(user.version == 2) }
        return isChanged
    }

    private func didEndSession(_ name: String, of user: String) -> Bool {
        didEnd.contains(name) || didEnd.contains(user) || didDelete.contains(user)
    }

    private func mayHaveEnded(_ name: String, of user: String) -> Bool {
        willEnd.contains(name) || willEnd.contains(user) || willDelete.contains(user)
    }
}
