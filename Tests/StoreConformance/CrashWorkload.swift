package import Auth
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
        record("did revoke \(token) \(user.id)")
        switch user.id.low % 4 {
        case 0:
            record("will endall \(user.id)")
            _ = try await store.endAll(of: user.id, at: Sample.at(90))
            record("did endall \(user.id)")
        case 1:
            record("will delete \(user.id)")
            _ = try await store.delete(user.id, at: Sample.at(90), as: .localOperator, from: .server)
            record("did delete \(user.id)")
        case 2: try await changePassword(user, sessions[1], store, record)
        default: break
        }
    }

    private static func changePassword(
        _ user: User, _ session: Identifier, _ store: any Stores, _ record: @Sendable (String) -> Void
    ) async throws {
        let change = PasswordChange(
            user: user.id, version: user.version, session: session, oldHash: "$argon2id$sample", newHash: newHash,
            attempt: nil, graceMilliseconds: 0)
        record("will password \(user.id) \(session)")
        _ = try await store.changePassword(change, at: Sample.at(90), from: .server)
        record("did password \(user.id) \(session)")
    }

    static let newHash = "$argon2id$changed"

    static func attempt(_ user: Identifier, address: String) -> LoginAttempt {
        LoginAttempt(
            username: Username(stored: "nobody"), nameKey: user.bytes, deviceKey: nil, addressKey: Sample.key(address),
            at: Sample.start)
    }
}
