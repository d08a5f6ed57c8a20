package import Auth
import Postgres

extension PostgresStore: UserStore {
    private enum SQL {
        static let hadUsers = Statement("had_users", "SELECT has_had_users FROM meta", isReadOnly: true)
        static let user = Statement(
            "user_by_id", "SELECT \(userColumns) FROM users AS u WHERE u.id = $1", isReadOnly: true)
        static let replaceHash = Statement(
            "user_replace_hash", "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
        static let noteUsers = Statement(
            "note_users", "UPDATE meta SET has_had_users = true WHERE NOT has_had_users")
        /// Nothing inserted: the name is taken, or the table is full (`true`).
        static let insert = Statement(
            "user_insert",
            """
            WITH room AS (SELECT reltuples < $8::bigint AS is_there FROM pg_class WHERE oid = 'users'::regclass),
            made AS (
                INSERT INTO users (id, username, password_hash, roles, is_enabled, version, created_at,
                    one_time_expires_at, one_time_is_used)
                SELECT $1::uuid, $2::text, $3::text, $4::text, true, 1, $5::bigint, $6::bigint, $7::boolean
                FROM room WHERE room.is_there
                ON CONFLICT (username) DO NOTHING RETURNING 1
            )
            SELECT room.is_there, EXISTS (SELECT 1 FROM made) FROM room
            """)
    }

    package func hasEverHadUsers() async throws(StoreError) -> Bool {
        let answer = try await run(SQL.hadUsers)
        return try read { () throws(PostgresError) in try answer.first().bool(0) }
    }

    package func createFirst(_ user: NewUser) async throws(StoreError) -> Bool {
        let cause = Cause(actor: .server, origin: .server, at: user.createdAt)
        return try await transaction { transaction throws(PostgresError) in
            // Parallel callers wait here for the first, and then change nothing.
            guard try await transaction.run(SQL.noteUsers, []).affected == 1 else { return false }
            return try await self.insert(user, .userCreated, cause, transaction)
        }
    }

    package func register(_ user: NewUser, from origin: RequestOrigin) async throws(StoreError) -> Bool {
        let cause = Cause(actor: .user(user.id), origin: origin, at: user.createdAt)
        return try await transaction { transaction throws(PostgresError) in
            try await self.insert(user, .userRegistered, cause, transaction)
        }
    }

    package func user(_ id: Identifier) async throws(StoreError) -> User? {
        let answer = try await run(SQL.user, .id(id))
        return try read { () throws(PostgresError) in try answer.map { row throws(PostgresError) in try row.user() } }
            .first
    }

    package func replacePasswordHash(
        of id: Identifier, from old: String, to new: String
    ) async throws(StoreError) -> Bool {
        try await run(SQL.replaceHash, .id(id), .text(old), .text(new)).affected == 1
    }

    static func user(
        _ id: Identifier, _ transaction: PostgresTransaction
    ) async throws(PostgresError) -> User? {
        try await transaction.run(SQL.user, [.id(id)]).rows.first?.user()
    }

    /// False when the name is taken. A table that is full is thrown, so that nothing of the transaction stays, the note
    /// that there was an account among it.
    func insert(
        _ user: NewUser, _ event: AuditEvent, _ cause: Cause, _ transaction: PostgresTransaction
    ) async throws(PostgresError) -> Bool {
        let roles = StoredRoles.text(user.roles)
        let answers = try await transaction.batch([
            // Before the account, as `createFirst` does: who waits for a name holds nothing that another waits for.
            Query(SQL.noteUsers, []),
            Query(
                SQL.insert,
                [
                    .id(user.id), .text(user.username.text), .text(user.password.hash), .text(roles),
                    .time(user.createdAt), .time(user.password.oneTime?.expiresAt),
                    .bool(user.password.oneTime?.isUsed ?? false), .integer(limits.users),
                ]),
        ])
        guard let row = answers.last?.rows.first else { throw .damaged("user_insert answered nothing") }
        guard try row.bool(0) else { throw PostgresError(.unavailable, "the table of users is full") }
        guard try row.bool(1) else { return false }
        _ = try await transaction.batch([
            Self.auditing(event, cause, user: user.id, detail: user.roles.isEmpty ? nil : roles)
        ])
        return true
    }
}
