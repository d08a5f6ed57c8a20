import Reactor
import TestSupport
import Testing

@testable import Redis

/// When a connection fails, what becomes of calls, and when the next attempt comes.
@Suite struct RedisClientTests {
    private static func echo(_ peer: ScriptedServer.Peer) {
        guard peer.greet() else { return }
        while let command = peer.command() { peer.send("+\(command[command.count - 1])\r\n") }
    }

    @Test func `before it is started and after it is closed nothing is taken`() async throws {
        let server = try ScriptedServer { RedisClientTests.echo($0) }
        defer { server.end() }
        let loop = try EventLoop(name: "redis")
        try loop.start()
        let resolver = try Resolver()
        let client = RedisClient(try RedisConfiguration(url: server.url), loop: loop, resolver: resolver)
        #expect(
            await failure { () async throws(RedisError) in try await client.send(RedisCommand("PING")) } == .unavailable
        )
        await client.start()
        #expect(try await client.send(RedisCommand("GET", "a"), milliseconds: 2000) == RedisValue("a"))
        await client.close()
        #expect(!client.isAvailable)
        #expect(
            await failure { () async throws(RedisError) in try await client.send(RedisCommand("PING")) } == .unavailable
        )
        await client.start()
        #expect(!client.isAvailable)
        let open = await client.loop.perform { loop.registrationCount + loop.timerCount }
        #expect(open == 0)
        resolver.stopAndJoin()
        loop.stop()
        loop.join()
    }

    @Test func `calls that come while the first connection is made wait for it`() async throws {
        let server = try ScriptedServer { RedisClientTests.echo($0) }
        defer { server.end() }
        try await withClient(server.url, commandMilliseconds: 2000) { client async throws in
            #expect(try await client.send(RedisCommand("GET", "x")) == RedisValue("x"))
            #expect(client.statistics.reconnects == 0)
        }
    }

    @Test func `an empty pipeline asks nobody`() async throws {
        try await withClient("redis://127.0.0.1:1") { client async throws in
            #expect(try await client.pipeline([]) == [])
            #expect(try await client.run([]) == [])
            await client.post([])
        }
    }

    @Test func `a refused connection opens the breaker at once, and the server's start is found`() async throws {
        let probe = try ScriptedServer { _ in }
        let port = probe.port
        probe.end()
        try await withClient("redis://127.0.0.1:\(port)") { client async throws in
            await until { client.statistics.isBreakerOpen }
            let took = await milliseconds {
                for _ in 0..<100 {
                    let error = await failure { () async throws(RedisError) in
                        try await client.send(RedisCommand("GET", "a"))
                    }
                    #expect(error == .unavailable)
                }
            }
            #expect(took < 500)
            #expect(client.lastFailure != nil)
            let server = try ScriptedServer(port: port) { RedisClientTests.echo($0) }
            defer { server.end() }
            let recovered = await milliseconds { await until { client.isAvailable } }
            #expect(recovered < 5000)
            #expect(!client.statistics.isBreakerOpen)
        }
    }

    @Test func `a closed connection fails everything in flight and opens the breaker`() async throws {
        let seen = Counter()
        let server = try ScriptedServer { peer in
            guard peer.greet() else { return }
            while peer.command() != nil {
                seen.increment()
                if seen.value == 10 { return }
            }
        }
        defer { server.end() }
        try await withClient(server.url, commandMilliseconds: 5000) { client async throws in
            await until { client.isAvailable }
            let errors = await withTaskGroup(of: RedisError?.self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        await failure { () async throws(RedisError) in try await client.send(RedisCommand("GET", "a")) }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(errors == Array(repeating: .disconnected, count: 10))
            #expect(client.statistics.failures == 1)
            #expect(client.statistics.inFlight == 0)
            await until { client.statistics.reconnects == 1 }
        }
    }

    @Test func `a reset connection is a failure like any other`() async throws {
        let server = try ScriptedServer { peer in
            guard peer.greet(), peer.command() != nil else { return }
            peer.reset()
        }
        defer { server.end() }
        try await withClient(server.url, commandMilliseconds: 5000) { client async throws in
            await until { client.isAvailable }
            let error = await failure { () async throws(RedisError) in try await client.send(RedisCommand("GET", "a")) }
            #expect(error == .disconnected)
            await until { client.statistics.reconnects == 1 }
        }
    }

    @Test func `five timeouts within a second open the breaker, and calls are refused without waiting`() async throws {
        let server = try ScriptedServer { peer in
            guard peer.greet() else { return }
            peer.awaitEnd()
        }
        defer { server.end() }
        try await withClient(server.url) { client async throws in
            await until { client.isAvailable }
            var tries = 0
            while !client.statistics.isBreakerOpen, tries < 50 {
                tries += 1
                _ = await failure { () async throws(RedisError) in try await client.send(RedisCommand("GET", "a")) }
            }
            #expect(client.statistics.isBreakerOpen)
            #expect(client.statistics.timeouts >= 5)
            #expect(!client.isAvailable)
            let before = client.statistics.refusals
            let error = await failure { () async throws(RedisError) in try await client.send(RedisCommand("GET", "a")) }
            #expect(error == .unavailable)
            #expect(client.statistics.refusals == before + 1)
        }
    }

    @Test func `a greeting that never comes ends at the deadline of connecting`() async throws {
        let server = try ScriptedServer { $0.awaitEnd() }
        defer { server.end() }
        try await withClient(server.url, connectMilliseconds: 100) { client async throws in
            let took = await milliseconds { await until { client.statistics.isBreakerOpen } }
            #expect((90..<3000).contains(took))
            await until { server.connectionCount >= 2 }
        }
    }

    @Test func `a wrong password, in the server's words, is the last failure`() async throws {
        let server = try ScriptedServer { peer in
            while let command = peer.command() {
                peer.send(command[0] == "AUTH" ? "-WRONGPASS no such pair\r\n" : "-NOAUTH who are you\r\n")
            }
        }
        defer { server.end() }
        try await withClient("redis://u:pw@127.0.0.1:\(server.port)") { client async throws in
            await until { client.statistics.isBreakerOpen }
            #expect(client.lastFailure?.contains("WRONGPASS") == true)
            #expect(!client.isAvailable)
        }
    }

    @Test func `a server that became a replica is left, and the next one found`() async throws {
        let isReplica = Lock(true)
        let server = try ScriptedServer { peer in
            guard peer.greet() else { return }
            while peer.command() != nil {
                peer.send(isReplica.withLock { $0 } ? "-READONLY You can't write\r\n" : "+OK\r\n")
            }
        }
        defer { server.end() }
        try await withClient(server.url, commandMilliseconds: 2000) { client async throws in
            await until { client.isAvailable }
            let error = await failure { () async throws(RedisError) in
                try await client.send(RedisCommand("SET", "a", "b"))
            }
            #expect(error == .refused("READONLY You can't write"))
            await until { client.statistics.failures == 1 }
            isReplica.withLock { $0 = false }
            await until { client.isAvailable && client.statistics.reconnects > 0 }
            #expect(try await client.send(RedisCommand("SET", "a", "b")) == RedisValue("OK"))
        }
    }

    @Test func `a call that was cancelled gives up its connection, and costs the others nothing`() async throws {
        let mayAnswer = Lock(false)
        let asked = Counter()
        let server = try ScriptedServer { peer in
            guard peer.greet() else { return }
            while let command = peer.command() {
                asked.increment()
                if command[1].hasPrefix("slow") { mayAnswer.wait { $0 ? () : nil } }
                peer.send("+\(command[1])\r\n")
            }
        }
        defer { server.end() }
        try await withClient(server.url, commandMilliseconds: 5000) { client async throws in
            await until { client.isAvailable }
            let errors = Lock<[RedisError?]>([])
            let cancelled = client.loop.spawn {
                let error = await failure { () async throws(RedisError) in
                    try await client.send(RedisCommand("GET", "slow1"))
                }
                errors.withLock { $0.append(error) }
            }
            await until { asked.value == 1 }
            let replies = Lock<[Result<RedisValue, RedisError>]>([])
            client.loop.spawn {
                let reply = await outcome { () async throws(RedisError) in
                    try await client.send(RedisCommand("GET", "slow2"))
                }
                replies.withLock { $0.append(reply) }
            }
            await until { client.statistics.inFlight == 2 }
            cancelled.cancel()
            await until { errors.withLock { $0 == [.disconnected] } }
            // On another connection, while the first still waits.
            #expect(try await client.send(RedisCommand("GET", "fresh")) == RedisValue("fresh"))
            #expect(client.statistics.reconnects == 1)
            #expect(!client.statistics.isBreakerOpen)
            mayAnswer.withLock { $0 = true }
            mayAnswer.signal(all: true)
            await until { replies.withLock { $0 == [.success(RedisValue("slow2"))] } }
            let open = await client.loop.perform { client.loop.registrationCount }
            #expect(open == 1)
            #expect(client.statistics.inFlight == 0)
        }
    }

    @Test func `a call that was cancelled before it was sent costs no connection`() async throws {
        let server = try ScriptedServer { $0.awaitEnd() }
        defer { server.end() }
        try await withClient(server.url, commandMilliseconds: 5000, connectMilliseconds: 5000) { client async throws in
            await until { server.connectionCount == 1 }
            let errors = Lock<[RedisError?]>([])
            let task = client.loop.spawn {
                let error = await failure { () async throws(RedisError) in
                    try await client.send(RedisCommand("GET", "a"))
                }
                errors.withLock { $0.append(error) }
            }
            await until { client.statistics.inFlight == 1 }
            task.cancel()
            await until { errors.withLock { $0 == [.unavailable] } }
            #expect(server.connectionCount == 1)
        }
    }

    @Test func `more commands in flight than the limit are refused`() async throws {
        let server = try ScriptedServer { peer in
            guard peer.greet() else { return }
            peer.awaitEnd()
        }
        defer { server.end() }
        try await withClient(server.url, commandMilliseconds: 1000) { client async throws in
            await until { client.isAvailable }
            let many = Array(repeating: RedisCommand("PING"), count: RedisClient.maximumInFlight)
            let first = client.loop.spawn {
                _ = await failure { () async throws(RedisError) in try await client.pipeline(many) }
            }
            await until { client.statistics.inFlight == many.count }
            #expect(
                await failure { () async throws(RedisError) in try await client.send(RedisCommand("PING")) }
                    == .unavailable)
            await first.value
            #expect(client.statistics.inFlight == 0)
        }
    }

    @Test func `a script that is not known is sent with its source, once, within the same call`() async throws {
        let commands = Lock<[[String]]>([])
        let server = try ScriptedServer { peer in
            guard peer.greet() else { return }
            while let command = peer.command() {
                commands.withLock { $0.append(command) }
                peer.send(
                    command[0] == "EVALSHA" && command[3] != "known" ? "-NOSCRIPT none\r\n" : "+\(command[3])\r\n")
            }
        }
        defer { server.end() }
        try await withClient(server.url, commandMilliseconds: 2000) { client async throws in
            await until { client.isAvailable }
            let script = RedisScript("return KEYS[1]")
            let calls = ["a", "known", "b"].map {
                RedisScript.Call(script, key: Array($0.utf8), arguments: [Array("1".utf8)])
            }
            #expect(try await client.run(calls) == ["a", "known", "b"].map { RedisValue($0) })
            let name = "4a2267357833227dd98abdedb8cf24b15a986445"
            #expect(script.name.map { String(decoding: $0, as: UTF8.self) } == name)
            #expect(
                commands.withLock { $0 } == [
                    ["EVALSHA", name, "1", "a", "1"], ["EVALSHA", name, "1", "known", "1"],
                    ["EVALSHA", name, "1", "b", "1"], ["EVAL", "return KEYS[1]", "1", "a", "1"],
                    ["EVAL", "return KEYS[1]", "1", "b", "1"],
                ])
            #expect(client.statistics.roundTrips == 2)
            #expect(client.statistics.commands == 5)
        }
    }

    @Test func `what is posted is sent once and deadlined`() async throws {
        let seen = Counter()
        let server = try ScriptedServer { peer in
            guard peer.greet() else { return }
            while peer.command() != nil { seen.increment() }
        }
        defer { server.end() }
        try await withClient(server.url) { client async throws in
            await until { client.isAvailable }
            await client.post([RedisScript.Call(RedisScript("return 1"), key: [0x61], arguments: [])])
            await until { client.statistics.timeouts == 1 }
            await until { client.statistics.reconnects == 1 }
            #expect(seen.value == 1)
            #expect(client.statistics.inFlight == 0)
        }
    }
}

extension EventLoop {
    /// Runs `body` on the loop and returns its value.
    func perform<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            execute { continuation.resume(returning: body()) }
        }
    }
}
