import Auth
import Reactor
import Redis
import StoreConformance
import TestSupport
import Testing

@testable import AuthServer

/// A Redis that is away, slow, full or empty: attempts are still decided on, soon, and an attacker gains one window at most.
@Suite(.timeLimit(.minutes(5))) struct ThrottleFaultTests {
    private static let burst = 12
    private let limits = ThrottleLimits.only([
        .accountAndAddress: GCRA(burst: UInt16(burst), intervalMilliseconds: 600_000)
    ])

    /// How many of `tries` each node admits, in turns.
    private func admitted(_ rig: ThrottleRig, _ keys: [ThrottleKey], tries: Int = 40) async -> [Int] {
        var counts = rig.nodes.map { _ in 0 }
        for _ in 0..<tries {
            for (index, node) in rig.nodes.enumerated() where await node.throttle.wait(keys) == nil {
                counts[index] += 1
            }
        }
        return counts
    }

    private func untilAway(_ rig: ThrottleRig) async {
        await until("Redis still counts as there") { rig.nodes.allSatisfy { !$0.client.isAvailable } }
    }

    private func untilBack(_ rig: ThrottleRig) async {
        await until("Redis does not come back") { rig.nodes.allSatisfy { $0.client.isAvailable } }
    }

    @Test
    func `a killed Redis leaves each node its share, costs no time, and grants no third window when it is back empty`()
        async throws
    {
        let servers = try RealServers.start(.redis)
        try await ThrottleRig.run(servers.redisURL, nodes: 3, limits: limits) { rig in
            let (keys, fresh) = (try ThrottleSample().keys("ada"), try ThrottleSample().keys("bob"))
            #expect(await admitted(rig, keys).reduce(0, +) == ThrottleFaultTests.burst)
            try servers.kill("redis")
            await untilAway(rig)
            // What Redis has refused is remembered for a second.
            for node in rig.nodes { await until { await node.throttle.wait(keys) == nil } }
            let start = MonotonicTime.now
            #expect(await admitted(rig, keys, tries: 200) == [3, 3, 3])
            // A flag is looked at: 600 attempts, each of which would wait for a second.
            #expect(MonotonicTime.now.nanoseconds(since: start) < 1_000_000_000)
            try servers.start("redis")
            await untilBack(rig)
            #expect(await admitted(rig, keys).reduce(0, +) == 0)
            // Who was not counted meanwhile has the whole limit, over all nodes.
            #expect(await admitted(rig, fresh).reduce(0, +) == ThrottleFaultTests.burst)
        }
        try servers.end()
    }

    @Test func `a Redis that hangs holds an attempt up for no longer than a command may take, and then none`()
        async throws
    {
        let servers = try RealServers.start(.redis)
        try await ThrottleRig.run(servers.redisURL, nodes: 2, limits: limits, milliseconds: 50) { rig in
            let keys = try ThrottleSample().keys("ada")
            _ = await rig.nodes[0].throttle.wait(try ThrottleSample().keys("eve"))
            try servers.stop("redis")
            var longest: UInt64 = 0
            var counts = [0, 0]
            for _ in 0..<30 {
                for (index, node) in rig.nodes.enumerated() {
                    let start = MonotonicTime.now
                    if await node.throttle.wait(keys) == nil { counts[index] += 1 }
                    longest = max(longest, MonotonicTime.now.nanoseconds(since: start))
                }
            }
            #expect(counts == [6, 6])
            // 50 ms, and what a busy machine adds.
            #expect(longest < 500_000_000)
            #expect(rig.nodes.allSatisfy { (1...8).contains($0.client.statistics.timeouts) })
            try servers.resume("redis")
            await untilBack(rig)
            // What hung may have been counted by now; nobody gets more than one window by it.
            #expect(await admitted(rig, keys).reduce(0, +) <= ThrottleFaultTests.burst)
        }
        try servers.end()
    }

    @Test func `a Redis without memory refuses what it has at its limit and leaves the rest to the nodes`() async throws
    {
        let servers = try RealServers.start(.redis)
        try await ThrottleRig.run(servers.redisURL, nodes: 2, limits: limits) { rig in
            let (old, new) = (try ThrottleSample().keys("ada"), try ThrottleSample().keys("bob"))
            #expect(await admitted(rig, old).reduce(0, +) == ThrottleFaultTests.burst)
            let client = rig.nodes[0].client
            _ = try await client.send(RedisCommand("CONFIG", "SET", "maxmemory", "1"))
            let before = rig.nodes.map { $0.counters.figures[0].samples[0].value }
            #expect(before == ["0", "0"])
            #expect(await admitted(rig, old).reduce(0, +) == 0)
            #expect(await admitted(rig, new) == [6, 6])
            _ = try await client.send(RedisCommand("CONFIG", "SET", "maxmemory", "0"))
            #expect(await admitted(rig, new).reduce(0, +) == 0)
            #expect(rig.nodes.allSatisfy { $0.client.isAvailable && $0.client.statistics.failures == 0 })
        }
        try servers.end()
    }

    @Test func `flushed data and flushed scripts grant one more window and cost no failure`() async throws {
        let servers = try RealServers.start(.redis)
        try await ThrottleRig.run(servers.redisURL, nodes: 2, limits: limits) { rig in
            let keys = try ThrottleSample().keys("ada")
            #expect(await admitted(rig, keys).reduce(0, +) == ThrottleFaultTests.burst)
            _ = try await rig.nodes[0].client.send(RedisCommand("FLUSHALL"))
            _ = try await rig.nodes[0].client.send(RedisCommand("SCRIPT", "FLUSH"))
            // Remembered refusals are a second long.
            await until { await rig.nodes[0].throttle.wait(keys) == nil }
            #expect(await admitted(rig, keys).reduce(0, +) <= ThrottleFaultTests.burst - 1)
            #expect(rig.nodes.allSatisfy { $0.client.statistics.failures == 0 })
        }
        try servers.end()
    }

    @Test func `what a node counted alone is given back to its own counters`() async throws {
        let servers = try RealServers.start(.redis)
        try await ThrottleRig.run(servers.redisURL, limits: limits) { rig in
            let keys = try ThrottleSample().keys("ada")
            let throttle = rig.nodes[0].throttle
            let now = UnixTime(milliseconds: wallClockMilliseconds())
            let before = try #require(await throttle.reservation(keys))
            #expect(before.place == .fleet)
            try servers.kill("redis")
            await untilAway(rig)
            for _ in 0..<50 {
                let reservation = try #require(await throttle.reservation(keys))
                #expect(reservation.place == .node)
                await throttle.giveBack(reservation, at: now)
            }
            // One of Redis's is no one of ours.
            await throttle.giveBack(before, at: now)
            #expect(await admitted(rig, keys) == [ThrottleFaultTests.burst])
        }
        try servers.end()
    }

    @Test func `nodes that come and go change the shares of a node that decides alone`() async throws {
        let servers = try RealServers.start(.redis)
        try await ThrottleRig.run(servers.redisURL, limits: limits) { rig in
            let node = rig.nodes[0]
            let nodes = Lock(6)
            let counters = NodeCounters(limits: limits)
            let throttle = RedisThrottle(
                client: node.client, loop: node.loop, limits: limits, liveNodes: { nodes.withLock { $0 } },
                node: counters)
            try servers.kill("redis")
            await untilAway(rig)
            func admitted() async throws -> Int {
                let keys = try ThrottleSample().keys("ada")
                var count = 0
                for _ in 0..<30 where await throttle.wait(keys) == nil { count += 1 }
                return count
            }
            for (count, share) in [(6, 2), (2, 6), (1, 12), (5, 3), (100, 1), (0, 12)] {
                nodes.withLock { $0 = count }
                #expect(try await admitted() == share)
            }
        }
        try servers.end()
    }
}
