import Reactor
import TestSupport
import Testing

@testable import Redis

/// What a server sends that means harm, or is broken, costs bounded memory and time.
@Suite struct HostileServerTests {
    /// A client on a server that greets and then answers every connection's first command with `answer`.
    private func ask(_ answer: @escaping @Sendable (ScriptedServer.Peer) -> Void) async throws -> RedisError? {
        let server = try ScriptedServer { peer in
            guard peer.greet(), peer.command() != nil else { return }
            answer(peer)
            peer.awaitEnd()
        }
        defer { server.end() }
        return try await withClient(server.url, commandMilliseconds: 2000) { client async throws in
            await until { client.isAvailable }
            return await failure { () async throws(RedisError) in try await client.send(RedisCommand("GET", "a")) }
        }
    }

    @Test func `a giant count is refused when it is announced`() async throws {
        #expect(try await ask { $0.send("*2147483647\r\n") } == .malformed)
    }

    @Test func `arrays nested without end are refused`() async throws {
        #expect(try await ask { $0.send(String(repeating: "*1\r\n", count: 100_000)) } == .malformed)
    }

    @Test func `a string without end is refused at the limit of a reply`() async throws {
        let sent = Counter()
        let error = try await ask { peer in
            peer.send("$1000000000\r\n")
            let piece = [UInt8](repeating: 0x78, count: 1 << 20)
            while peer.send(piece) { sent.increment() }
        }
        #expect(error == .malformed)
        // What the kernel holds comes on top of the limit of 8 MiB.
        #expect(sent.value < 32)
    }

    @Test func `bytes of another protocol are refused`() async throws {
        #expect(try await ask { $0.send("HTTP/1.1 400 Bad Request\r\n\r\n") } == .malformed)
    }

    @Test func `replies of one pipeline that are together too large are refused`() async throws {
        let server = try ScriptedServer { peer in
            guard peer.greet() else { return }
            let value = "$1048576\r\n" + String(repeating: "x", count: 1 << 20) + "\r\n"
            while peer.command() != nil, peer.send(value) {}
        }
        defer { server.end() }
        try await withClient(server.url, commandMilliseconds: 5000) { client async throws in
            await until { client.isAvailable }
            let commands = Array(repeating: RedisCommand("GET", "a"), count: 100)
            let error = await failure { () async throws(RedisError) in try await client.pipeline(commands) }
            #expect(error == .malformed)
        }
    }

    @Test func `a reply that nobody asked for ends the connection`() async throws {
        let server = try ScriptedServer { peer in
            guard peer.greet() else { return }
            peer.send("+surprise\r\n")
            peer.awaitEnd()
        }
        defer { server.end() }
        try await withClient(server.url) { client async throws in
            await until { client.statistics.failures > 0 }
            #expect(client.statistics.isBreakerOpen || client.isAvailable)
            await until { server.connectionCount > 1 }
        }
    }

    @Test func `one byte at a time ends at the deadline`() async throws {
        let ticks = Counter()
        let server = try ScriptedServer { peer in
            guard peer.greet(), peer.command() != nil else { return }
            peer.send("$")
            ticks.increment()
            peer.awaitEnd()
        }
        defer { server.end() }
        try await withClient(server.url) { client async throws in
            await until { client.isAvailable }
            var error: RedisError?
            let took = await milliseconds {
                error = await failure { () async throws(RedisError) in try await client.send(RedisCommand("GET", "a")) }
            }
            #expect(error == .timedOut)
            #expect(ticks.value == 1)
            #expect((45..<1000).contains(took))
            #expect(client.statistics.timeouts == 1)
        }
    }

    @Test func `a late reply never answers another call`() async throws {
        let mayAnswer = Lock(false)
        let server = try ScriptedServer { peer in
            guard peer.greet() else { return }
            while let command = peer.command() {
                if command == ["GET", "slow"] {
                    // Until the next call is made; then both would be there at once.
                    mayAnswer.wait { $0 ? () : nil }
                    peer.send("+slow\r\n")
                } else {
                    peer.send("+\(command[1])\r\n")
                }
            }
        }
        defer { server.end() }
        try await withClient(server.url) { client async throws in
            await until { client.isAvailable }
            let slow = await failure { () async throws(RedisError) in try await client.send(RedisCommand("GET", "slow"))
            }
            #expect(slow == .timedOut)
            mayAnswer.withLock { $0 = true }
            mayAnswer.signal(all: true)
            for index in 0..<50 {
                let reply = try await client.send(RedisCommand("GET", "\(index)"), milliseconds: 2000)
                #expect(reply == RedisValue("\(index)"))
            }
            #expect(client.statistics.reconnects == 1)
        }
    }

    @Test func `a server that does not read is sent no more than the limit`() async throws {
        let isOver = Lock(false)
        let server = try ScriptedServer { peer in
            guard peer.greet(), peer.command() != nil else { return }
            // Reads nothing more until everything was refused or timed out.
            isOver.wait { $0 ? () : nil }
        }
        defer { server.end() }
        try await withClient(server.url, commandMilliseconds: 500) { client async throws in
            await until { client.isAvailable }
            let value = [UInt8](repeating: 0x78, count: 1 << 20)
            let refused = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<64 {
                    group.addTask {
                        let error = await failure { () async throws(RedisError) in
                            try await client.send(RedisCommand([Array("SET".utf8), Array("a".utf8), value]))
                        }
                        return error == .unavailable
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            isOver.withLock { $0 = true }
            isOver.signal(all: true)
            #expect(refused >= 32)
        }
    }
}
