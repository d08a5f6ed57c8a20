import Auth
import Testing

extension Sample {
    static let origin = RequestOrigin(address: ClientAddress("192.0.2.7"), requestID: "request-1")
    static let otherOrigin = RequestOrigin(address: ClientAddress("2001:db8::1"), requestID: "request-2")

    /// Makes an administrator and returns it as stored.
    static func administrator(_ name: String, in store: any Stores) async throws -> User {
        try await store.create(newUser(name, roles: ["admin"]), as: .localOperator, from: .server).value()
    }

    /// A change of the password that every sample user has.
    static func passwordChange(
        _ session: StoredSession, from old: String = "$argon2id$sample", to new: String,
        attempt: AttemptReservation? = nil
    ) -> PasswordChange {
        PasswordChange(
            user: session.userID, version: session.userVersion, session: session.id, oldHash: old, newHash: new,
            attempt: attempt, graceMilliseconds: 60_000)
    }
}

extension User {
    /// As whom this user administers, with a token of its version.
    var authority: Authority { .user(id, version: version) }
}

extension AdminResult {
    func value() throws -> Value {
        guard case .done(let value) = self else { throw UnexpectedAnswer() }
        return value
    }

    var isNotAuthorized: Bool { if case .notAuthorized = self { true } else { false } }
    var isNotFound: Bool { if case .notFound = self { true } else { false } }
    var conflict: AdminConflict? { if case .conflict(let conflict) = self { conflict } else { nil } }
}

extension AuditStore {
    /// All entries, oldest first, read in pages.
    func everyEntry(_ filter: AuditFilter = AuditFilter()) async throws -> [AuditEntry] {
        var entries: [AuditEntry] = []
        var last: Int64? = 0
        while let after = last {
            let page = try await auditEntries(
                filter, after: after, limit: 200, at: Sample.start, as: .localOperator, from: .server
            ).value()
            entries += page.items.map(\.entry)
            last = page.next
        }
        return entries
    }
}

extension UserAdministration {
    /// All accounts, read in pages.
    func everyUser() async throws -> [User] {
        var users: [User] = []
        var last: Identifier?
        repeat {
            let page = try await self.users(
                UserFilter(), after: last, limit: 7, at: Sample.start, as: .localOperator, from: .server
            ).value()
            users += page.items
            last = page.next
        } while last != nil
        return users
    }
}

extension StoreContract {
    static func isEnabledAdministrator(_ user: User) -> Bool { user.isEnabled && user.roles.contains(.admin) }
}
