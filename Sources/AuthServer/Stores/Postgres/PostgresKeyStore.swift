package import Auth
import Postgres

extension PostgresStore: KeyAdministration {
    private enum SQL {
        static let lock = Statement("lock_keys", lockText(PostgresLocks.keys))
        static let read = Statement(
            "keys_read",
            """
            SELECT id, purpose, algorithm, state, sealed, created_at, changed_at FROM keys
            ORDER BY purpose, created_at, id
            """)
        static let clear = Statement("keys_clear", "DELETE FROM keys")
        static let insert = Statement(
            "key_insert",
            """
            INSERT INTO keys (purpose, id, algorithm, state, sealed, created_at, changed_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """)
        static let bump = Statement("keys_bump", "UPDATE meta SET keys_version = keys_version + 1")
    }

    package func update(
        _ change: @escaping @Sendable ([StoredKey]) -> [StoredKey]?
    ) async throws(StoreError) -> [StoredKey] {
        try await transaction { transaction throws(PostgresError) in
            try await self.replace(change, transaction) { before, after in
                after.filter { key in key.state == .retired && before.contains { $0.isActive(as: key) } }.map { key in
                    let cause = Cause(actor: .server, origin: .server, at: key.changedAt)
                    return Self.auditing(.keyRotated, cause, detail: "\(key.purpose.rawValue) \(key.id)")
                }
            }
        }
    }

    package func administer(
        as authority: Authority, from origin: RequestOrigin, at now: UnixTime, audit event: AuditEvent, detail: String?,
        _ change: @escaping @Sendable ([StoredKey]) -> [StoredKey]?
    ) async throws(StoreError) -> AdminResult<[StoredKey]> {
        try await administer("keys", .changing, at: now, as: authority, from: origin) {
            transaction, cause throws(PostgresError) -> AdminResult<[StoredKey]> in
            .done(
                try await self.replace(change, transaction) { _, _ in [Self.auditing(event, cause, detail: detail)] })
        }
    }

    /// What comes out the same is not written, and every node is spared to read it.
    private func replace(
        _ change: @Sendable ([StoredKey]) -> [StoredKey]?, _ transaction: PostgresTransaction,
        audit: @Sendable (_ before: [StoredKey], _ after: [StoredKey]) -> [Query]
    ) async throws(PostgresError) -> [StoredKey] {
        let found = try await transaction.batch([Query(SQL.lock, []), Query(SQL.read, [])])
        let before = try Self.keys(of: found.last)
        guard let wanted = change(before) else { return before }
        guard wanted.count <= limits.keys else { throw PostgresError(.unavailable, "too many keys") }
        if wanted == before { return before }
        var queries = [Query(SQL.clear, [])]
        for key in wanted {
            queries.append(
                Query(
                    SQL.insert,
                    [
                        .text(key.purpose.rawValue), .text(key.id), .text(key.algorithm), .text(key.state.rawValue),
                        .bytes(key.sealed), .time(key.createdAt), .time(key.changedAt),
                    ]))
        }
        queries += [Query(SQL.bump, []), Query(SQL.read, [])]
        let after = try Self.keys(of: try await transaction.batch(queries).last)
        let entries = after == before ? [] : audit(before, after)
        if !entries.isEmpty { _ = try await transaction.batch(entries) }
        return after
    }

    private static func keys(of answer: QueryResult?) throws(PostgresError) -> [StoredKey] {
        guard let answer else { throw .damaged("an answer is missing") }
        return try answer.map { row throws(PostgresError) in
            let purpose = KeyPurpose(rawValue: try row.text(1))
            let state = KeyState(rawValue: try row.text(3))
            guard let purpose, let state else { throw .damaged("a key has no known purpose or state") }
            return StoredKey(
                id: try row.text(0), purpose: purpose, algorithm: try row.text(2), state: state,
                sealed: try row.bytes(4), createdAt: try row.time(5), changedAt: try row.time(6))
        }
    }
}
