import Auth
import OpenSSL
import Postgres
import Reactor
import Redis
import TestSupport
import Testing

@testable import AuthServer

/// Feeds of several nodes on real servers, which a test stops and kills.
final class FeedRig {
    /// One node's feed with its own connections.
    struct Node: Sendable {
        let feed: FeedNode
        let store: PostgresStore
        let database: PostgresClient
        let writer: RedisClient
        let reader: RedisClient

        var loop: EventLoop { feed.loop }

        /// Commits a revocation, has it in force and tells it, as a request does before it is answered.
        func revoke(_ number: UInt64) async throws -> Revocation {
            let (token, user) = (Identifier(high: 5, low: number), Identifier(high: 6, low: number))
            let until = systemTime().adding(seconds: 4230)
            try await store.revoke(token: token, of: user, until: until)
            let revocation = Revocation.token(token, user: user, until: until)
            await feed.feed.publish([revocation])
            return revocation
        }

        fileprivate func close() async {
            await database.close()
            await writer.close()
            await reader.close()
        }
    }

    let servers: RealServers
    let group: EventLoopGroup
    private let resolver: Resolver
    private let key: HMACSHA256Key
    private(set) var nodes: [Node] = []

    private init(_ servers: RealServers, _ count: Int) throws {
        self.servers = servers
        group = try EventLoopGroup(count: count, name: "feed")
        resolver = try Resolver()
        key = HMACSHA256Key(try SecretBytes(randomCount: 32))
    }

    /// Of this suite, which runs one test after the other. They end with the process.
    private static let sharedServers = Result { try RealServers.start(.postgres, .redis) }

    /// Starts `count` nodes, runs `body`, ends them. Servers that `body` stopped or killed it has running again.
    static func run(_ count: Int = 3, _ body: (FeedRig) async throws -> Void) async throws {
        let rig = try FeedRig(try sharedServers.get(), count)
        do {
            try await rig.start()
            try await body(rig)
        } catch {
            await rig.end()
            throw error
        }
        await rig.end()
    }

    private func start() async throws {
        for loop in group.loops {
            let database = PostgresClient(
                try PostgresConfiguration(url: servers.databaseURL), connections: 2, loop: loop, resolver: resolver)
            let redis = try RedisConfiguration(url: servers.redisURL)
            let writer = RedisClient(redis, loop: loop, resolver: resolver)
            let reader = RedisClient(redis, loop: loop, resolver: resolver)
            await database.start()
            await writer.start()
            await reader.start()
            await until { database.isAvailable && writer.isAvailable && reader.isAvailable }
            if nodes.isEmpty { try await PostgresMigration.prepare(database) }
            let store = PostgresStore(client: database)
            let feed = try FeedNode(
                loop, database: store, stream: RedisRevocationStream(writer: writer, reader: reader), key: key)
            nodes.append(Node(feed: feed, store: store, database: database, writer: writer, reader: reader))
            try await feed.begin()
        }
        await until("all nodes know each other") {
            self.nodes.allSatisfy { $0.feed.feed.liveNodes == self.nodes.count }
        }
    }

    private func end() async {
        for node in nodes {
            await node.feed.feed.end()
            await node.close()
        }
        group.stopAndJoin()
        resolver.stopAndJoin()
    }

    /// A client that a transaction may keep waiting.
    func patientClient() async throws -> PostgresClient {
        var configuration = try PostgresConfiguration(url: servers.databaseURL)
        configuration.statementMilliseconds = 30_000
        let client = PostgresClient(configuration, connections: 1, loop: group.loops[0], resolver: resolver)
        await client.start()
        await until { client.isAvailable }
        return client
    }

    /// The last node dies without a word.
    func killLast() async {
        let node = nodes.removeLast()
        await node.close()
        node.loop.stop()
        node.loop.join()
    }
}

extension FeedRig.Node {
    func hears(_ revocation: Revocation) -> Bool { feed.revocations.contains(revocation) }
    var age: UInt64 { feed.age ?? .max }
}

/// Looks at `value` until `milliseconds` are over and gives the greatest.
func greatest(during milliseconds: UInt64, _ value: () -> UInt64) async -> UInt64 {
    let began = MonotonicTime.now
    var greatest: UInt64 = 0
    await until {
        greatest = max(greatest, value())
        return MonotonicTime.now.nanoseconds(since: began) > milliseconds * 1_000_000
    }
    return greatest
}
