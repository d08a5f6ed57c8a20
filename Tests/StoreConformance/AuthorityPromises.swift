import Auth
import Testing

/// One method that only an administrator may call.
private struct Privilege: Sendable {
    let name: String
    /// Whether the authority was refused; `target` is a user with a session.
    let isRefused: @Sendable (any Stores, User, StoredSession, Authority, RequestOrigin) async throws -> Bool

    init(
        _ name: String,
        _ isRefused:
            @escaping @Sendable (any Stores, User, StoredSession, Authority, RequestOrigin) async throws -> Bool
    ) {
        self.name = name
        self.isRefused = isRefused
    }

    static let now = Sample.at(30)

    static let all: [Privilege] = reading + changing + revoking

    private static let reading: [Privilege] = [
        Privilege("users") { store, _, _, authority, origin in
            try await store.users(UserFilter(), after: nil, limit: 5, at: now, as: authority, from: origin)
                .isNotAuthorized
        },
        Privilege("user") { store, user, _, authority, origin in
            try await store.user(user.id, at: now, as: authority, from: origin).isNotAuthorized
        },
        Privilege("sessions") { store, user, _, authority, origin in
            try await store.sessions(of: user.id, at: now, as: authority, from: origin).isNotAuthorized
        },
        Privilege("attempts") { store, user, _, authority, origin in
            try await store.attempts(
                of: user.id, nameKey: Sample.key("ada"), since: Sample.start, at: now, as: authority, from: origin
            ).isNotAuthorized
        },
        Privilege("audit, newest first") { store, _, _, authority, origin in
            try await store.auditEntries(
                AuditFilter(), before: nil, limit: 5, at: now, as: authority, from: origin
            ).isNotAuthorized
        },
        Privilege("audit, oldest first") { store, _, _, authority, origin in
            try await store.auditEntries(AuditFilter(), after: 0, limit: 5, at: now, as: authority, from: origin)
                .isNotAuthorized
        },
    ]

    private static let changing: [Privilege] = [
        Privilege("create") { store, _, _, authority, origin in
            let new = try Sample.newUser("new")
            let stamped = NewUser(
                id: new.id, username: new.username, roles: [], password: new.password, createdAt: now)
            return try await store.create(stamped, as: authority, from: origin).isNotAuthorized
        },
        Privilege("update") { store, user, _, authority, origin in
            let change = UserChange(roles: [.admin], isEnabled: false)
            return try await store.update(user.id, change, at: now, as: authority, from: origin).isNotAuthorized
        },
        Privilege("delete") { store, user, _, authority, origin in
            try await store.delete(user.id, at: now, as: authority, from: origin).isNotAuthorized
        },
        Privilege("resetPassword") { store, user, _, authority, origin in
            try await store.resetPassword(
                of: user.id, to: StoredPassword(hash: "$other"), at: now, as: authority, from: origin
            ).isNotAuthorized
        },
        Privilege("unlock") { store, user, _, authority, origin in
            try await store.unlock(user.id, nameKey: Sample.key("ada"), at: now, as: authority, from: origin)
                .isNotAuthorized
        },
        Privilege("keys") { store, _, _, authority, origin in
            try await store.administer(as: authority, from: origin, at: now, audit: .keyRotated, detail: nil) { _ in
                Issue.record("asked in the name of nobody who may")
                return []
            }.isNotAuthorized
        },
    ]

    private static let revoking: [Privilege] = [
        Privilege("revoke a token") { store, _, _, authority, origin in
            try await store.revoke(.token(Sample.identifier()), at: now, as: authority, from: origin).isNotAuthorized
        },
        Privilege("revoke a session") { store, _, session, authority, origin in
            try await store.revoke(.session(session.id), at: now, as: authority, from: origin).isNotAuthorized
        },
        Privilege("revoke a user") { store, user, _, authority, origin in
            try await store.revoke(.user(user.id), at: now, as: authority, from: origin).isNotAuthorized
        },
        Privilege("revoke sessions") { store, _, _, authority, origin in
            try await store.revoke(.sessionsBefore(Sample.at(9999)), at: now, as: authority, from: origin)
                .isNotAuthorized
        },
    ]
}

extension StoreContract {
    package static let authorities: [StorePromise] = [
        StorePromise("every method of administration refuses who is not an administrator, and that alone is written") {
            store async throws in
            let user = try await Sample.user("ada", in: store)
            let session = try await Sample.openSession(of: user, in: store)
            _ = try await store.reserve(Sample.attempt("ada", at: Sample.at(2)), caps: AttemptCaps())
            let key = StoredKey(
                id: "k", purpose: .lookup, algorithm: "HS256", state: .active, sealed: [1], createdAt: Sample.start,
                changedAt: Sample.start)
            _ = try await store.update { _ in [key] }
            for authority in try await wrongAuthorities(in: store) {
                let before = try await everything(of: user, in: store)
                let entries = try await store.everyEntry()
                for privilege in Privilege.all {
                    #expect(
                        try await privilege.isRefused(store, user, session, authority, Sample.origin),
                        "\(privilege.name) as \(authority)")
                }
                #expect(try await everything(of: user, in: store) == before)
                let written = try await store.everyEntry().dropFirst(entries.count)
                #expect(written.count == Privilege.all.count)
                for entry in written {
                    #expect(entry.event == .administrationRefused && entry.actor == authority.actor)
                    #expect(entry.origin == Sample.origin && entry.at == Privilege.now)
                }
            }
        },
        StorePromise("every method of administration is open to an administrator and to the machine's owner") {
            store async throws in
            let administrator = try await Sample.administrator("root", in: store)
            for authority in [administrator.authority, .localOperator] {
                for privilege in Privilege.all where privilege.name != "keys" {
                    let user = try await Sample.user("user-\(Sample.identifier())", in: store)
                    let session = try await Sample.openSession(of: user, in: store)
                    #expect(
                        try await !privilege.isRefused(store, user, session, authority, Sample.origin),
                        "\(privilege.name) as \(authority)")
                    if privilege.name == "create" { try await remove("new", from: store) }
                }
            }
            #expect(try await store.everyEntry(AuditFilter(event: .administrationRefused)).isEmpty)
        },
        StorePromise("an administrator's change beside the end of its own rights comes before it or is refused") {
            store async throws in
            for round in 0..<10 {
                let administrator = try await Sample.administrator("root-\(round)", in: store)
                let user = try await Sample.user("ada-\(round)", in: store)
                async let demoting = store.update(
                    administrator.id, UserChange(roles: []), at: Sample.at(1), as: .localOperator, from: .server)
                let answers = try await inParallel(10) { _ in
                    try await store.update(
                        user.id, UserChange(roles: [.admin]), at: Sample.at(1), as: administrator.authority,
                        from: Sample.origin)
                }
                // Somebody else is an administrator only where a change came first.
                let demoted = try await demoting
                let granted = answers.contains { if case .done = $0 { true } else { false } }
                #expect(answers.allSatisfy { $0.conflict == nil && !$0.isNotFound })
                let isAdministrator = try #require(try await store.user(user.id)).roles.contains(.admin)
                #expect(granted == isAdministrator)
                #expect(demoted.conflict == nil || round == 0)
            }
        },
    ]

    private static func wrongAuthorities(in store: any Stores) async throws -> [Authority] {
        // So that the others can be taken away.
        _ = try await Sample.administrator("root", in: store)
        let ordinary = try await Sample.user("ordinary", in: store)
        let disabled = try await Sample.administrator("disabled", in: store)
        _ = try await store.setEnabled(false, of: disabled.id, at: Sample.at(1))
        let disabledNow = try #require(try await store.user(disabled.id))
        let deleted = try await Sample.administrator("deleted", in: store)
        _ = try await store.delete(deleted.id, at: Sample.at(1), as: .localOperator, from: .server).value()
        let older = try await Sample.administrator("older", in: store)
        _ = try await store.endAll(of: older.id, at: Sample.at(1))
        let demoted = try await Sample.administrator("demoted", in: store)
        let demotedNow = try await store.update(
            demoted.id, UserChange(roles: [try #require(Role("admins"))]), at: Sample.at(1), as: .localOperator,
            from: .server
        ).value().user
        return [
            .user(try Sample.identifier(), version: 1), ordinary.authority, disabled.authority,
            disabledNow.authority, deleted.authority, older.authority, .user(older.id, version: older.version + 2),
            demoted.authority, demotedNow.authority,
        ]
    }

    /// What stands in the store, apart from the audit.
    private static func everything(of user: User, in store: any Stores) async throws -> [String] {
        let password = try await store.replacePasswordHash(
            of: user.id, from: "$argon2id$sample", to: "$argon2id$sample")
        let attempts = try await store.attempts(
            of: user.id, nameKey: Sample.key("ada"), since: Sample.start, at: Sample.start, as: .localOperator,
            from: .server
        ).value()
        return [
            "\(try await store.everyUser())", "\(try await store.sessions(of: user.id))", "\(attempts)",
            "\(try await store.load(at: Sample.start).map { "\($0)" }.sorted())",
            "\(try await store.update { _ in nil })",
            "\(password)",
        ]
    }

    private static func remove(_ name: String, from store: any Stores) async throws {
        let page = try await store.users(
            UserFilter(username: Username(stored: name)), after: nil, limit: 2, at: Sample.start, as: .localOperator,
            from: .server
        ).value()
        for user in page.items {
            _ = try await store.delete(user.id, at: Sample.start, as: .localOperator, from: .server)
        }
    }
}
