package import Auth

extension EmbeddedStore: RevocationStore {
    package func load(at now: UnixTime) async throws(StoreError) -> [Revocation] {
        try await perform { transaction in
            let rows = try transaction.rows(
                "SELECT kind, id, user_id, minimum_version, until FROM revocations WHERE until > ?", now.milliseconds)
            var revocations = try rows.map { try Self.revocation(of: $0) }
            let generation = try transaction.row("SELECT generation FROM meta WHERE generation > 0")
            if let generation { revocations.append(.generation(try generation.integer(0))) }
            return revocations
        }
    }

    /// The entry still in force for a session that ended before; none when another entry took its place.
    static func revocations(
        ofSession id: Identifier, at now: UnixTime, _ transaction: Transaction
    ) throws -> [Revocation] {
        try revocations(.session, id, at: now, transaction)
    }

    /// The entry by version still in force for a user.
    static func revocations(
        ofUser id: Identifier, at now: UnixTime, _ transaction: Transaction
    ) throws -> [Revocation] {
        try revocations(.user, id, at: now, transaction)
    }

    private static func revocations(
        _ kind: RevocationKind, _ id: Identifier, at now: UnixTime, _ transaction: Transaction
    ) throws -> [Revocation] {
        let rows = try transaction.rows(
            """
            SELECT kind, id, user_id, minimum_version, until FROM revocations WHERE kind = ? AND id = ? AND until > ?
            """, kind.rawValue, id.blob, now.milliseconds)
        return try rows.map { try revocation(of: $0) }
    }

    package func revoke(token: Identifier, of user: Identifier, until: UnixTime) async throws(StoreError) {
        try await perform { try Self.store(.token(token, user: user, until: until), $0) }
    }

    package func collapse(
        _ collapse: RevocationCollapse, at now: UnixTime
    ) async throws(StoreError) -> [Revocation] {
        try await perform { transaction in
            switch collapse {
            case .users(let users):
                try users.map { user in
                    try Self.raiseVersion(of: user, at: now, transaction)
                        ?? Self.replaceEntries(of: user, minimumVersion: .max, at: now, transaction)
                }
            case .everything:
                [try Self.raiseGeneration(transaction)]
            }
        }
    }

    package func prune(at now: UnixTime) async throws(StoreError) -> Int {
        let maximum = limits.pruned
        return try await perform { transaction in
            try transaction.run(
                """
                DELETE FROM revocations WHERE rowid IN
                (SELECT rowid FROM revocations WHERE until <= ? ORDER BY until LIMIT ?)
                """, now.milliseconds, maximum)
            return transaction.changes
        }
    }

    /// Raises the user's version and puts one entry by version in place of all others of the user. Nil for a user who
    /// is gone: there is no version to raise, and the entries stay.
    static func raiseVersion(
        of user: Identifier, at now: UnixTime, _ transaction: Transaction
    ) throws -> Revocation? {
        let row = try transaction.row(
            "UPDATE users SET version = version + 1 WHERE id = ? RETURNING version", user.blob)
        guard let row else { return nil }
        return try replaceEntries(of: user, minimumVersion: try row.integer(0), at: now, transaction)
    }

    private static func replaceEntries(
        of user: Identifier, minimumVersion: Int64, at now: UnixTime, _ transaction: Transaction
    ) throws -> Revocation {
        let until = transaction.revocationEnd(at: now)
        let revocation = Revocation.user(user, minimumVersion: minimumVersion, until: until)
        try transaction.run("DELETE FROM revocations WHERE user_id = ?", user.blob)
        try store(revocation, transaction)
        return revocation
    }

    static func generation(_ transaction: Transaction) throws -> Int64 {
        guard let row = try transaction.row("SELECT generation FROM meta") else {
            throw StoreError.damaged("table meta is empty")
        }
        return try row.integer(0)
    }

    /// No token made before is good any more, so that the generation stands for every other entry.
    static func raiseGeneration(_ transaction: Transaction) throws -> Revocation {
        let row = try transaction.row("UPDATE meta SET generation = generation + 1 RETURNING generation")
        guard let row else { throw StoreError.damaged("table meta is empty") }
        try transaction.run("DELETE FROM revocations")
        return .generation(try row.integer(0))
    }

    /// Stores an entry beside what is there; of two for one thing the longer holds, and the higher version.
    static func store(_ revocation: Revocation, _ transaction: Transaction) throws {
        switch revocation {
        case .token(let id, let user, let until): try upsert(.token, id, user, 0, until, transaction)
        case .session(let id, let user, let until): try upsert(.session, id, user, 0, until, transaction)
        case .user(let user, let version, let until): try upsert(.user, user, user, version, until, transaction)
        case .generation(let generation):
            try transaction.run("UPDATE meta SET generation = max(generation, ?)", generation)
        }
    }

    private static func upsert(
        _ kind: RevocationKind, _ id: Identifier, _ user: Identifier?, _ minimumVersion: Int64, _ until: UnixTime,
        _ transaction: Transaction
    ) throws {
        try transaction.run(
            """
            INSERT INTO revocations (kind, id, user_id, minimum_version, until) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (kind, id) DO UPDATE SET user_id = ifnull(user_id, excluded.user_id),
            minimum_version = max(minimum_version, excluded.minimum_version), until = max(until, excluded.until)
            """, kind.rawValue, id.blob, user?.blob, minimumVersion, until.milliseconds)
    }

    private static func revocation(of row: StoredRow) throws(StoreError) -> Revocation {
        let id = try row.identifier(1)
        let user = try row.optionalIdentifier(2)
        let until = try row.time(4)
        return switch RevocationKind(rawValue: try row.integer(0)) {
        case .token: .token(id, user: user, until: until)
        case .session: .session(id, user: user, until: until)
        case .user: .user(id, minimumVersion: try row.integer(3), until: until)
        case nil: throw .damaged("a revocation is of no known kind")
        }
    }
}
