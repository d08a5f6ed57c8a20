package import Auth
import Foundation

extension EmbeddedStore: KeyStore {
    package func update(
        _ change: @escaping @Sendable ([StoredKey]) -> [StoredKey]?
    ) async throws(StoreError) -> [StoredKey] {
        let maximum = limits.keys
        return try await perform { transaction in
            let before = try Self.storedKeys(transaction)
            guard let after = change(before) else { return before }
            guard after.count <= maximum else { throw StoreError.unavailable }
            try transaction.run("DELETE FROM keys")
            for key in after {
                try transaction.run(
                    """
                    INSERT INTO keys (purpose, id, algorithm, state, sealed, created_at, changed_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                    key.purpose.rawValue, key.id, key.algorithm, key.state.rawValue, Data(key.sealed),
                    key.createdAt.milliseconds, key.changedAt.milliseconds)
            }
            return try Self.storedKeys(transaction)
        }
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
