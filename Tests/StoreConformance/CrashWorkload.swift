import Auth
import Testing

/// What a child does until it is killed: it says what it is about to do before each change ("will") and what was
/// acknowledged after it ("did"), a line each. The lines of any number of children that worked on one store, one after
/// the other, are one history.
package enum CrashWorkload {
    /// Changes the store until it no longer answers. `record` must have the line out when it returns.
    package static func run(on store: any Stores, record: @escaping @Sendable (String) -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    do {
                        while true { try await round(store, record) }
                    } catch {
                        record("stopped \(error)")
                    }
                }
            }
        }
    }

    /// The life of one user with two sessions: logins, refreshes, ends.
    private static func round(_ store: any Stores, _ record: @Sendable (String) -> Void) async throws {
        let user = try await Sample.user("user-\(Sample.identifier())", in: store)
        record("did make \(user.id)")
        for _ in 0..<3 {
            _ = try await store.reserve(attempt(user.id, address: "stranger"), caps: AttemptCaps())
            record("did count \(user.id)")
        }
        var sessions: [Identifier] = []
        for _ in 0..<2 {
            let session = try Sample.session(of: user)
            let login = try await store.reserve(attempt(user.id, address: "home"), caps: AttemptCaps())
            _ = try await store.open(session, maximumPerUser: 100, givingBack: login.reservation)
            record("did open \(session.id) \(user.id)")
            sessions.append(session.id)
        }
        for counter in 1...UInt32(5) {
            for session in sessions {
                record("will rotate \(session) \(counter)")
                _ = try await store.refresh(session, at: Sample.at(60)) { _ in .rotate(to: counter) }
                record("did rotate \(session) \(counter)")
            }
        }
        record("will end \(sessions[0])")
        _ = try await store.end(sessions[0], at: Sample.at(90))
        record("did end \(sessions[0])")
        let token = try Sample.identifier()
        try await store.revoke(token: token, of: user.id, until: Sample.at(900))
        record("did revoke \(token)")
        if user.id.low % 2 == 0 {
            record("will endall \(user.id)")
            _ = try await store.endAll(of: user.id, at: Sample.at(90))
            record("did endall \(user.id)")
        }
    }

    fileprivate static func attempt(_ user: Identifier, address: String) -> LoginAttempt {
        LoginAttempt(
            username: Username(stored: "nobody"), nameKey: user.bytes, deviceKey: nil, addressKey: Sample.key(address),
            at: Sample.start)
    }
}

/// What children said, and the check that a store still knows all that was acknowledged to them.
package struct CrashHistory {
    private struct Session {
        let id: Identifier
        let user: String
        var counters: ClosedRange<UInt32> = 0...0
    }

    private var users: [String: Int] = [:]
    private var sessions: [String: Session] = [:]
    private var tokens: [Identifier] = []
    private var willEnd: Set<String> = []
    private var didEnd: Set<String> = []

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
        case ("will", _): willEnd.insert(words[2])
        case ("did", "revoke"): tokens.append(id)
        case ("did", _): didEnd.insert(words[2])
        default: Issue.record("\(line)")
        }
    }

    /// Uses attempts up: call once on a store that is thrown away, or with `attempts` false.
    package func check(_ store: any Stores, attempts: Bool) async throws {
        let revoked = try await store.load(at: Sample.at(90))
        var rows: [Identifier: StoredSession] = [:]
        for (name, counted) in users {
            let id = try #require(Identifier(name))
            #expect(try await store.user(id) != nil, "user \(name)")
            for session in try await store.sessions(of: id) { rows[session.id] = session }
            guard attempts, counted > 0 else { continue }
            let caps = AttemptCaps(unknownDevices: counted, knownDevice: 1, windowMilliseconds: 86_400_000)
            let next = try await store.reserve(CrashWorkload.attempt(id, address: "probe"), caps: caps)
            #expect(next.reservation == nil, "attempts of \(name)")
        }
        let endedSessions = Set(revoked.compactMap { if case .session(let id, _, _) = $0 { id } else { nil } })
        let endedUsers = Set(revoked.compactMap { if case .user(let id, _, _) = $0 { id.description } else { nil } })
        for (name, session) in sessions {
            let isRevoked = endedSessions.contains(session.id) || endedUsers.contains(session.user)
            #expect((rows[session.id] == nil) == isRevoked, "session \(name): its row and its revocation")
            let wasEnded = didEnd.contains(name) || didEnd.contains(session.user)
            let mayHaveEnded = willEnd.contains(name) || willEnd.contains(session.user)
            if let row = rows[session.id] {
                #expect(!wasEnded, "session \(name) is back")
                #expect(session.counters.contains(row.counter), "session \(name): counter \(row.counter)")
            } else {
                #expect(mayHaveEnded, "session \(name) is lost")
            }
        }
        let revokedTokens = Set(revoked.compactMap { if case .token(let id, _, _) = $0 { id } else { nil } })
        for user in endedUsers { #expect(didEnd.contains(user) || willEnd.contains(user)) }
        for token in tokens where endedUsers.isEmpty { #expect(revokedTokens.contains(token), "token \(token)") }
    }
}
