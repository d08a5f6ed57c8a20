import Postgres
import Reactor
import TestSupport
import Testing

/// What a client does with a server that is well.
@Suite(.serialized) struct ClientTests {
    private let url: String

    init() throws { url = try RealServers.shared().databaseURL }

    @Test func `every type goes out and comes back`() async throws {
        let statement = Statement(
            "test_echo",
            """
            SELECT $1::bool, $2::bigint, $3::text, $4::bytea, $5::uuid, $6::text[], $7::bytea[], $8::uuid[], $9::bigint[],
            $10::text, 7::int, 7::smallint, pg_current_xact_id()
            """)
        let id = [UInt8](0..<16)
        try await withClient(url) { client in
            let row = try await client.run(
                statement,
                [
                    .bool(true), .integer(.min), .text("é\u{1F600}"), .bytes([0, 1, 255]), .uuid(id),
                    .texts(["a", "b,\"c"]),
                    .byteArrays([[], [0]]), .uuids([id]), .integers([-1, 0]), .null,
                ]
            ).rows[0]
            #expect(try row.bool(0))
            #expect(try row.integer(1) == .min)
            #expect(try row.text(2) == "é\u{1F600}")
            #expect(try row.bytes(3) == [0, 1, 255])
            #expect(try row.uuid(4) == id)
            #expect(try row.texts(5) == ["a", "b,\"c"])
            #expect(try row.byteArrays(6) == [[], [0]])
            #expect(try row.uuids(7) == [id])
            #expect(try row.integers(8) == [-1, 0])
            #expect(try row.optionalText(9) == nil)
            #expect(try row.integer(10) == 7)
            #expect(try row.integer(11) == 7)
            #expect(try row.integer(12) > 0)
        }
    }

    @Test func `a batch is one transaction: all or nothing`() async throws {
        try await withClient(url) { client in
            try await client.execute(
                script: "DROP TABLE IF EXISTS batches; CREATE TABLE batches (n bigint PRIMARY KEY)", milliseconds: 5000)
            let insert = Statement("test_batch_insert", "INSERT INTO batches VALUES ($1)")
            let count = Statement("test_batch_count", "SELECT count(*) FROM batches", isReadOnly: true)
            let results = try await client.batch([
                Query(insert, [.integer(1)]), Query(insert, [.integer(2)]), Query(count, []),
            ])
            #expect(results.map(\.affected) == [1, 1, 1])
            #expect(try results[2].rows[0].integer(0) == 2)

            let error = await failure { () throws(PostgresError) in
                _ = try await client.batch([
                    Query(insert, [.integer(3)]), Query(insert, [.integer(1)]), Query(count, []),
                ])
            }
            #expect(error?.code == .refused(.uniqueViolation))
            #expect(try await client.run(count, []).rows[0].integer(0) == 2)
        }
    }

    @Test func `a transaction commits what its body did, and rolls back when it throws`() async throws {
        try await withClient(url) { client in
            try await client.execute(
                script: "DROP TABLE IF EXISTS bodies; CREATE TABLE bodies (n bigint PRIMARY KEY)", milliseconds: 5000)
            let insert = Statement("test_body_insert", "INSERT INTO bodies VALUES ($1) RETURNING n")
            let count = Statement("test_body_count", "SELECT count(*) FROM bodies", isReadOnly: true)
            let before = client.statistics
            let seen = try await client.transaction { transaction throws(PostgresError) in
                _ = try await transaction.run(insert, [.integer(1)])
                return try await transaction.batch([Query(insert, [.integer(2)]), Query(count, [])])[1].rows[0].integer(
                    0)
            }
            #expect(seen == 2)
            // BEGIN goes with the first statement; COMMIT is a trip of its own.
            #expect(client.statistics.roundTrips - before.roundTrips == 3)

            let error = await failure { () throws(PostgresError) in
                try await client.transaction { transaction throws(PostgresError) in
                    _ = try await transaction.run(insert, [.integer(3)])
                    throw PostgresError(.malformed, "the body's own")
                }
            }
            #expect(error?.message == "the body's own")
            let refused = await failure { () throws(PostgresError) in
                try await client.transaction { transaction throws(PostgresError) in
                    _ = try await transaction.run(insert, [.integer(4)])
                    _ = await failure { () throws(PostgresError) in _ = try await transaction.run(insert, [.integer(1)])
                    }
                }
            }
            #expect(refused?.code == .refused(.uniqueViolation))
            #expect(try await client.run(count, []).rows[0].integer(0) == 2)
            #expect(client.statistics.failures == before.failures)
        }
    }

    @Test func `a transaction that is over runs nothing`() async throws {
        try await withClient(url) { client in
            let leaked = try await client.transaction { transaction throws(PostgresError) in transaction }
            let error = await failure { () throws(PostgresError) in _ = try await leaked.run(SQL.one, []) }
            #expect(error?.code == .unavailable)
        }
    }

    @Test func `a constraint that is checked at the commit refuses it`() async throws {
        try await withClient(url) { client in
            try await client.execute(
                script: """
                    DROP TABLE IF EXISTS deferred;
                    CREATE TABLE deferred (n bigint UNIQUE DEFERRABLE INITIALLY DEFERRED)
                    """, milliseconds: 5000)
            let insert = Statement("test_deferred", "INSERT INTO deferred VALUES ($1)")
            let batch = await failure { () throws(PostgresError) in
                _ = try await client.batch([Query(insert, [.integer(1)]), Query(insert, [.integer(1)])])
            }
            #expect(batch?.code == .refused(.uniqueViolation))
            let transaction = await failure { () throws(PostgresError) in
                try await client.transaction { transaction throws(PostgresError) in
                    _ = try await transaction.batch([Query(insert, [.integer(1)]), Query(insert, [.integer(1)])])
                }
            }
            #expect(transaction?.code == .refused(.uniqueViolation))
            #expect(try await client.run(SQL.one, []).rows.count == 1)
        }
    }

    @Test func `errors have their state, quote no data, and leave the connection good`() async throws {
        try await withClient(url) { client in
            _ = try await client.run(SQL.one, [])
            let connects = client.statistics.connects
            let cast = Statement("test_cast", "SELECT $1::text::bigint")
            let error = await failure { () throws(PostgresError) in _ = try await client.run(cast, [.text("secret")]) }
            #expect(error?.code == .refused(SQLState("22P02")))
            #expect(error?.message.contains("secret") == false)
            let missing = await failure { () throws(PostgresError) in
                _ = try await client.run(Statement("test_missing", "SELECT * FROM missing_table"), [])
            }
            #expect(missing?.code == .refused(.undefinedTable))
            let raised = await failure { () throws(PostgresError) in
                try await client.execute(script: "DO $$ BEGIN RAISE EXCEPTION 'no'; END $$", milliseconds: 1000)
            }
            #expect(raised?.code == .refused(.raised))
            #expect(connects == 1)
        }
    }

    @Test func `a value that comes where null was before is sent in its own type`() async throws {
        try await withClient(url) { client in
            try await client.execute(
                script: "DROP TABLE IF EXISTS narrow; CREATE TABLE narrow (n int, t varchar(8))", milliseconds: 5000)
            let insert = Statement("test_narrow", "INSERT INTO narrow VALUES ($1, $2)")
            _ = try await client.run(insert, [.null, .null])
            _ = try await client.run(insert, [.integer(5), .null])
            _ = try await client.run(insert, [.null, .text("x")])
            let sum = Statement("test_narrow_sum", "SELECT count(*), sum(n), max(t) FROM narrow", isReadOnly: true)
            let row = try await client.run(sum, []).rows[0]
            #expect(try row.integer(0) == 3)
            #expect(try row.integer(1) == 5)
            #expect(try row.text(2) == "x")
        }
    }

    @Test func `an answer far larger than a buffer comes whole`() async throws {
        let large = Statement("test_large", "SELECT repeat('x', 3000) FROM generate_series(1, $1)", isReadOnly: true)
        let write = Statement("test_write", "SELECT length($1)", isReadOnly: true)
        try await withClient(url) { client in
            let rows = try await client.run(large, [.integer(2000)]).rows
            #expect(rows.count == 2000)
            #expect(try rows.last?.text(0).utf8.count == 3000)
            // And a parameter larger than the socket takes at once.
            let text = String(repeating: "é", count: 4_000_000)
            #expect(try await client.run(write, [.text(text)]).rows[0].integer(0) == 4_000_000)
        }
    }

    @Test func `many callers share few connections, each with its own answer`() async throws {
        let echo = Statement("test_share", "SELECT $1", isReadOnly: true)
        try await withClient(url, connections: 3, { $0.waitMilliseconds = 20_000 }) { client in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in Int64(0)..<500 {
                    group.addTask {
                        let results = try await client.batch([
                            Query(echo, [.integer(number)]), Query(echo, [.integer(-number)]),
                        ])
                        return try results[0].rows[0].integer(0) == number && results[1].rows[0].integer(0) == -number
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(client.statistics.connects == 3)
            #expect(client.statistics.roundTrips == 500)
            #expect(client.statistics.inUse == 0)
            #expect(client.statistics.waiting == 0)
        }
    }

    @Test func `a caller waits no longer than it may, and one that leaves frees its place`() async throws {
        let change: (inout PostgresConfiguration) -> Void = {
            $0.maximumWaiting = 2
            $0.statementMilliseconds = 3000
            $0.waitMilliseconds = 300
        }
        try await withClosedGate(url) { gate, open in
            try await withClient(url, change) { client in
                _ = try await client.run(SQL.one, [])
                async let busy = client.run(SQL.pass, [.integer(gate)])
                await until { client.statistics.inUse == 1 }
                let start = MonotonicTime.now
                async let leaving = Task { try await client.run(SQL.one, []) }
                let leaver = await leaving
                await until { client.statistics.waiting == 1 }
                async let late = failure { () throws(PostgresError) in _ = try await client.run(SQL.one, []) }
                await until { client.statistics.waiting == 2 }
                let full = await failure { () throws(PostgresError) in _ = try await client.run(SQL.one, []) }
                #expect(full?.code == .unavailable)
                #expect(milliseconds(since: start) < 300)
                leaver.cancel()
                await until { client.statistics.waiting == 1 }
                #expect(await late?.code == .unavailable)
                #expect((290...1200).contains(milliseconds(since: start)))
                try await open()
                #expect(try await busy.rows.count == 1)
            }
        }
    }

    @Test func `the server ends a statement that takes too long, and the connection stays`() async throws {
        try await withClosedGate(url) { gate, _ in
            try await withClient(url, { $0.statementMilliseconds = 200 }) { client in
                _ = try await client.run(SQL.one, [])
                let error = await failure { () throws(PostgresError) in
                    _ = try await client.run(SQL.pass, [.integer(gate)])
                }
                #expect(error?.code == .refused(.queryCanceled))
                #expect(try await client.run(SQL.one, []).rows.count == 1)
                #expect(client.statistics.connects == 1)
                #expect(client.statistics.timeouts == 0)
            }
        }
    }

    @Test func `a script may take longer than a statement, and its settings stay nowhere`() async throws {
        try await withClosedGate(url) { gate, open in
            try await withClient(url, { $0.statementMilliseconds = 200 }) { client in
                let start = MonotonicTime.now
                async let script: Void = client.execute(
                    script: "SELECT pg_advisory_xact_lock_shared(\(gate)); SET search_path = nowhere",
                    milliseconds: 5000)
                await until { milliseconds(since: start) > 500 }
                try await open()
                try await script
                let show = Statement(
                    "test_show", "SELECT current_setting('search_path'), current_setting('statement_timeout')")
                let row = try await client.run(show, []).rows[0]
                #expect(try row.text(0) != "nowhere")
                #expect(try row.text(1) == "200ms")
                try await withClosedGate(url) { another, _ in
                    let late = await failure { () throws(PostgresError) in
                        try await client.execute(
                            script: "SELECT pg_advisory_xact_lock_shared(\(another))", milliseconds: 100)
                    }
                    #expect(late?.code == .refused(.queryCanceled))
                }
            }
        }
    }

    @Test func `a table that changes its columns costs nobody an error`() async throws {
        try await withClient(url) { client in
            try await client.execute(
                script:
                    "DROP TABLE IF EXISTS changing; CREATE TABLE changing (n bigint); INSERT INTO changing VALUES (1)",
                milliseconds: 5000)
            let all = Statement("test_changing", "SELECT * FROM changing")
            _ = try await client.run(all, [])
            let alter = Statement("test_alter", "ALTER TABLE changing ADD COLUMN t text")
            _ = try await client.run(alter, [])
            #expect(try await client.run(all, []).rows[0].isNull(1))
            #expect(client.statistics.retries == 1)
        }
    }

    @Test func `it serves callers of other loops and returns them to theirs`() async throws {
        try await withClient(url) { client in
            let other = try EventLoop(name: "caller")
            try other.start()
            let isHome = await withCheckedContinuation { continuation in
                other.spawn {
                    let error = await failure { () throws(PostgresError) in _ = try await client.run(SQL.one, []) }
                    continuation.resume(returning: error == nil && other.isCurrent)
                }
            }
            #expect(isHome)
            await offLoop {
                other.stop()
                other.join()
            }
        }
    }

    @Test func `a closed client refuses, and leaves nothing on its loop`() async throws {
        let loop = try EventLoop(name: "postgres")
        let resolver = try Resolver()
        try loop.start()
        let client = PostgresClient(try PostgresConfiguration(url: url), connections: 2, loop: loop, resolver: resolver)
        await client.start()
        _ = try await client.run(SQL.one, [])
        await client.close()
        let error = await failure { () throws(PostgresError) in _ = try await client.run(SQL.one, []) }
        #expect(error?.code == .unavailable)
        await until { loop.taskCount == 0 }
        let left = await withCheckedContinuation { continuation in
            loop.execute { continuation.resume(returning: (loop.registrationCount, loop.timerCount)) }
        }
        #expect(left == (0, 0))
        #expect(!client.isAvailable)
        await offLoop {
            loop.stop()
            loop.join()
            resolver.stopAndJoin()
        }
    }
}
