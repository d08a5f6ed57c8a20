import Foundation
import Postgres
import Reactor
import TestSupport
import Testing

/// What a client does when its server, or the way to it, fails.
@Suite(.serialized) struct FaultTests {
    private static let insert = Statement("test_fault_insert", "INSERT INTO faults VALUES ($1)")
    private static let has = Statement(
        "test_fault_has", "SELECT EXISTS (SELECT FROM faults WHERE n = $1)", isReadOnly: true)

    private static let touch = Statement("test_touch", "UPDATE faults SET n = n")

    private func makeTable(_ client: PostgresClient) async throws {
        try await client.execute(
            script: "DROP TABLE IF EXISTS faults; CREATE TABLE faults (n bigint PRIMARY KEY)", milliseconds: 5000)
    }

    /// The URL of a server with another port in it.
    private func url(of server: RealServers.Server, port: UInt16) -> String {
        server.url.replacingOccurrences(of: ":\(server.port)/", with: ":\(port)/")
    }

    /// Waits until the client serves again; says after how many milliseconds.
    private func recovery(of client: PostgresClient) async -> Int64 {
        let start = MonotonicTime.now
        await until("it did not recover", seconds: 15) {
            await failure { () throws(PostgresError) in _ = try await client.run(SQL.one, []) } == nil
        }
        return milliseconds(since: start)
    }

    @Test func `a batch is one round trip, also when all of it must be prepared`() async throws {
        let server = try RealServers.shared().server("postgres")
        let proxy = try Proxy(to: server.port)
        defer { proxy.end() }
        try await withClient(url(of: server, port: proxy.port)) { client in
            _ = try await client.run(SQL.one, [])
            let before = (proxy.roundTrips, client.statistics.roundTrips)
            let add = Statement("test_trip_add", "SELECT $1 + 1", isReadOnly: true)
            let twice = Statement("test_trip_twice", "SELECT $1 * 2", isReadOnly: true)
            for _ in 0..<10 {
                let results = try await client.batch([
                    Query(add, [.integer(1)]), Query(twice, [.integer(4)]), Query(add, [.integer(2)]),
                ])
                let numbers = try results.map { try $0.rows[0].integer(0) }
                #expect(numbers == [2, 8, 3])
            }
            #expect(proxy.roundTrips - before.0 == 10)
            #expect(client.statistics.roundTrips - before.1 == 10)
        }
    }

    @Test func `a connection that is cut before a statement costs nobody an error`() async throws {
        let server = try RealServers.shared().server("postgres")
        let proxy = try Proxy(to: server.port)
        defer { proxy.end() }
        try await withClient(url(of: server, port: proxy.port), connections: 2) { client in
            try await makeTable(client)
            for number in Int64(0)..<20 {
                await until { client.statistics.open == 2 }
                proxy.cut()
                _ = try await client.run(Self.insert, [.integer(number)])
            }
            #expect(client.statistics.failures > 0)
        }
    }

    @Test func `a server that lets connections in and drops them is not asked again and again`() async throws {
        let server = try RealServers.shared().server("postgres")
        let proxy = try Proxy(to: server.port)
        defer { proxy.end() }
        try await withClient(url(of: server, port: proxy.port)) { client in
            let start = MonotonicTime.now
            await until {
                if client.statistics.open == 1 { proxy.cut() }
                return milliseconds(since: start) > 3000
            }
            #expect(client.statistics.connects < 25)
            #expect(await recovery(of: client) < 5000)
        }
    }

    @Test func `a connection that is cut after a statement repeats a read and leaves a write in doubt`() async throws {
        let server = try RealServers.shared().server("postgres")
        let proxy = try Proxy(to: server.port)
        defer { proxy.end() }
        try await withClient(url(of: server, port: proxy.port)) { client in
            try await makeTable(client)
            _ = try await client.run(Self.has, [.integer(1)])
            proxy.cut(afterBytes: 1)
            #expect(try await client.run(Self.has, [.integer(1)]).rows[0].bool(0) == false)
            #expect(client.statistics.retries == 1)

            _ = try await client.run(Self.insert, [.integer(1)])
            proxy.cut(afterBytes: 1)
            let error = await failure { () throws(PostgresError) in _ = try await client.run(Self.insert, [.integer(2)])
            }
            #expect(error?.code == .inDoubt)
            // It was carried out, in fact.
            await until {
                await (try? client.run(Self.has, [.integer(2)]).rows[0].bool(0)) == true
            }
            #expect(client.statistics.retries == 1)
        }
    }

    @Test
    func `a transaction that is cut at its first statement runs again, at its second fails, at COMMIT is in doubt`()
        async throws
    {
        let server = try RealServers.shared().server("postgres")
        let proxy = try Proxy(to: server.port)
        defer { proxy.end() }
        try await withClient(url(of: server, port: proxy.port)) { client in
            try await makeTable(client)
            let runs = Lock(0)
            @Sendable func body(cuttingAt step: Int, _ number: Int64) async -> PostgresError? {
                await failure { () throws(PostgresError) in
                    try await client.transaction { transaction throws(PostgresError) in
                        let run = runs.withLock { runs in
                            runs += 1
                            return runs
                        }
                        if step == 1, run == 1 { proxy.cut(afterBytes: 1) }
                        _ = try await transaction.run(Self.insert, [.integer(number)])
                        if step == 2 { proxy.cut(afterBytes: 1) }
                        _ = try await transaction.run(Self.insert, [.integer(number + 1)])
                        if step == 3 { proxy.cut(afterBytes: 1) }
                    }
                }
            }
            #expect(await body(cuttingAt: 1, 10) == nil)
            #expect(runs.withLock { $0 } == 2)
            #expect(await body(cuttingAt: 2, 20)?.code == .unavailable)
            #expect(runs.withLock { $0 } == 3)
            _ = await recovery(of: client)
            #expect(await body(cuttingAt: 3, 30)?.code == .inDoubt)
            _ = await recovery(of: client)
            #expect(try await client.run(Self.has, [.integer(11)]).rows[0].bool(0))
            #expect(try await client.run(Self.has, [.integer(20)]).rows[0].bool(0) == false)
        }
    }

    @Test func `a half-open connection costs its deadline once, and the others of the pool go with it`() async throws {
        let server = try RealServers.shared().server("postgres")
        let proxy = try Proxy(to: server.port)
        defer { proxy.end() }
        try await withClient(url(of: server, port: proxy.port), connections: 3) { client in
            try await makeTable(client)
            await until { client.statistics.open == 3 }
            proxy.beSilent(true)
            let start = MonotonicTime.now
            let error = await failure { () throws(PostgresError) in _ = try await client.run(Self.insert, [.integer(1)])
            }
            #expect(error?.code == .inDoubt)
            #expect((700...1500).contains(milliseconds(since: start)))
            #expect(client.statistics.open == 0)
            #expect(!client.isAvailable)
            proxy.beSilent(false)
            #expect(await recovery(of: client) < 5000)
        }
    }

    @Test func `backends that are terminated, idle or at work, cost nobody an error`() async throws {
        let servers = try RealServers.shared()
        let terminate = Statement(
            "test_terminate",
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'victim'")
        try await withClient(servers.databaseAdminURL) { admin in
            try await withClient(servers.databaseURL + "?application_name=victim", connections: 2) { client in
                await until { client.statistics.open == 2 }
                _ = try await admin.run(terminate, [])
                _ = try await client.run(SQL.one, [])
                await until { client.statistics.open == 2 }
                let gate = Int64.random(in: 1 ... .max)
                _ = try await admin.run(SQL.close, [.integer(gate)])
                let write = Statement(
                    "test_write_behind_gate", "SELECT pg_advisory_xact_lock_shared($1)::text, txid_current()")
                async let work = client.run(write, [.integer(gate)])
                await until { client.statistics.inUse == 1 }
                _ = try await admin.run(terminate, [])
                _ = try await admin.run(SQL.open, [.integer(gate)])
                // Even a write: the server said that it was not carried out.
                #expect(try await work.rows.count == 1)
                #expect(client.statistics.retries >= 1)
            }
        }
    }

    @Test
    func
        `a server that is killed in the middle comes back by itself for its clients, and nothing acknowledged is lost`()
        async throws
    {
        let servers = try RealServers.start(.postgres)
        try await withClient(servers.databaseURL, connections: 3) { client in
            try await makeTable(client)
            let acknowledged = Lock<[Int64]>([])
            let isEnding = Lock(false)
            let codes = Lock<[PostgresError.Code]>([])
            let longest = Lock<Int64>(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in Int64(0)..<8 {
                    group.addTask {
                        var number = worker
                        while !isEnding.withLock({ $0 }) {
                            number += 8
                            let start = MonotonicTime.now
                            let value = number
                            let error = await failure { () throws(PostgresError) in
                                _ = try await client.run(Self.insert, [.integer(value)])
                            }
                            let taken = milliseconds(since: start)
                            longest.withLock { $0 = max($0, taken) }
                            if let error {
                                codes.withLock { $0.append(error.code) }
                            } else {
                                acknowledged.withLock { $0.append(value) }
                            }
                            // An outage is answered at once.
                            await Task.yield()
                        }
                    }
                }
                await until { acknowledged.withLock { $0.count } > 200 }
                try await offLoop { try servers.kill("postgres") }
                await until { !client.isAvailable }
                try await offLoop { try servers.start("postgres") }
                let start = MonotonicTime.now
                let before = acknowledged.withLock { $0.count }
                await until { acknowledged.withLock { $0.count } > before + 50 }
                #expect(milliseconds(since: start) < 5000)
                isEnding.withLock { $0 = true }
                try await group.waitForAll()
            }
            #expect(longest.withLock { $0 } < 2000)
            #expect(codes.withLock { $0.allSatisfy { $0 == .unavailable || $0 == .inDoubt } })
            let all = Statement("test_fault_all", "SELECT count(*) FROM faults WHERE n = ANY($1)", isReadOnly: true)
            let numbers = acknowledged.withLock { $0 }
            #expect(try await client.run(all, [.integers(numbers)]).rows[0].integer(0) == Int64(numbers.count))
        }
        try servers.end()
    }

    @Test func `a server that hangs holds nobody longer than the deadlines, and serves again when it goes on`()
        async throws
    {
        let servers = try RealServers.start(.postgres)
        try await withClient(servers.databaseURL, connections: 2, { $0.connectMilliseconds = 1000 }) { client in
            try await makeTable(client)
            await until { client.statistics.open == 2 }
            try await offLoop { try servers.stop("postgres") }
            let start = MonotonicTime.now
            let errors = await withTaskGroup(of: PostgresError?.self) { group in
                for number in Int64(0)..<20 {
                    group.addTask {
                        await failure { () throws(PostgresError) in
                            _ = try await client.run(Self.insert, [.integer(number)])
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(milliseconds(since: start) < 2000)
            #expect(errors.count { $0?.code == .inDoubt } == 2)
            #expect(errors.count { $0?.code == .unavailable } == 18)
            // When none was open for as long as anybody waits, the answer is immediate.
            _ = await failure { () throws(PostgresError) in _ = try await client.run(SQL.one, []) }
            let late = MonotonicTime.now
            let error = await failure { () throws(PostgresError) in _ = try await client.run(SQL.one, []) }
            #expect(error?.code == .unavailable)
            #expect(milliseconds(since: late) < 300)
            try await offLoop { try servers.resume("postgres") }
            #expect(await recovery(of: client) < 5000)
        }
        try servers.end()
    }

    @Test func `without a free slot at the server a client waits for one, and says why`() async throws {
        let servers = try RealServers.start(
            .postgres,
            postgres: ["max_connections": "5", "superuser_reserved_connections": "1", "max_wal_senders": "0"])
        try await withClient(servers.databaseURL, connections: 4) { first in
            await until { first.statistics.open == 4 }
            try await withClient(servers.databaseURL) { second in
                let error = await failure { () throws(PostgresError) in _ = try await second.run(SQL.one, []) }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("53300") == true)
                #expect(second.loginFailure?.code == .refused(.tooManyConnections))
                await first.close()
                #expect(await recovery(of: second) < 2000)
                #expect(second.loginFailure == nil)
            }
        }
        try servers.end()
    }

    @Test func `a server that turns read-only refuses writes, is left, and serves again when it takes them`()
        async throws
    {
        let servers = try RealServers.start(.postgres)
        let reload = Statement("test_reload", "SELECT pg_reload_conf()")
        try await withClient(servers.databaseAdminURL + "?target_session_attrs=any") { admin in
            try await withClient(servers.databaseURL, connections: 2) { client in
                try await makeTable(client)
                try await admin.execute(
                    script: "ALTER SYSTEM SET default_transaction_read_only = on", milliseconds: 5000)
                _ = try await admin.run(reload, [])
                await until {
                    _ = await failure { () throws(PostgresError) in _ = try await client.run(Self.touch, []) }
                    return !client.isAvailable
                }
                let error = await failure { () throws(PostgresError) in _ = try await client.run(Self.touch, []) }
                #expect(error?.code == .unavailable)
                #expect(client.loginFailure?.message.contains("read-only") == true)
                // Alone: ALTER SYSTEM runs in no transaction.
                try await withClient(
                    servers.databaseAdminURL
                        + "?target_session_attrs=any&options=-c%20default_transaction_read_only%3Doff"
                ) { writer in
                    try await writer.execute(
                        script: "ALTER SYSTEM RESET default_transaction_read_only", milliseconds: 5000)
                    _ = try await writer.run(reload, [])
                }
                #expect(await recovery(of: client) < 3000)
            }
        }
        try servers.end()
    }

    @Test func `of two hosts the one that takes writes serves, and after a failover the other`() async throws {
        let servers = try RealServers.start(.postgres, standby: true)
        let standby = try servers.server("standby")
        let primary = try servers.server("postgres")
        // The standby first: it answers, and is no good.
        let url = standby.url.replacingOccurrences(
            of: "@127.0.0.1:\(standby.port)/", with: "@127.0.0.1:\(standby.port),127.0.0.1:\(primary.port)/")
        try await withClient(url, connections: 2) { client in
            try await makeTable(client)
            _ = try await client.run(Self.insert, [.integer(1)])
            try await offLoop { try servers.kill("postgres") }
            let error = await failure { () throws(PostgresError) in _ = try await client.run(Self.insert, [.integer(2)])
            }
            #expect(error?.code == .unavailable || error?.code == .inDoubt)
            try await offLoop { try servers.promote("standby") }
            #expect(await recovery(of: client) < 5000)
            #expect(try await client.run(Self.has, [.integer(1)]).rows[0].bool(0))
            _ = try await client.run(Self.insert, [.integer(3)])
        }
        try servers.end()
    }

    @Test func `a commit that waits for a standby that is gone is in doubt, and is never taken for done`() async throws
    {
        let servers = try RealServers.start(.postgres, standby: true)
        try await withClient(servers.databaseURL) { client in
            try await makeTable(client)
            try await offLoop { try servers.stop("standby") }
            let error = await failure { () throws(PostgresError) in _ = try await client.run(Self.insert, [.integer(1)])
            }
            #expect(error?.code == .inDoubt)
            // An administrator makes the commits stop waiting: the server reports success, with a warning.
            try await withClient(servers.databaseAdminURL, { $0.statementMilliseconds = 20_000 }) { admin in
                let cancel = Statement(
                    "test_cancel_wait",
                    "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
                    isReadOnly: true)
                let isEnding = Lock(false)
                async let cancelling: Void = {
                    while !isEnding.withLock({ $0 }) {
                        _ = await failure { () throws(PostgresError) in _ = try await admin.run(cancel, []) }
                    }
                }()
                let second = await failure { () throws(PostgresError) in
                    _ = try await client.run(Self.insert, [.integer(2)])
                }
                #expect(second?.code == .inDoubt)
                #expect(second?.message == "a commit was not waited for by the server")
                isEnding.withLock { $0 = true }
                await cancelling
            }
            try await offLoop { try servers.resume("standby") }
        }
        try servers.end()
    }
}
