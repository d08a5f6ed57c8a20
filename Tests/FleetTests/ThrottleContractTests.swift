import Auth
import Redis
import StoreConformance
import TestSupport
import Testing

@testable import AuthServer

/// What the in-process table is held to, held to the script in a real Redis.
@Suite(.timeLimit(.minutes(5))) struct RedisThrottleContractTests {
    private static let servers = Result { try RealServers.start(.redis) }

    private func run(_ check: (ThrottleMaker) async throws -> Void) async throws {
        let url = try RedisThrottleContractTests.servers.get().redisURL
        let limits = ThrottleLimits()
        try await ThrottleRig.run(url, limits: limits, clock: .caller) { rig in
            let node = rig.nodes[0]
            try await check { limits in
                RedisThrottle(
                    client: node.client, loop: node.loop, limits: limits, liveNodes: { 1 },
                    node: NodeCounters(limits: limits), clock: .caller)
            }
            #expect(node.client.statistics.failures == 0)
        }
    }

    @Test(arguments: ThrottleVector.all) func `Redis answers as the vectors say`(_ vector: ThrottleVector) async throws
    {
        try await run(vector.check)
    }

    @Test(arguments: ThrottlePromise.all) func `Redis keeps the throttle's promises`(_ promise: ThrottlePromise)
        async throws
    {
        try await run(promise.check)
    }

    @Test func `whatever happens to a key, table and script answer alike`() async throws {
        try await run { make in
            var generator = SeededGenerator(seed: 41)
            for _ in 0..<40 {
                var limits = ThrottleLimits()
                for rule in ThrottleRule.allCases {
                    limits[rule] = GCRA(
                        burst: .random(in: 1...9, using: &generator),
                        intervalMilliseconds: .random(in: 1...4_000, using: &generator))
                }
                let throttle = try await make(limits)
                let table = InProcessThrottle(limits: limits)
                // One rule: an attempt that several rules refuse in part is taken back in Redis, which may clip a TAT that a
                // clock set back has left.
                let keys = try ThrottleSample().keys("ada").filter { $0.rule == .accountAndAddress }
                var now = UnixTime(milliseconds: 1_800_000_000_000)
                var held: [(ThrottleReservation, ThrottleReservation)] = []
                for step in 0..<150 {
                    now = now.adding(milliseconds: .random(in: 0...900, using: &generator))
                    switch Int.random(in: 0..<10, using: &generator) {
                    case 0 where !held.isEmpty:
                        let (ours, theirs) = held.removeFirst()
                        await throttle.giveBack(ours, at: now)
                        await table.giveBack(theirs, at: now)
                    default:
                        let (ours, theirs) = (await throttle.reserve(keys, at: now), await table.reserve(keys, at: now))
                        switch (ours, theirs) {
                        case (.reserved(let mine), .reserved(let its)): held.append((mine, its))
                        case (.refused, .refused): #expect(ours == theirs, "step \(step)")
                        default:
                            Issue.record("\(ours) and \(theirs) at step \(step)")
                            return
                        }
                    }
                }
            }
        }
    }
}
