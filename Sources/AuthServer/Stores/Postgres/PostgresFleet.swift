package import Auth
import Postgres

/// Up to where the revocations of a database are known: everything of transactions before `transaction` was seen.
package struct RevocationCursor: Sendable, Equatable {
    /// Which history of which database: transactions of another one, after a failover or a restored backup, are counted anew.
    package let history: String
    /// No transaction below it was still running.
    package let transaction: Int64

    package init(history: String, transaction: Int64) {
        self.history = history
        self.transaction = transaction
    }
}

/// What a poll tells.
package struct FleetPoll: Sendable {
    /// What changed since the cursor, and perhaps what had before: to be applied however often it comes. The fleet's
    /// generation is always among them, once there is one.
    package let revocations: [Revocation]
    /// For the next poll.
    package let cursor: RevocationCursor
    /// Moves with every change of the key rings.
    package let keysVersion: Int64
    /// The database's clock, between when the poll was sent and when it was answered.
    package let databaseTime: UnixTime
    /// Nodes with a heartbeat in the last ten seconds of the database's clock, the one that asks among them.
    package let liveNodes: [Identifier]
    /// The lowest version of the schema that a build must know: beyond `PostgresMigration.version` this node's statements
    /// are gone.
    package let minimumCompatible: Int64
}

/// Everything in force, in one consistent read.
package struct FleetSnapshot: Sendable {
    package let revocations: [Revocation]
    package let cursor: RevocationCursor
    package let keysVersion: Int64
}

/// What a fleet's nodes ask each second, besides requests.
extension PostgresStore {
    /// Identifies the cluster, and its timeline: a standby that is promoted begins another.
    private static let history = """
        (SELECT system_identifier FROM pg_control_system())::text || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
        """

    private enum SQL {
        /// A heartbeat may be lost with the server: no node waits for a disk, or a standby that is away, to learn what was
        /// revoked.
        static let asynchronous = Statement(
            "commit_asynchronously", "SELECT set_config('synchronous_commit', 'off', true)")
        static let beat = Statement(
            "node_beat",
            """
            INSERT INTO nodes (id, address, version, schema_version, beat_at) VALUES ($1, $2, $3, $4, clock_timestamp())
            ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at, address = excluded.address,
                version = excluded.version, schema_version = excluded.schema_version
            RETURNING (extract(epoch FROM clock_timestamp()) * 1000)::bigint
            """)
        static let live = Statement(
            "nodes_live", "SELECT id FROM nodes WHERE beat_at > clock_timestamp() - interval '10 seconds' ORDER BY id")
        /// One row for each entry, or one without. The cursor is of the snapshot that the entries were read in.
        static let changed = Statement(
            "revocations_changed",
            """
            SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, h.history, m.generation, m.keys_version,
                m.min_compatible, \(revocationColumns)
            FROM meta AS m CROSS JOIN (SELECT \(history) AS history) AS h
            LEFT JOIN LATERAL (
                SELECT * FROM revocations WHERE h.history = $2 AND xid >= $1::text::xid8 ORDER BY xid LIMIT $3
            ) AS r ON true
            """)
        static let forget = Statement("node_forget", "DELETE FROM nodes WHERE id = $1")
        static let repeatable = Statement(
            "transaction_repeatable", "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        static let header = Statement(
            "snapshot_header",
            """
            SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, \(history), generation, keys_version FROM meta
            """)
        static let page = Statement(
            "revocations_page",
            """
            SELECT \(revocationColumns) FROM revocations AS r, meta AS m
            WHERE r.until > $1 AND r.generation >= m.generation AND (r.kind, r.id) > ($2::bigint, $3::uuid)
            ORDER BY r.kind, r.id LIMIT $4
            """)
    }

    /// Everything in force at `now`, with where to go on by `poll`. A large set takes several statements, of one snapshot.
    package func snapshot(at now: UnixTime) async throws(StoreError) -> FleetSnapshot {
        let size = limits.revocationPage
        return try await transaction { transaction throws(PostgresError) in
            let head = try await transaction.batch([Query(SQL.repeatable, []), Query(SQL.header, [])])
            guard let header = try head.last?.first() else { throw .damaged("an answer is missing") }
            var revocations: [Revocation] = []
            var last: (kind: Value, id: Value) = (.integer(0), .id(Identifier(high: 0, low: 0)))
            while true {
                let page = try await transaction.run(
                    SQL.page, [.time(now), last.kind, last.id, .integer(Int64(size))])
                revocations += try page.map { row throws(PostgresError) in try row.revocation() }
                guard page.rows.count == size, let row = page.rows.last else { break }
                last = (.integer(try row.integer(0)), .id(try row.identifier(1)))
            }
            let generation = try header.integer(2)
            if generation > 0 { revocations.append(.generation(generation)) }
            return FleetSnapshot(
                revocations: revocations,
                cursor: RevocationCursor(history: try header.text(1), transaction: try header.integer(0)),
                keysVersion: try header.integer(3))
        }
    }

    /// A heartbeat of this node, and what changed since `cursor`: one round trip. An entry belongs to the transaction that
    /// last changed it, and a transaction that was still running when the cursor was taken is not below it: what commits
    /// late is told by the next poll. Told again is what was told before but not below. A cursor of another history, or one
    /// too far behind for one statement, is answered with everything in force, by `snapshot`.
    package func poll(
        as node: Identifier, since cursor: RevocationCursor, nodeAddress: String, version: String
    ) async throws(StoreError) -> FleetPoll {
        let most = limits.revocationPage
        let answers = try await batch([
            Query(SQL.asynchronous, []),
            Query(
                SQL.beat,
                [.id(node), .text(nodeAddress), .text(version), .integer(Int64(PostgresMigration.version))]),
            Query(
                SQL.changed, [.integer(cursor.transaction), .text(cursor.history), .integer(Int64(most))]),
            Query(SQL.live, []),
        ])
        let (poll, isWhole) = try read { () throws(PostgresError) in try Self.poll(answers, since: cursor, most) }
        if isWhole { return poll }
        let snapshot = try await snapshot(at: poll.databaseTime)
        return FleetPoll(
            revocations: snapshot.revocations, cursor: snapshot.cursor, keysVersion: snapshot.keysVersion,
            databaseTime: poll.databaseTime, liveNodes: poll.liveNodes, minimumCompatible: poll.minimumCompatible)
    }

    private static func poll(
        _ answers: [QueryResult], since cursor: RevocationCursor, _ most: Int
    ) throws(PostgresError) -> (FleetPoll, isWhole: Bool) {
        guard answers.count == 4 else { throw .damaged("an answer is missing") }
        let changed = answers[2]
        let header = try changed.first()
        var revocations: [Revocation] = []
        for row in changed.rows where !row.isNull(5) { revocations.append(try row.revocation(5)) }
        let isWhole = try header.text(1) == cursor.history && revocations.count < most
        let generation = try header.integer(2)
        if generation > 0 { revocations.append(.generation(generation)) }
        let poll = FleetPoll(
            revocations: revocations,
            cursor: RevocationCursor(history: try header.text(1), transaction: try header.integer(0)),
            keysVersion: try header.integer(3), databaseTime: try answers[1].first().time(0),
            liveNodes: try answers[3].map { row throws(PostgresError) in try row.identifier(0) },
            minimumCompatible: try header.integer(4))
        return (poll, isWhole)
    }

    /// This node ends: the others count on it no longer.
    package func leave(node: Identifier) async throws(StoreError) {
        _ = try await run(SQL.forget, .id(node))
    }
}
