package import Auth

extension EmbeddedStore: UserStore {
    /// What `user(of:)` reads, in its order.
    static let userColumns = "users.id, users.username, users.roles, users.is_enabled, users.version, users.created_at"

    package func hasEverHadUsers() async throws(StoreError) -> Bool {
        try await perform { try $0.row("SELECT 1 FROM meta WHERE users_ever_made = 0") == nil }
    }

    package func createFirst(_ user: NewUser) async throws(StoreError) -> Bool {
        try await perform { transaction in
            guard try transaction.row("SELECT 1 FROM meta WHERE users_ever_made = 0") != nil else { return false }
            return try Self.insert(user, transaction)
        }
    }

    package func register(_ user: NewUser, from origin: RequestOrigin) async throws(StoreError) -> Bool {
        let maximum = limits.users
        return try await perform { transaction in
            guard let row = try transaction.row("SELECT count(*) FROM users"), try row.integer(0) < maximum else {
                throw StoreError.unavailable
            }
            return try Self.insert(user, transaction)
        }
    }

    package func user(_ id: Identifier) async throws(StoreError) -> User? {
        try await perform { try Self.user(id, $0) }
    }

    package func replacePasswordHash(
        of id: Identifier, from old: String, to new: String
    ) async throws(StoreError) -> Bool {
        try await perform { transaction in
            try transaction.run(
                "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?", new, id.blob, old)
            return transaction.changes == 1
        }
    }

    package func setEnabled(
        _ isEnabled: Bool, of id: Identifier, at now: UnixTime
    ) async throws(StoreError) -> [Revocation]? {
        let limits = limits
        return try await perform { transaction in
            try transaction.run("UPDATE users SET is_enabled = ? WHERE id = ?", isEnabled, id.blob)
            guard transaction.changes == 1 else { return nil }
            try transaction.audit(isEnabled ? .userEnabled : .userDisabled, user: id, at: now, limits)
            return isEnabled ? [] : try Self.endAll(of: id, at: now, limits, transaction)
        }
    }

    static func user(_ id: Identifier, _ transaction: Transaction) throws -> User? {
        try transaction.row("SELECT \(userColumns) FROM users WHERE id = ?", id.blob).map { try user(of: $0) }
    }

    /// The user in the columns from `first` on.
    static func user(of row: StoredRow, first: Int = 0) throws(StoreError) -> User {
        var roles: [Role] = []
        for name in try row.text(first + 2).split(separator: ",") {
            guard let role = Role(String(name)) else { throw .damaged("a role of a user is not one") }
            roles.append(role)
        }
        return User(
            id: try row.identifier(first), username: Username(stored: try row.text(first + 1)), roles: roles,
            isEnabled: try row.bool(first + 3), version: try row.integer(first + 4), createdAt: try row.time(first + 5))
    }

    private static func insert(_ user: NewUser, _ transaction: Transaction) throws -> Bool {
        try transaction.run(
            """
            INSERT INTO users (id, username, password_hash, roles, is_enabled, version, created_at)
            VALUES (?, ?, ?, ?, 1, 1, ?) ON CONFLICT (username) DO NOTHING
            """,
            user.id.blob, user.username.text, user.password.hash, user.roles.map(\.name).joined(separator: ","),
            user.createdAt.milliseconds)
        guard transaction.changes == 1 else { return false }
        try transaction.run("UPDATE meta SET users_ever_made = users_ever_made + 1")
        return true
    }
}
