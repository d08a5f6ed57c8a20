package import Auth

extension EmbeddedStore: AuditStore {
    package func append(_ entries: [AuditEntry]) async throws(StoreError) {
        guard !entries.isEmpty else { return }
        try await perform { transaction in
            for entry in entries { try transaction.audit(entry) }
        }
    }

    package func auditEntries(
        _ filter: AuditFilter, before: Int64?, limit: Int, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<Page<StoredAuditEntry, Int64>> {
        try await administer("audit", at: now, as: authority, from: origin) { transaction, _ in
            .done(try AuditQuery(filter, ids: "id < ?", bound: before ?? .max, order: "DESC").page(limit, transaction))
        }
    }

    package func auditEntries(
        _ filter: AuditFilter, after: Int64, limit: Int, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<Page<StoredAuditEntry, Int64>> {
        try await administer("audit", at: now, as: authority, from: origin) { transaction, _ in
            .done(try AuditQuery(filter, ids: "id > ?", bound: after, order: "ASC").page(limit, transaction))
        }
    }

    package func pruneAudit(olderThan end: UnixTime) async throws(StoreError) -> Int {
        try await perform { transaction in
            try transaction.run(
                "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? ORDER BY at LIMIT ?)",
                end.milliseconds, transaction.limits.pruned)
            return transaction.changes
        }
    }
}
