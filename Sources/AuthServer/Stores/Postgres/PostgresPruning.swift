package import Auth
import Postgres

/// Rows that somebody else holds, another node's pruning among them, are left for the next time.
extension PostgresStore: PrunableStore {
    private enum SQL {
        static let attempts = Statement(
            "prune_attempts",
            """
            DELETE FROM attempts WHERE id IN (
                SELECT id FROM attempts WHERE at <= $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            """)
        static let expired = Statement(
            "prune_sessions",
            """
            DELETE FROM sessions WHERE id IN (
                SELECT id FROM sessions WHERE least(idle_expires_at, absolute_expires_at) <= $1
                ORDER BY least(idle_expires_at, absolute_expires_at) LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            """)
        /// What the ends of all sessions left behind.
        static let ended = Statement(
            "prune_sessions_ended",
            """
            DELETE FROM sessions WHERE id IN (
                SELECT s.id FROM endings AS e JOIN sessions AS s ON s.created_at < e.before AND s.generation < e.generation
                LIMIT $1 FOR UPDATE OF s SKIP LOCKED
            )
            """)
        /// An end that has no session left to keep away. None comes: the generation of new ones is beyond it.
        static let endings = Statement(
            "prune_endings",
            """
            DELETE FROM endings AS e WHERE NOT EXISTS (
                SELECT 1 FROM sessions AS s WHERE s.created_at < e.before AND s.generation < e.generation
            )
            """)
    }

    package func pruneAttempts(countedUntil end: UnixTime) async throws(StoreError) -> Int {
        try await run(SQL.attempts, .time(end), .integer(Int64(limits.pruned))).affected
    }

    package func pruneSessions(at now: UnixTime) async throws(StoreError) -> Int {
        let count = Value.integer(Int64(limits.pruned))
        let pruned = try await batch([
            Query(SQL.expired, [.time(now), count]), Query(SQL.ended, [count]), Query(SQL.endings, []),
        ])
        return pruned.prefix(2).map(\.affected).reduce(0, +)
    }
}
