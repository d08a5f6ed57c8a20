import Foundation
import Reactor
import TestSupport
import Testing

@testable import Redis

/// A real Redis that is killed, stopped, restarted and slowed down while calls are under way: each call ends by its deadline,
/// and the client comes back by itself.
@Suite struct RedisFaultTests {
    /// The longest a call of 50 ms may take here: the machine is shared with whoever builds on it.
    private static let patience = 1000
    private static let script = RedisScript("return redis.call('INCR', KEYS[1])")

    private func call(_ client: RedisClient) async -> (took: Int, result: Result<[RedisValue], RedisError>) {
        let call = RedisScript.Call(RedisFaultTests.script, key: Array("counter".utf8), arguments: [])
        var result = Result<[RedisValue], RedisError>.failure(.unavailable)
        let took = await milliseconds {
            result = await outcome { () async throws(RedisError) in try await client.run([call]) }
        }
        return (took, result)
    }

    private func succeeds(_ client: RedisClient) async -> Bool {
        if case .success(let replies) = await call(client).result, case .integer = replies.first { true } else { false }
    }

    /// Calls until the breaker is open, each within its time.
    private func untilOpen(_ client: RedisClient) async {
        await until { () async in
            let (took, _) = await call(client)
            #expect(took < RedisFaultTests.patience)
            return client.statistics.isBreakerOpen
        }
    }

    @Test func `killed, it is away at once; started empty, it is back within seconds with its scripts`() async throws {
        let servers = try RealServers.start(.redis)
        defer { end(servers) }
        try await withClient(servers.redisURL) { client async throws in
            await until { await succeeds(client) }
            try servers.kill("redis")
            await until { client.statistics.isBreakerOpen }
            for _ in 0..<100 {
                let (took, result) = await call(client)
                #expect(took < RedisFaultTests.patience)
                #expect(result == .failure(.unavailable))
            }
            try servers.start("redis")
            let back = await milliseconds { await until { await succeeds(client) } }
            #expect(back < 5000)
            // Once as it was lost, once as it was found again.
            #expect(try await client.send(RedisCommand("GET", "counter"), milliseconds: 5000) == RedisValue("1"))
        }
    }

    @Test func `stopped, it holds up no call longer than its deadline; let go on, it is back within seconds`()
        async throws
    {
        let servers = try RealServers.start(.redis)
        defer { end(servers) }
        try await withClient(servers.redisURL) { client async throws in
            await until { await succeeds(client) }
            try servers.stop("redis")
            await untilOpen(client)
            #expect(client.statistics.timeouts > 0)
            // Its kernel still takes connections; none of them is one.
            let opened = client.statistics.reconnects
            for _ in 0..<20 {
                let (took, result) = await call(client)
                #expect(took < RedisFaultTests.patience)
                #expect(result == .failure(.unavailable))
            }
            #expect(client.statistics.reconnects == opened)
            try servers.resume("redis")
            let back = await milliseconds { await until { await succeeds(client) } }
            #expect(back < 5000)
        }
    }

    @Test func `calls under way when it is killed all end, none hangs`() async throws {
        let servers = try RealServers.start(.redis)
        defer { end(servers) }
        try await withClient(servers.redisURL, commandMilliseconds: 500) { client async throws in
            await until { await succeeds(client) }
            try servers.stop("redis")
            let ended = Counter()
            for _ in 0..<1000 {
                client.loop.spawn {
                    _ = await outcome { () async throws(RedisError) in try await client.send(RedisCommand("PING")) }
                    ended.increment()
                }
            }
            await until { client.statistics.inFlight > 0 }
            try servers.kill("redis")
            await until { ended.value == 1000 }
            #expect(client.statistics.inFlight == 0)
        }
    }

    @Test func `a connection that the server closes is made anew`() async throws {
        let servers = try RealServers.start(.redis)
        defer { end(servers) }
        try await withClient(servers.redisURL) { client async throws in
            try await withClient(servers.redisURL, commandMilliseconds: 10_000) { other async throws in
                await until { await succeeds(client) }
                for round in 1...3 {
                    _ = try await other.send(RedisCommand("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
                    await until { client.statistics.reconnects >= round }
                    await until { await succeeds(client) }
                }
            }
        }
    }

    @Test func `a server that pauses for 300 ms costs the calls of that time, and no more`() async throws {
        let servers = try RealServers.start(.redis)
        defer { end(servers) }
        try await withClient(servers.redisURL) { client async throws in
            try await withClient(servers.redisURL, commandMilliseconds: 10_000) { other async throws in
                await until { await succeeds(client) }
                let sleeping = other.loop.spawn {
                    _ = await outcome { () async throws(RedisError) in
                        try await other.send(RedisCommand("DEBUG", "SLEEP", "0.3"))
                    }
                }
                await until { client.statistics.timeouts > 0 ? true : (await call(client).took < 0) }
                await sleeping.value
                let back = await milliseconds { await until { await succeeds(client) } }
                #expect(back < 5000)
            }
        }
    }
}
