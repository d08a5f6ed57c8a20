import Auth
import Postgres
import Reactor
import Redis
import TestSupport
import Testing

@testable import AuthServer

/// The feed of three nodes on real servers that are killed, stopped and emptied.
@Suite(.serialized, .timeLimit(.minutes(3))) struct FeedServersTests {
    private static let promise: UInt64 = 2_000_000_000

    /// Revokes on the first node and expects the others to have heard within two seconds.
    private func expectHeard(
        _ rig: FeedRig, _ number: UInt64, _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let revocation = try await rig.nodes[0].revoke(number)
        let began = MonotonicTime.now
        await until(comment, sourceLocation: sourceLocation) { rig.nodes[1...].allSatisfy { $0.hears(revocation) } }
        let taken = MonotonicTime.now.nanoseconds(since: began)
        #expect(taken < FeedServersTests.promise, comment, sourceLocation: sourceLocation)
    }

    private func carried(_ node: FeedRig.Node) -> UInt64 {
        node.feed.figures.delayCounts(.revocations).reduce(0, +)
    }

    @Test func `a hundred revocations are carried by the stream, each to all`() async throws {
        try await FeedRig.run { rig in
            var all: [Revocation] = []
            for number in 0..<100 as Range<UInt64> { all.append(try await rig.nodes[Int(number % 3)].revoke(number)) }
            await until { rig.nodes.allSatisfy { self.carried($0) >= 66 } }
            for (index, node) in rig.nodes.enumerated() {
                let others = all.enumerated().filter { $0.offset % 3 != index }.map(\.element)
                await until { node.feed.revocations.isSuperset(of: others) }
                #expect(node.feed.figures[.gaps] == 0)
                #expect(node.feed.figures[.refused] == 0)
            }
        }
    }

    @Test func `of two writers the earlier commits last and dies, and nothing is lost`() async throws {
        try await FeedRig.run { rig in
            let (isWritten, mayCommit) = (Gate(), Gate())
            let early = Identifier(high: 77, low: 77)
            let until = systemTime().adding(seconds: 900)
            let writing = Statement("test_feed_revoke", "SELECT revoke_1(1, $1, NULL, 0, $2)")
            let database = try await rig.patientClient()
            async let first: Void = database.transaction { transaction throws(PostgresError) in
                _ = try await transaction.run(writing, [.uuid(early.bytes), .integer(until.milliseconds)])
                isWritten.open()
                await mayCommit.wait()
            }
            await isWritten.wait()
            let late = try await rig.nodes[1].revoke(1)
            let polls = rig.nodes[2].feed.figures[.polls]
            await TestSupport.until { rig.nodes[2].hears(late) && rig.nodes[2].feed.figures[.polls] > polls + 2 }
            #expect(!rig.nodes[2].hears(.token(early, user: nil, until: until)))
            mayCommit.open()
            try await first
            // Told to nobody but the database.
            let began = MonotonicTime.now
            await TestSupport.until { rig.nodes.allSatisfy { $0.hears(.token(early, user: nil, until: until)) } }
            #expect(MonotonicTime.now.nanoseconds(since: began) < FeedServersTests.promise)
            await database.close()
        }
    }

    @Test func `Redis killed and started empty: the others hear in time, and later by the stream`() async throws {
        try await FeedRig.run { rig in
            try await expectHeard(rig, 1, "before")
            try rig.servers.kill("redis")
            try await expectHeard(rig, 2, "killed")
            #expect(await greatest(during: 2500) { rig.nodes.map(\.age).max() ?? 0 } < 2000)
            try rig.servers.start("redis")
            try await expectHeard(rig, 3, "started")
            await until { rig.nodes.allSatisfy { $0.feed.figures.waitingCount == 0 } }
            let before = rig.nodes.map { carried($0) }
            for number in 10..<15 as Range<UInt64> { try await expectHeard(rig, number, "afterwards") }
            await until { carried(rig.nodes[1]) >= before[1] + 5 && carried(rig.nodes[2]) >= before[2] + 5 }
        }
    }

    @Test func `Redis stopped: nobody waits for it, and the others hear in time`() async throws {
        try await FeedRig.run { rig in
            try rig.servers.stop("redis")
            let began = MonotonicTime.now
            try await expectHeard(rig, 1, "stopped")
            #expect(MonotonicTime.now.nanoseconds(since: began) < FeedServersTests.promise)
            #expect(await greatest(during: 2500) { rig.nodes.map(\.age).max() ?? 0 } < 2000)
            try await expectHeard(rig, 2, "still stopped")
            try rig.servers.resume("redis")
            await until { rig.nodes.allSatisfy { $0.feed.figures.waitingCount == 0 } }
            try await expectHeard(rig, 3, "resumed")
        }
    }

    @Test func `Redis flushed again and again: nothing is lost`() async throws {
        try await FeedRig.run { rig in
            let isDone = Lock(false)
            let client = rig.nodes[2].writer
            async let flushing: Void = flush(client, until: { isDone.withLock { $0 } })
            for number in 0..<20 as Range<UInt64> { try await expectHeard(rig, number, "flushed") }
            isDone.withLock { $0 = true }
            await flushing
            await until { rig.nodes.allSatisfy { $0.age < 1500 } }
        }
    }

    private func flush(_ client: RedisClient, until isDone: @Sendable () -> Bool) async {
        while !isDone() {
            do { _ = try await client.send(RedisCommand("FLUSHALL"), milliseconds: 1000) } catch {}
            await Task.yield()
        }
    }

    @Test func `Postgres stopped: marks keep every set complete, and the stream carries`() async throws {
        try await FeedRig.run { rig in
            try await expectHeard(rig, 1, "before")
            try rig.servers.stop("postgres")
            #expect(await greatest(during: 4000) { rig.nodes.map(\.age).max() ?? 0 } < 2000)
            // Committed before the stop and told after it.
            let told = Revocation.token(Identifier(high: 1, low: 1), user: nil, until: systemTime().adding(seconds: 9))
            await rig.nodes[0].feed.feed.publish([told])
            await until { rig.nodes[1...].allSatisfy { $0.hears(told) } }
            try rig.servers.resume("postgres")
            let polls = rig.nodes.map { $0.feed.figures[.polls] }
            await until { zip(rig.nodes, polls).allSatisfy { $0.feed.figures[.polls] > $1 + 1 } }
            try await expectHeard(rig, 2, "resumed")
        }
    }

    @Test func `both stopped: the age grows, and ends with them`() async throws {
        try await FeedRig.run { rig in
            try rig.servers.stop("postgres")
            try rig.servers.stop("redis")
            await until { rig.nodes.allSatisfy { $0.age > 3000 } }
            try rig.servers.resume("redis")
            await until { rig.nodes.allSatisfy { $0.age < 1500 } }
            try rig.servers.resume("postgres")
            await until { rig.nodes.allSatisfy { $0.age < 1500 } }
        }
    }

    @Test func `told to nobody by a node that died: the others know that they do not know`() async throws {
        try await FeedRig.run { rig in
            try rig.servers.kill("redis")
            await until { rig.nodes.allSatisfy { !$0.writer.isAvailable } }
            let revocation = try await rig.nodes[2].revoke(1)
            try rig.servers.stop("postgres")
            await rig.killLast()
            try rig.servers.start("redis")
            await until { rig.nodes.allSatisfy { $0.writer.isAvailable } }
            await until { rig.nodes.allSatisfy { $0.age > 3000 } }
            try rig.servers.resume("postgres")
            await until { rig.nodes.allSatisfy { $0.hears(revocation) && $0.age < 1500 } }
        }
    }

    @Test func `what others put into the stream is counted and changes nothing`() async throws {
        try await FeedRig.run(2) { rig in
            for payload in ["e", "x"] {
                _ = try await rig.nodes[0].writer.send(
                    RedisCommand("XADD", RedisRevocationStream.key, "*", payload, "nonsense"))
            }
            _ = try await rig.nodes[0].writer.send(
                RedisCommand("XADD", RedisRevocationStream.key, "*", "a", "1", "e", "2"))
            await until { rig.nodes.allSatisfy { $0.feed.figures[.refused] == 3 } }
            try await expectHeard(rig, 1, "after forged entries")
        }
    }

    @Test func `the stream is trimmed by Redis' time`() async throws {
        let servers = try RealServers.start(.redis)
        defer { do { try servers.end() } catch { Issue.record(error) } }
        let group = try EventLoopGroup(count: 1, name: "trim")
        let resolver = try Resolver()
        let client = RedisClient(
            try RedisConfiguration(url: servers.redisURL), loop: group.loops[0], resolver: resolver)
        await client.start()
        await until { client.isAvailable }
        // Two hours old by that clock.
        let old = systemTime().milliseconds - 7_200_000
        let entries = (1...500).map { number in
            RedisCommand("XADD", RedisRevocationStream.key, "\(old)-\(number)", "e", "old")
        }
        _ = try await client.pipeline(entries, milliseconds: 10_000)
        let stream = RedisRevocationStream(writer: client, reader: client)
        // The first answer tells the time, the second entry trims.
        for _ in 0..<2 { #expect(try await stream.append([[1], [2]]) == 2) }
        // By whole nodes of a hundred entries.
        let length = try await client.send(RedisCommand("XLEN", RedisRevocationStream.key), milliseconds: 10_000)
        guard case .integer(let count) = length else { throw RedisError.malformed }
        #expect(count >= 4 && count < 110)
        await client.close()
        group.stopAndJoin()
        resolver.stopAndJoin()
    }
}
