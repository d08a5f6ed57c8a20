package import Auth
import Foundation

extension EmbeddedStore: KeyAdministration {
    package func update(
        _ change: @escaping @Sendable ([StoredKey]) -> [StoredKey]?
    ) async throws(StoreError) -> [StoredKey] {
        try await perform { transaction in
            let before = try Self.storedKeys(transaction)
            guard let after = change(before) else { return before }
            let stored = try Self.replaceKeys(by: after, transaction)
            for key in stored where key.state == .retired && before.contains(where: { $0.isActive(as: key) }) {
                let cause = Cause(actor: .server, origin: .server, at: key.changedAt)
                try transaction.audit(.keyRotated, cause, detail: "\(key.purpose.rawValue) \(key.id)")
            }
            return stored
        }
    }

    package func administer(
        as authority: Authority, from origin: RequestOrigin, at now: UnixTime, audit event: AuditEvent, detail: String?,
        _ change: @escaping @Sendable ([StoredKey]) -> [StoredKey]?
    ) async throws(StoreError) -> AdminResult<[StoredKey]> {
        try await administer("keys", at: now, as: authority, from: origin) { transaction, cause in
            let before = try Self.storedKeys(transaction)
            guard let after = change(before) else { return .done(before) }
            let stored = try Self.replaceKeys(by: after, transaction)
            if stored != before { try transaction.audit(event, cause, detail: detail) }
            return .done(stored)
        }
    }

    private static func replaceKeys(by keys: [StoredKey], _ transaction: Transaction) throws -> [StoredKey] {
        guard keys.count <= transaction.limits.keys else { throw StoreError.unavailable }
        try transaction.run("DELETE FROM keys")
        for key in keys {
            try transaction.run(
                """
                INSERT INTO keys (purpose, id, algorithm, state, sealed, created_at, changed_at)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
                key.purpose.rawValue, key.id, key.algorithm, key.state.rawValue, Data(key.sealed),
                key.createdAt.milliseconds, key.changedAt.milliseconds)
        }
        return try storedKeys(transaction)
    }

    static func storedKeys(_ transaction: Transaction) throws -> [StoredKey] {
        try transaction.rows(
            """
            SELECT id, purpose, algorithm, state, sealed, created_at, changed_at FROM keys
            ORDER BY purpose, created_at, id
            """
        ).map { row in
            let purpose = KeyPurpose(rawValue: try row.text(1))
            let state = KeyState(rawValue: try row.text(3))
            guard let purpose, let state else { throw StoreError.damaged("a key has no known purpose or state") }
            return StoredKey(
                id: try row.text(0), purpose: purpose, algorithm: try row.text(2), state: state,
                sealed: try row.blob(4), createdAt: try row.time(5), changedAt: try row.time(6))
        }
    }
}

extension StoredKey {
    func isActive(as other: StoredKey) -> Bool {
        state == .active && purpose == other.purpose && id == other.id
    }
}
