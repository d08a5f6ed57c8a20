import Auth
import Reactor
import Redis
import StoreConformance
import TestSupport
import Testing

@testable import AuthServer

@Suite(.timeLimit(.minutes(5))) struct RedisThrottleTests {
    private static let servers = Result { try RealServers.start(.redis) }

    private var url: String { get throws { try RedisThrottleTests.servers.get().redisURL } }

    /// Round trips of one attempt, which is to be granted or not.
    private func trips(
        _ node: ThrottleRig.Node, _ keys: [ThrottleKey], granted: Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async -> Int {
        let before = node.client.statistics.roundTrips
        let isGranted = await node.throttle.wait(keys) == nil
        #expect(isGranted == granted, sourceLocation: sourceLocation)
        return node.client.statistics.roundTrips - before
    }

    @Test func `an attempt costs one round trip, granted or refused, and a refusal that is repeated none`() async throws
    {
        let limits = ThrottleLimits.only([.accountAndAddress: GCRA(burst: 2, intervalMilliseconds: 60_000)])
        try await ThrottleRig.run(try url, limits: limits) { rig in
            let node = rig.nodes[0]
            let sample = try ThrottleSample()
            let keys = try sample.keys("ada", from: "2001:db8::1")
            // Redis learns the scripts.
            _ = await node.throttle.wait(try sample.keys("eve"))
            for _ in 0..<2 { #expect(await trips(node, keys, granted: true) == 1) }
            // What was counted under the other keys is given back by a call that is not waited for.
            #expect(await trips(node, keys, granted: false) == 2)
            for _ in 0..<50 { #expect(await trips(node, keys, granted: false) == 0) }
            // Another account from there is another matter.
            #expect(await trips(node, try sample.keys("bob"), granted: true) == 1)
        }
    }

    @Test func `a reservation is given back by whichever node, and a repeated attempt is let in at once`() async throws
    {
        let limits = ThrottleLimits.only([.accountAndAddress: GCRA(burst: 1, intervalMilliseconds: 60_000)])
        try await ThrottleRig.run(try url, nodes: 2, limits: limits) { rig in
            let keys = try ThrottleSample().keys("ada")
            let (one, other) = (rig.nodes[0].throttle, rig.nodes[1].throttle)
            let now = UnixTime(milliseconds: wallClockMilliseconds())
            let first = try #require(await one.reservation(keys))
            #expect(await one.wait(keys) != nil)
            await one.giveBack(first, at: now)
            let second = try #require(await one.reservation(keys))
            #expect(await other.wait(keys) != nil)
            await one.giveBack(second, at: now)
            // The other node has it in its memory, a second long.
            await until { await other.wait(keys) == nil }
        }
    }

    @Test func `an unlocked account is let in at once where it was unlocked, and soon everywhere`() async throws {
        let limits = ThrottleLimits.only([.account: GCRA(burst: 1, intervalMilliseconds: 600_000)])
        try await ThrottleRig.run(try url, nodes: 2, limits: limits) { rig in
            let sample = try ThrottleSample()
            let keys = try sample.keys("ada")
            for node in rig.nodes { _ = await node.throttle.wait(keys) }
            for node in rig.nodes { #expect(await node.throttle.wait(keys) ?? 0 > 500_000) }
            await rig.nodes[0].throttle.forget(try sample.lookup.account(#require(Username("ada"))))
            let reservation = try #require(await rig.nodes[0].throttle.reservation(keys))
            await rig.nodes[0].throttle.giveBack(reservation, at: UnixTime(milliseconds: wallClockMilliseconds()))
            await until { await rig.nodes[1].throttle.wait(keys) == nil }
        }
    }

    @Test func `keys in Redis show nothing, expire with what they count, and are gone when it is given back`()
        async throws
    {
        let limits = ThrottleLimits.only([.accountAndAddress: GCRA(burst: 3, intervalMilliseconds: 5_000)])
        try await ThrottleRig.run(try url, limits: limits) { rig in
            let node = rig.nodes[0]
            let keys = try ThrottleSample().keys("ada").filter { $0.rule == .accountAndAddress }
            let name = GCRAScript.name(keys[0])
            #expect(String(decoding: name, as: UTF8.self).wholeMatch(of: #/p:t:[0-9a-f]{32}/#) != nil)
            let reservations = [await node.throttle.reservation(keys), await node.throttle.reservation(keys)]
            guard case .integer(let lives) = try await node.client.send(RedisCommand([Array("PTTL".utf8), name])) else {
                Issue.record("no such key")
                return
            }
            #expect((9_000...10_000).contains(lives))
            for reservation in reservations.compactMap({ $0 }) {
                await node.throttle.giveBack(reservation, at: UnixTime(milliseconds: wallClockMilliseconds()))
            }
            #expect(try await node.client.send(RedisCommand([Array("EXISTS".utf8), name])) == .integer(0))
        }
    }

    @Test func `a refresh asks no Redis`() async throws {
        let limits = ThrottleLimits.only([.refreshSession: GCRA(burst: 2, intervalMilliseconds: 60_000)])
        try await ThrottleRig.run(try url, nodes: 2, limits: limits) { rig in
            let keys = try ThrottleSample().lookup.refresh(
                session: Identifier(high: 1, low: 1), address: #require(ClientAddress("192.0.2.1")))
            for node in rig.nodes {
                for number in 0..<3 { #expect(await trips(node, keys, granted: number < 2) == 0) }
            }
        }
    }

    @Test func `a client that leaves takes neither the connection nor what it reserved with it`() async throws {
        let limits = ThrottleLimits.only([.accountAndAddress: GCRA(burst: 30, intervalMilliseconds: 60_000)])
        try await ThrottleRig.run(try url, limits: limits) { rig in
            let node = rig.nodes[0]
            let keys = try ThrottleSample().keys("ada").filter { $0.rule == .accountAndAddress }
            let granted = Lock(0)
            for _ in 0..<200 {
                let task = node.loop.spawn {
                    if await node.throttle.wait(keys) == nil { granted.withLock { $0 += 1 } }
                }
                task.cancel()
                await task.value
            }
            #expect(granted.withLock { $0 } == 30)
            #expect(node.client.statistics.reconnects == 0 && node.client.statistics.failures == 0)
        }
    }

    /// Nodes try as fast as they can, many at a time, for as long as the limit has refilled once or twice.
    private func hammer(_ rig: ThrottleRig, _ keys: [ThrottleKey], milliseconds: Int64) async -> (
        admitted: Int, tries: Int
    ) {
        let counts = Lock((admitted: 0, tries: 0))
        let end = MonotonicTime.now.adding(milliseconds: milliseconds)
        await withTaskGroup { group in
            for node in rig.nodes {
                for _ in 0..<8 {
                    group.addTask(executorPreference: node.loop) {
                        while MonotonicTime.now < end {
                            let isAdmitted = await node.throttle.wait(keys) == nil
                            counts.withLock { count in
                                count.tries += 1
                                if isAdmitted { count.admitted += 1 }
                            }
                        }
                    }
                }
            }
        }
        return counts.withLock { $0 }
    }

    @Test(arguments: [1, 3, 8]) func `nodes that hammer in parallel admit the limit together`(_ count: Int) async throws
    {
        let (burst, rate) = (500, 500)
        let limits = ThrottleLimits.only([.accountAndAddress: GCRA(burst: UInt16(burst), perSecond: UInt32(rate))])
        try await ThrottleRig.run(try url, nodes: count, limits: limits) { rig in
            let keys = try ThrottleSample().keys("ada").filter { $0.rule == .accountAndAddress }
            let start = MonotonicTime.now
            let (admitted, tries) = await hammer(rig, keys, milliseconds: 3_000)
            let elapsed = Double(MonotonicTime.now.nanoseconds(since: start)) / 1e9
            let most = burst + Int(elapsed * Double(rate)) + 1
            #expect(admitted <= most, "\(tries) tries in \(elapsed) s")
            #expect(Double(admitted) >= 0.99 * Double(burst + 3 * rate), "\(tries) tries in \(elapsed) s")
            #expect(rig.nodes.allSatisfy { $0.client.statistics.timeouts == 0 })
        }
    }

    @Test(arguments: [1, 3, 8]) func `whole attempts of many addresses admit the account's limit together`(
        _ count: Int
    ) async throws {
        let limits = ThrottleLimits.only([.account: GCRA(burst: 300, intervalMilliseconds: 600_000)])
        try await ThrottleRig.run(try url, nodes: count, limits: limits) { rig in
            let sample = try ThrottleSample()
            let granted = Lock(0)
            try await withThrowingTaskGroup { group in
                for (index, node) in rig.nodes.enumerated() {
                    group.addTask(executorPreference: node.loop) {
                        for host in 0..<(1_200 / count) {
                            let keys = try sample.keys("ada", from: "10.\(index).\(host / 250).\(host % 250)")
                            if await node.throttle.wait(keys) == nil { granted.withLock { $0 += 1 } }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(granted.withLock { $0 } == 300)
        }
    }
}
