package import Auth
import Postgres

extension PostgresStore: RevocationStore {
    private enum SQL {
        static let shareGeneration = Statement("share_generation_1", "SELECT share_generation_1()")
        static let revoke = Statement("revoke_1", "SELECT revoke_1($1, $2, $3, $4, $5)")
        static let collapseUsers = Statement("collapse_users_1", "SELECT * FROM collapse_users_1($1, $2)")
        static let raiseGeneration = Statement("raise_generation_1", "SELECT raise_generation_1()")
        static let inForce = Statement("in_force_1", "SELECT * FROM in_force_1($1, $2, $3)")
        static let pruneExpired = Statement(
            "prune_revocations",
            """
            DELETE FROM revocations WHERE (kind, id) IN (
                SELECT kind, id FROM revocations WHERE until <= $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            """)
        static let pruneCovered = Statement(
            "prune_revocations_covered",
            """
            DELETE FROM revocations WHERE (kind, id) IN (
                SELECT kind, id FROM revocations WHERE generation < (SELECT generation FROM meta)
                ORDER BY generation LIMIT $1 FOR UPDATE SKIP LOCKED
            )
            """)
    }

    /// Comes before a transaction's first row wherever it writes an entry or opens, uses or ends a session.
    static let shareGeneration = Query(SQL.shareGeneration, [])

    package func load(at now: UnixTime) async throws(StoreError) -> [Revocation] {
        try await snapshot(at: now).revocations
    }

    package func revoke(token: Identifier, of user: Identifier, until: UnixTime) async throws(StoreError) {
        _ = try await batch([Self.shareGeneration] + Self.storing(.token(token, user: user, until: until)))
    }

    package func collapse(
        _ collapse: RevocationCollapse, at now: UnixTime
    ) async throws(StoreError) -> [Revocation] {
        switch collapse {
        case .users(let users):
            return try revocations(
                of: try await run(SQL.collapseUsers, .ids(users), .time(limits.revocationEnd(at: now))))
        case .everything:
            let answer = try await run(SQL.raiseGeneration)
            return [.generation(try read { () throws(PostgresError) in try answer.first().integer(0) })]
        }
    }

    package func prune(at now: UnixTime) async throws(StoreError) -> Int {
        let count = Value.integer(Int64(limits.pruned))
        return try await batch([
            Query(SQL.pruneExpired, [.time(now), count]), Query(SQL.pruneCovered, [count]),
        ]).map(\.affected).reduce(0, +)
    }

    /// The entry still in force for a session that ended before or for a user.
    static func inForce(_ kind: RevocationKind, _ id: Identifier, at now: UnixTime) -> Query {
        Query(SQL.inForce, [.integer(kind.rawValue), .id(id), .time(now)])
    }

    /// Stores an entry beside what is there. The generation has its own statement.
    static func storing(_ revocation: Revocation) -> [Query] {
        func query(_ kind: RevocationKind, _ id: Identifier, _ user: Identifier?, _ version: Int64, _ until: UnixTime)
            -> [Query]
        {
            [Query(SQL.revoke, [.integer(kind.rawValue), .id(id), .id(user), .integer(version), .time(until)])]
        }
        switch revocation {
        case .token(let id, let user, let until): return query(.token, id, user, 0, until)
        case .session(let id, let user, let until): return query(.session, id, user, 0, until)
        case .user(let user, let version, let until): return query(.user, user, user, version, until)
        case .generation: return []
        }
    }
}
