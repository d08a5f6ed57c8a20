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
            let cause = Cause(actor: .server, origin: .server, at: user.createdAt)
            return try Self.insert(user, .userCreated, cause, transaction)
        }
    }

    package func register(_ user: NewUser, from origin: RequestOrigin) async throws(StoreError) -> Bool {
        try await perform { transaction in
            let cause = Cause(actor: .user(user.id), origin: origin, at: user.createdAt)
            return try Self.insert(user, .userRegistered, cause, transaction)
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

    static func user(_ id: Identifier, _ transaction: Transaction) throws -> User? {
        try transaction.row("SELECT \(userColumns) FROM users WHERE id = ?", id.blob).map { try user(of: $0) }
    }

    /// The user in the columns from `first` on.
    static func user(of row: StoredRow, first: Int = 0) throws(StoreError) -> User {
        guard let roles = StoredRoles.roles(try row.text(first + 2)) else {
            throw .damaged("a role of a user is not one")
        }
        return User(
            id: try row.identifier(first), username: Username(stored: try row.text(first + 1)), roles: roles,
            isEnabled: try row.bool(first + 3), version: try row.integer(first + 4), createdAt: try row.time(first + 5))
    }

    /// The password in the three columns from `first` on: hash, end and use of a one-time one.
    static func password(of row: StoredRow, first: Int) throws(StoreError) -> StoredPassword {
        let hash = try row.text(first)
        guard let end = try row.optionalTime(first + 1) else { return StoredPassword(hash: hash) }
        return StoredPassword(hash: hash, oneTime: .init(expiresAt: end, isUsed: try row.bool(first + 2)))
    }

    /// False when the name is taken.
    static func insert(
        _ user: NewUser, _ event: AuditEvent, _ cause: Cause, _ transaction: Transaction
    ) throws -> Bool {
        let count = try transaction.row("SELECT count(*) FROM users")
        guard let count, try count.integer(0) < transaction.limits.users else { throw StoreError.unavailable }
        try transaction.run(
            """
            INSERT INTO users (id, username, password_hash, roles, is_enabled, version, created_at,
            one_time_expires_at, one_time_is_used)
            VALUES (?, ?, ?, ?, 1, 1, ?, ?, ?) ON CONFLICT (username) DO NOTHING
            """,
            user.id.blob, user.username.text, user.password.hash, StoredRoles.text(user.roles),
            user.createdAt.milliseconds, user.password.oneTime?.expiresAt.milliseconds,
            user.password.oneTime?.isUsed ?? false)
        guard transaction.changes == 1 else { return false }
        try transaction.run("UPDATE meta SET users_ever_made = users_ever_made + 1")
        let roles = user.roles.isEmpty ? nil : StoredRoles.text(user.roles)
        try transaction.audit(event, cause, user: user.id, detail: roles)
        return true
    }
}
