import Auth
import Postgres
import Reactor
import Redis
import Synchronization

/// Postgres and Redis as one node uses them: every loop asks on a client of its own, as far as the budget of connections
/// goes; with fewer connections than loops some ask on another loop's.
final class FleetStorage: Storage {
    /// In the order of the loops; fewer than loops when the budget is.
    private let databases: [PostgresClient]
    private let stores: [PostgresStore]
    /// One for each loop; none in a fleet without Redis.
    private let caches: [RedisClient]
    /// Waits for entries of the stream, so that it answers nothing else.
    let reader: RedisClient?
    let counters: NodeCounters
    private let throttles: [any LoginThrottle]
    private let resolver: Resolver
    private let folder: DataFolder
    private let liveNodes: LiveNodes

    /// Takes the folder: `close` lets go of it. Connects to nobody before `start`.
    init(
        _ configuration: Configuration, _ servers: FleetServers, _ group: EventLoopGroup, _ folder: DataFolder
    ) throws(SystemError) {
        let resolver = try Resolver()
        let shares = FleetStorage.shares(of: configuration.databaseConnections, among: group.loops.count)
        databases = zip(shares, group.loops).map { share, loop in
            PostgresClient(servers.database, connections: share, loop: loop, resolver: resolver)
        }
        stores = databases.map { PostgresStore(client: $0) }
        let counters = NodeCounters(limits: configuration.throttle)
        let liveNodes = LiveNodes()
        if let redis = servers.redis {
            let caches = group.loops.map { RedisClient(redis, loop: $0, resolver: resolver) }
            throttles = zip(caches, group.loops).map { cache, loop in
                RedisThrottle(
                    client: cache, loop: loop, limits: configuration.throttle, liveNodes: { liveNodes.count },
                    node: counters)
            }
            reader = RedisClient(redis, loop: group.loops[0], resolver: resolver)
            self.caches = caches
        } else {
            throttles = [LoneThrottle(counters, nodes: { liveNodes.count })]
            reader = nil
            caches = []
        }
        self.counters = counters
        self.liveNodes = liveNodes
        self.resolver = resolver
        self.folder = folder
        place = servers.database.description
    }

    /// Connections of each client, the first ones one more when it does not come out even.
    static func shares(of budget: Int, among loops: Int) -> [Int] {
        let count = max(1, min(budget, loops))
        return (0..<count).map { max(1, budget) / count + ($0 < max(1, budget) % count ? 1 : 0) }
    }

    /// For what belongs to no loop; on the first one.
    var store: any Stores { stores[0] }
    var postgres: PostgresStore { stores[0] }
    var database: PostgresClient { databases[0] }
    /// Where it is, for who operates the node: without credentials.
    let place: String
    /// Carries what is published; nil without Redis.
    var writer: RedisClient? { caches.first }
    var throttle: any LoginThrottle { throttles[0] }

    func store(forLoop index: Int) -> any Stores { stores[index % stores.count] }
    func throttle(forLoop index: Int) -> any LoginThrottle { throttles[index % throttles.count] }

    var databaseStatistics: [PostgresStatistics] { databases.map(\.statistics) }
    var roundTrips: Int { databaseStatistics.reduce(0) { $0 + $1.roundTrips } }
    /// Without the reader, which waits all the time.
    var cacheStatistics: [RedisStatistics] { caches.map(\.statistics) }
    var cacheRoundTrips: Int { cacheStatistics.reduce(0) { $0 + $1.roundTrips } }

    var isShared: Bool { true }
    /// One client that reaches it is enough: the others will in a moment.
    var isAway: Bool { !databases.contains { $0.isAvailable } }
    var canLogIn: Bool { !isAway }

    func maintain() async throws(StoreError) {}

    /// As the newest poll counted them: what share of the limits is this node's while Redis is away.
    func setLiveNodes(_ count: Int) { liveNodes.set(count) }

    func start() async {
        for database in databases { await database.start() }
        for cache in caches { await cache.start() }
        await reader?.start()
    }

    func end() async {
        await reader?.close()
        for cache in caches { await cache.close() }
        for database in databases { await database.close() }
    }

    func close() throws(StoreError) {
        resolver.stopAndJoin()
        folder.release()
    }
}

/// How many nodes there are, at least this one. Any thread.
private final class LiveNodes: Sendable {
    private let value = Atomic(1)

    var count: Int { value.load(ordering: .relaxed) }

    func set(_ count: Int) { value.store(max(1, count), ordering: .relaxed) }
}

/// The throttle of a fleet without Redis: every node grants its share.
private struct LoneThrottle: LoginThrottle {
    let counters: NodeCounters
    let nodes: @Sendable () -> Int

    init(_ counters: NodeCounters, nodes: @escaping @Sendable () -> Int) {
        self.counters = counters
        self.nodes = nodes
    }

    func reserve(_ keys: [ThrottleKey], at now: UnixTime) async -> ThrottleVerdict {
        counters.reserve(keys, at: now, nodes: nodes())
    }

    func giveBack(_ reservation: ThrottleReservation, at now: UnixTime) async {
        counters.giveBack(reservation, at: now)
    }

    func forget(_ keys: [ThrottleKey]) async { counters.forget(keys) }
}
