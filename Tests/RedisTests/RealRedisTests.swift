import Foundation
import Reactor
import TestSupport
import Testing

@testable import Redis

/// On a real Redis: who gets in and over what, and what its answers look like.
@Suite struct RealRedisTests {
    private static let servers = Result { try RealServers.start(.redis) }

    private func server() throws -> RealServers.Server { try RealRedisTests.servers.get().server("redis") }

    /// Generous: what is asked here is not whether the machine is fast.
    private func withRedis<Value>(
        _ url: String? = nil, _ body: (RedisClient) async throws -> Value
    ) async throws -> Value {
        try await withClient(try url ?? server().url, commandMilliseconds: 10_000, connectMilliseconds: 10_000, body)
    }

    @Test func `every kind of answer arrives as it is`() async throws {
        try await withRedis { client async throws in
            #expect(try await client.send(RedisCommand("DEL", "kinds")) != .null)
            #expect(try await client.send(RedisCommand("SET", "kinds", "")) == RedisValue("OK"))
            #expect(try await client.send(RedisCommand("GET", "kinds")) == .bytes([]))
            #expect(try await client.send(RedisCommand("GET", "none")) == .null)
            #expect(try await client.send(RedisCommand("STRLEN", "kinds")) == .integer(0))
            let every = Array(UInt8.min...UInt8.max)
            #expect(try await client.send(RedisCommand([Array("ECHO".utf8), every])) == .bytes(every))
            let nested = try await client.send(RedisCommand("EVAL", "return {1,{'a',{}},false}", "0"))
            #expect(nested == .array([.integer(1), .array([RedisValue("a"), .array([])]), .null]))
            let error = await failure { () async throws(RedisError) in
                try await client.send(RedisCommand("LPUSH", "kinds"))
            }
            guard case .refused(let text) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(text.hasPrefix("ERR wrong number of arguments"))
            let replies = try await client.pipeline([RedisCommand("NONSENSE"), RedisCommand("PING")])
            #expect(replies.last == RedisValue("PONG"))
            if case .error = replies[0] {} else { Issue.record("\(replies[0])") }
        }
    }

    @Test func `the database is the one of the URL`() async throws {
        let url = try server().url
        let third = url.dropLast() + "3"
        try await withRedis(String(third)) { client async throws in
            _ = try await client.send(RedisCommand("SET", "where", "third"))
            let clients = try await client.send(RedisCommand("CLIENT", "LIST", "TYPE", "normal"))
            if case .bytes(let bytes) = clients { #expect(String(decoding: bytes, as: UTF8.self).contains("db=3")) }
        }
        try await withRedis { client async throws in
            #expect(try await client.send(RedisCommand("GET", "where")) == .null)
        }
    }

    @Test func `a Unix socket does as well`() async throws {
        try await withRedis(try server().socketURL) { client async throws in
            #expect(try await client.send(RedisCommand("PING")) == RedisValue("PONG"))
        }
        try await withClient("unix:///nowhere/redis.sock") { client async throws in
            await until { client.lastFailure != nil }
            #expect(client.lastFailure == "connect: No such file or directory")
        }
    }

    @Test func `a host's name is resolved`() async throws {
        let url = try server().url.replacingOccurrences(of: "127.0.0.1", with: "localhost")
        try await withRedis(url) { client async throws in
            #expect(try await client.send(RedisCommand("PING")) == RedisValue("PONG"))
        }
        try await withClient("redis://no-such-host.invalid") { client async throws in
            await until { client.statistics.isBreakerOpen }
            #expect(client.lastFailure?.isEmpty == false)
        }
    }

    @Test(arguments: ["portcullis:wrong@", "nobody:wrong@", ":wrong@", ""])
    func `whoever has no good password is told so and gets nowhere`(_ credentials: String) async throws {
        let url = try server().url
        let place = url[url.index(after: try #require(url.lastIndex(of: "@")))...]
        try await withClient("redis://\(credentials)\(place)") { client async throws in
            await until { client.statistics.isBreakerOpen }
            #expect(!client.isAvailable)
            let failure = try #require(client.lastFailure)
            #expect(failure.contains("WRONGPASS") || failure.contains("NOAUTH"))
            #expect(!failure.contains("wrong@"))
        }
    }

    @Test func `a name's second address is tried when nobody is at the first`() async throws {
        // An address of this host where nobody listens, before the one where Redis does, as a name may have them: taken
        // apart from the name, since what names the machine knows is not the test's.
        let port = try server().port
        let nobody = try #require(SocketAddress("127.0.0.2:\(port)"))
        let somebody = try #require(SocketAddress("127.0.0.1:\(port)"))
        try await withRedis { client async throws in
            await until { client.isAvailable }
            await client.reconnect(to: [nobody, somebody])
            #expect(try await client.send(RedisCommand("PING")) == RedisValue("PONG"))
            #expect(client.statistics.reconnects == 1)
            #expect(client.statistics.failures == 0)
        }
    }

    @Test func `ten thousand commands in one pipeline are one round trip and answered in order`() async throws {
        try await withRedis { client async throws in
            await until { client.isAvailable }
            let before = client.statistics.roundTrips
            let commands = (0..<10_000).map { RedisCommand("ECHO", "\($0)") }
            let replies = try await client.pipeline(commands)
            #expect(replies == (0..<10_000).map { RedisValue("\($0)") })
            #expect(client.statistics.roundTrips == before + 1)
        }
    }

    @Test func `ten thousand calls at once are each given their own answer`() async throws {
        try await withRedis { client async throws in
            await until { client.isAvailable }
            let wrong = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<10_000 {
                    group.addTask {
                        let reply = await outcome { () async throws(RedisError) in
                            try await client.send(RedisCommand("ECHO", "\(index)"))
                        }
                        return reply == .success(RedisValue("\(index)"))
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 0 : 1 }
            }
            #expect(wrong == 0)
            #expect(client.statistics.inFlight == 0)
        }
    }

    @Test func `large values go both ways`() async throws {
        try await withRedis { client async throws in
            let value = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            _ = try await client.send(RedisCommand([Array("SET".utf8), Array("large".utf8), value]))
            #expect(try await client.send(RedisCommand("GET", "large")) == .bytes(value))
        }
    }

    @Test func `scripts flushed in the middle are loaded again, and every call is carried out once`() async throws {
        let script = RedisScript("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        try await withRedis { client async throws in
            _ = try await client.send(RedisCommand("DEL", "flushed"))
            let call = RedisScript.Call(script, key: Array("flushed".utf8), arguments: [Array("1".utf8)])
            let failed = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<500 {
                    group.addTask {
                        if index % 10 == 0 {
                            _ = await outcome { () async throws(RedisError) in
                                try await client.send(RedisCommand("SCRIPT", "FLUSH"))
                            }
                        }
                        let replies = await outcome { () async throws(RedisError) in try await client.run([call, call])
                        }
                        guard case .success(let values) = replies else { return true }
                        return values.contains { if case .integer = $0 { false } else { true } }
                    }
                }
                return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(failed == 0)
            #expect(try await client.send(RedisCommand("GET", "flushed")) == RedisValue("1000"))
        }
    }

    @Test func `a server out of memory says so in its first word`() async throws {
        let own = try RealServers.start(.redis)
        defer { end(own) }
        try await withRedis(own.redisURL) { client async throws in
            _ = try await client.send(RedisCommand("CONFIG", "SET", "maxmemory", "1"))
            let set = RedisScript("return redis.call('SET', KEYS[1], 'x')")
            let replies = try await client.run([RedisScript.Call(set, key: [0x61], arguments: [])])
            guard case .error(let text) = replies[0] else {
                Issue.record("\(replies)")
                return
            }
            #expect(text.hasPrefix("OOM"))
            #expect(client.isAvailable)
        }
    }

    @Test func `a blocking read waits as long as it is told, on a client of its own`() async throws {
        try await withRedis { client async throws in
            _ = try await client.send(RedisCommand("DEL", "stream"))
            try await withClient(try server().url, connectMilliseconds: 10_000) { reader async throws in
                let empty = try await reader.send(
                    RedisCommand("XREAD", "BLOCK", "100", "STREAMS", "stream", "$"), milliseconds: 10_000)
                #expect(empty == .null)
                let entries = Lock<[Result<RedisValue, RedisError>]>([])
                let reading = reader.loop.spawn {
                    let entry = await outcome { () async throws(RedisError) in
                        try await reader.send(
                            RedisCommand("XREAD", "BLOCK", "10000", "STREAMS", "stream", "0"), milliseconds: 15_000)
                    }
                    entries.withLock { $0.append(entry) }
                }
                await until { reader.statistics.inFlight == 1 }
                _ = try await client.send(RedisCommand("XADD", "stream", "1-1", "a", "b"))
                await reading.value
                let fields = RedisValue.array([RedisValue("a"), RedisValue("b")])
                #expect(
                    entries.withLock { $0 } == [
                        .success(
                            .array([
                                .array([RedisValue("stream"), .array([.array([RedisValue("1-1"), fields])])])
                            ]))
                    ])
            }
        }
    }
}

/// Ends servers of a test's own; a failure is one of the test.
func end(_ servers: RealServers) {
    do { try servers.end() } catch { Issue.record(error) }
}

extension RedisClient {
    /// Gives up the connection and makes one to the first of `addresses` where somebody is.
    fileprivate func reconnect(to addresses: [SocketAddress]) {
        let former = connection
        connection = nil
        former?.end(.retired)
        connect()
        resolved(.success(addresses), host: "localhost", attempt: attempt)
    }
}
