import Auth
package import Postgres

/// Why a node does not go on with a database, or a migration is not done. The message says what to do about it.
package struct PostgresMigrationError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Reason: Sendable, Equatable {
        /// Not reachable, or not in time: nothing is known about it.
        case unavailable
        /// A later version took away what this build needs.
        case incompatible
        /// Not ours, of a version of Postgres that is too old, or in another encoding than UTF-8.
        case unusable
        /// Nodes of an older version run, which what is to be taken away would break.
        case inUse
    }

    package let reason: Reason
    package let description: String
}

/// Brings a database's schema to the version of this build, in steps that each are one transaction. Several nodes may try at
/// once: a lock lets one at a time through, and who comes after it finds the step done.
///
/// Adding is all that a start does. So a build and the one after it go on side by side, in either order, until the old one
/// is gone and `portcullis migrate --contract` takes away what only it needed.
package enum PostgresMigration {
    /// What this build knows, and may run on where `min_compatible` is not beyond it.
    package static let version = PostgresSchema.steps.count

    /// A step may build an index over all there is.
    private static let stepMilliseconds: Int64 = 10 * 60_000

    /// Versions of a database's schema.
    package struct State: Sendable, Equatable {
        package let version: Int
        package let minimumCompatible: Int
    }

    /// Adds what is missing; with `contract` takes away what builds before this one needed. Returns what the database has
    /// then. For the start, before anything else is asked of the database.
    @discardableResult
    package static func prepare(
        _ client: PostgresClient, contract: Bool = false
    ) async throws(PostgresMigrationError) -> State {
        try await prepare(client, steps: PostgresSchema.steps, contract: contract)
    }

    static func prepare(
        _ client: PostgresClient, steps: [PostgresSchema.Step], contract: Bool
    ) async throws(PostgresMigrationError) -> State {
        try await checkServer(client)
        let found = try await read(client)
        if let found, found.minimumCompatible > steps.count { throw .incompatible(found, known: steps.count) }
        let first = (found?.version ?? 0) + 1
        if first <= steps.count {
            for number in first...steps.count {
                try await execute(MigrationScript.expanding(to: number, steps[number - 1].expand), client)
            }
        }
        try await forgetNodes(client)
        if contract { try await self.contract(client, steps) }
        guard let state = try await read(client) else { throw .unusable("table meta is gone") }
        return state
    }

    private static func contract(
        _ client: PostgresClient, _ steps: [PostgresSchema.Step]
    ) async throws(PostgresMigrationError) {
        let older = try await ask { () async throws(PostgresError) in
            try await client.run(SQL.olderNodes, [.integer(Int64(steps.count))]).first().integer(0)
        }
        guard older == 0 else { throw .inUse(older) }
        for (index, step) in steps.enumerated() {
            guard let script = step.contract else { continue }
            try await execute(MigrationScript.contracting(to: index + 1, script), client)
        }
    }

    private static func execute(
        _ script: String, _ client: PostgresClient
    ) async throws(PostgresMigrationError) {
        try await ask { () async throws(PostgresError) in
            try await client.execute(script: script, milliseconds: stepMilliseconds)
        }
    }

    private static func ask<Answer: Sendable>(
        _ body: () async throws(PostgresError) -> Answer
    ) async throws(PostgresMigrationError) -> Answer {
        do throws(PostgresError) { return try await body() } catch { throw PostgresMigrationError(error) }
    }
}

// What is asked of a database that may be any.
extension PostgresMigration {
    private enum SQL {
        static let server = Statement(
            "migration_server",
            "SELECT current_setting('server_version_num')::bigint, current_setting('server_encoding')",
            isReadOnly: true)
        static let isThere = Statement(
            "migration_is_there", "SELECT to_regclass('meta') IS NOT NULL, to_regclass('users') IS NOT NULL",
            isReadOnly: true)
        static let version = Statement(
            "migration_version", "SELECT version, min_compatible FROM meta", isReadOnly: true)
        /// Nodes that ended without a word.
        static let forgetNodes = Statement(
            "migration_forget_nodes", "DELETE FROM nodes WHERE beat_at < clock_timestamp() - interval '1 day'")
        static let olderNodes = Statement(
            "migration_older_nodes",
            """
            SELECT count(*) FROM nodes
            WHERE schema_version < $1 AND beat_at > clock_timestamp() - interval '10 seconds'
            """)
    }

    /// `xid8` came with 13.
    private static let oldestServer: Int64 = 130_000

    private static func checkServer(_ client: PostgresClient) async throws(PostgresMigrationError) {
        let (version, encoding) = try await ask { () async throws(PostgresError) in
            let row = try await client.run(SQL.server, []).first()
            return (try row.integer(0), try row.text(1))
        }
        guard version >= oldestServer else { throw .unusable("its server is older than PostgreSQL 13") }
        guard encoding == "UTF8" else { throw .unusable("its encoding is \(encoding), and must be UTF8") }
    }

    /// Nil for a database without tables of ours.
    private static func read(_ client: PostgresClient) async throws(PostgresMigrationError) -> State? {
        let (hasMeta, hasUsers) = try await ask { () async throws(PostgresError) in
            let row = try await client.run(SQL.isThere, []).first()
            return (try row.bool(0), try row.bool(1))
        }
        guard hasMeta else {
            if hasUsers { throw .unusable("its table users is another program's") }
            return nil
        }
        return try await ask { () async throws(PostgresError) in
            let row = try await client.run(SQL.version, []).first()
            return State(
                version: Int(clamping: try row.integer(0)), minimumCompatible: Int(clamping: try row.integer(1)))
        }
    }

    private static func forgetNodes(_ client: PostgresClient) async throws(PostgresMigrationError) {
        _ = try await ask { () async throws(PostgresError) in try await client.run(SQL.forgetNodes, []) }
    }
}

/// A step as one statement: under the lock, and only when nobody did it meanwhile.
private enum MigrationScript {
    static func expanding(to number: Int, _ script: String) -> String {
        // Read from the catalog itself: `to_regclass` answers from a cache that waiting for the lock does not renew.
        let isDue =
            number == 1
            ? "NOT EXISTS (SELECT 1 FROM pg_class WHERE relname = 'meta' AND relnamespace = current_schema()::regnamespace)"
            : "(SELECT version FROM meta) = \(number - 1)"
        return block(isDue, script, "UPDATE meta SET version = \(number)")
    }

    static func contracting(to number: Int, _ script: String) -> String {
        block(
            "(SELECT min_compatible < \(number) AND version >= \(number) FROM meta)", script,
            "UPDATE meta SET min_compatible = \(number)")
    }

    private static func block(_ isDue: String, _ script: String, _ note: String) -> String {
        """
        DO $portcullis_migration$
        BEGIN
            PERFORM pg_advisory_xact_lock(\(PostgresLocks.space), \(PostgresLocks.migration));
            IF \(isDue) THEN
                EXECUTE $portcullis_step$
        \(script)
        $portcullis_step$;
                \(note);
            END IF;
        END $portcullis_migration$
        """
    }
}

extension PostgresMigrationError {
    fileprivate init(_ error: PostgresError) {
        switch error.code {
        case .unavailable, .inDoubt:
            self.init(reason: .unavailable, description: "The database cannot be asked: \(error.message).")
        case .refused(let state) where StoreError(postgres: error) == .unavailable:
            self.init(
                reason: .unavailable, description: "The database does not answer now (\(state)): \(error.message).")
        case .refused, .malformed: self = .unusable("\(error.message)")
        }
    }

    fileprivate static func unusable(_ what: String) -> PostgresMigrationError {
        PostgresMigrationError(
            reason: .unusable,
            description: "The database cannot be used: \(what). Nothing was changed. Point PORTCULLIS_DATABASE_URL at "
                + "one of Portcullis, or at an empty one.")
    }

    fileprivate static func incompatible(_ found: PostgresMigration.State, known: Int) -> PostgresMigrationError {
        PostgresMigrationError(
            reason: .incompatible,
            description:
                "The database is of schema \(found.version) and wants at least \(found.minimumCompatible); this "
                + "version of Portcullis knows \(known). Nothing was changed. Run the version that migrated it, or later."
        )
    }

    fileprivate static func inUse(_ nodes: Int64) -> PostgresMigrationError {
        PostgresMigrationError(
            reason: .inUse,
            description:
                "\(nodes) of the running nodes are of an older version and need what would be taken away. Nothing "
                + "was taken away. Replace them first; a node that ended without a word counts for ten seconds.")
    }
}
