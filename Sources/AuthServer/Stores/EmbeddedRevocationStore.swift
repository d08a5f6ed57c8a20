package import Auth

extension EmbeddedStore: RevocationStore {
    /// `revocations.kind`.
    private enum Kind: Int64 {
        case token = 1
        case session = 2
        case user = 3
    }

    package func load(at now: UnixTime) async throws(StoreError) -> [Revocation] {
        try await perform { transaction in
            let rows = try transaction.rows(
                "SELECT kind, id, minimum_version, until FROM revocations WHERE until > ?", now.milliseconds)
            var revocations = try rows.map { try Self.revocation(of: $0) }
            let generation = try transaction.row("SELECT generation FROM meta WHERE generation > 0")
            if let generation { revocations.append(.generation(try generation.integer(0))) }
            return revocations
        }
    }

    package func revoke(token: Identifier, until: UnixTime) async throws(StoreError) {
        try await perform { try Self.store(.token(token, until: until), $0) }
    }

    package func prune(at now: UnixTime) async throws(StoreError) -> Int {
        let maximum = limits.pruned
        return try await perform { transaction in
            try transaction.run(
                """
                DELETE FROM revocations WHERE (kind, id) IN
                (SELECT kind, id FROM revocations WHERE until <= ? ORDER BY until LIMIT ?)
                """, now.milliseconds, maximum)
            return transaction.changes
        }
    }

    /// Stores a revocation beside what is there: of two for one thing the stricter and the longer holds.
    static func store(_ revocation: Revocation, _ transaction: Transaction) throws {
        let (kind, id, minimumVersion, until): (Kind, Identifier, Int64, UnixTime)
        switch revocation {
        case .token(let token, let end): (kind, id, minimumVersion, until) = (.token, token, 0, end)
        case .session(let session, let end): (kind, id, minimumVersion, until) = (.session, session, 0, end)
        case .user(let user, let version, let end): (kind, id, minimumVersion, until) = (.user, user, version, end)
        case .generation(let generation):
            try transaction.run("UPDATE meta SET generation = max(generation, ?)", generation)
            return
        }
        try transaction.run(
            """
            INSERT INTO revocations (kind, id, minimum_version, until) VALUES (?, ?, ?, ?)
            ON CONFLICT (kind, id) DO UPDATE SET
            minimum_version = max(minimum_version, excluded.minimum_version), until = max(until, excluded.until)
            """, kind.rawValue, id.blob, minimumVersion, until.milliseconds)
    }

    private static func revocation(of row: StoredRow) throws(StoreError) -> Revocation {
        let id = try row.identifier(1)
        let until = try row.time(3)
        return switch Kind(rawValue: try row.integer(0)) {
        case .token: .token(id, until: until)
        case .session: .session(id, until: until)
        case .user: .user(id, minimumVersion: try row.integer(2), until: until)
        case nil: throw .damaged("a revocation is of no known kind")
        }
    }
}
