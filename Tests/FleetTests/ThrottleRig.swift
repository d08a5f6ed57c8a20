import Auth
import Reactor
import Redis
import StoreConformance
import TestSupport
import Testing

@testable import AuthServer

/// Nodes of one loop each, with the fleet's throttle over one Redis.
final class ThrottleRig: Sendable {
    struct Node: Sendable {
        let loop: EventLoop
        let client: RedisClient
        let throttle: RedisThrottle
        let counters: NodeCounters
    }

    let nodes: [Node]
    private let group: EventLoopGroup
    private let resolver: Resolver

    private init(
        _ count: Int, _ url: String, _ limits: ThrottleLimits, _ clock: GCRAScript.Clock, milliseconds: Int64
    ) async throws {
        group = try EventLoopGroup(count: count, name: "throttle")
        let resolver = try Resolver()
        self.resolver = resolver
        var configuration = try RedisConfiguration(url: url)
        configuration.commandMilliseconds = milliseconds
        nodes = group.loops.map { [configuration] loop in
            let client = RedisClient(configuration, loop: loop, resolver: resolver)
            let counters = NodeCounters(limits: limits)
            let throttle = RedisThrottle(
                client: client, loop: loop, limits: limits, liveNodes: { count }, node: counters, clock: clock)
            return Node(loop: loop, client: client, throttle: throttle, counters: counters)
        }
        for node in nodes {
            await node.client.start()
            await until("no connection to Redis") { node.client.isAvailable }
        }
    }

    /// Makes `count` nodes for `body`. Commands may take a second, unless told: the machine has other work.
    static func run<Value: Sendable>(
        _ url: String, nodes count: Int = 1, limits: ThrottleLimits = ThrottleLimits(),
        clock: GCRAScript.Clock = .server,
        milliseconds: Int64 = 1_000, _ body: (ThrottleRig) async throws -> Value
    ) async throws -> Value {
        let rig = try await ThrottleRig(count, url, limits, clock, milliseconds: milliseconds)
        do {
            let value = try await body(rig)
            await rig.stop()
            return value
        } catch {
            await rig.stop()
            throw error
        }
    }

    @concurrent private func stop() async {
        for node in nodes { await node.client.close() }
        group.stopAndJoin()
        resolver.stopAndJoin()
    }
}

extension RedisThrottle {
    /// The wait of a refusal in milliseconds; nil when it was granted.
    func wait(_ keys: [ThrottleKey], at now: UnixTime = UnixTime(milliseconds: wallClockMilliseconds())) async -> Int64?
    {
        if case .refused(_, let wait) = await reserve(keys, at: now) { wait } else { nil }
    }

    /// Nil when refused.
    func reservation(_ keys: [ThrottleKey]) async -> ThrottleReservation? {
        let verdict = await reserve(keys, at: UnixTime(milliseconds: wallClockMilliseconds()))
        if case .reserved(let reservation) = verdict { return reservation }
        return nil
    }
}

extension ThrottleLimits {
    /// Limits that nobody meets but those given.
    static func only(_ few: [ThrottleRule: GCRA]) -> ThrottleLimits {
        var limits = ThrottleLimits()
        for rule in ThrottleRule.allCases { limits[rule] = few[rule] ?? GCRA(burst: 60_000, perSecond: 100_000) }
        return limits
    }
}
