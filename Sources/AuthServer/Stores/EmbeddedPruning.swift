package import Auth

extension EmbeddedStore: PrunableStore {
    package func pruneAttempts(countedUntil end: UnixTime) async throws(StoreError) -> Int {
        let maximum = limits.pruned
        return try await perform { transaction in
            try transaction.run(
                "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE at <= ? ORDER BY at LIMIT ?)",
                end.milliseconds, maximum)
            let count = transaction.changes
            try Self.uncount(count, transaction)
            return count
        }
    }

    package func pruneSessions(at now: UnixTime) async throws(StoreError) -> Int {
        let maximum = limits.pruned
        return try await perform { transaction in
            try transaction.run(
                """
                DELETE FROM sessions WHERE id IN (SELECT id FROM sessions
                WHERE min(idle_expires_at, absolute_expires_at) <= ? LIMIT ?)
                """, now.milliseconds, maximum)
            return transaction.changes
        }
    }
}
