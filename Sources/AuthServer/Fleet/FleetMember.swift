import Auth
import Logging
import OpenSSL
import Reactor
import Redis

/// A node's part in its fleet: what it hears of the others and tells them, and the time that all go by.
final class FleetMember: Sendable {
    let node: FleetNode
    let feed: RevocationFeed
    let log: EventLog
    private let storage: FleetStorage
    private let isRedisAway = Lock(false)

    /// Heard by nobody before `follow`.
    init(
        _ node: FleetNode, _ storage: FleetStorage, key: HMACSHA256Key, loop: EventLoop, clock: NodeClock, log: EventLog
    ) {
        self.node = node
        self.storage = storage
        self.log = log
        var stream: RedisRevocationStream?
        if let writer = storage.writer, let reader = storage.reader {
            stream = RedisRevocationStream(writer: writer, reader: reader)
        }
        feed = RevocationFeed(
            node, polling: storage.postgres, stream: stream, key: key, loop: loop,
            clock: FeedClock(
                now: { clock.now },
                measured: { time, sentAt, receivedAt in
                    let change = clock.measured(databaseTime: time, sentAt: sentAt, receivedAt: receivedAt)
                    guard case .moved(let milliseconds) = change else { return }
                    log.logger.warning(
                        "the database's clock has moved", metadata: ["milliseconds": "\(milliseconds)"])
                }))
    }

    /// A new identity with each start.
    static func node(_ configuration: Configuration) throws(StartupError) -> FleetNode {
        do throws(OpenSSLError) {
            return FleetNode(
                id: try Identifier.make(at: systemTime()), address: configuration.listen.description,
                version: Configuration.version)
        } catch {
            throw StartupError(.internalFailure, "OpenSSL failed: \(error)")
        }
    }

    /// Joins the fleet and gives every revocation in force.
    func begin() async throws(StoreError) -> [Revocation] { try await feed.begin() }

    /// Tells `listeners` what is new from now on.
    func follow(_ listeners: FeedListeners) async {
        let (storage, feed) = (storage, feed)
        await feed.follow(
            FeedListeners(
                apply: listeners.apply,
                confirmed: { [weak feed, weak self] moment in
                    if let feed { storage.setLiveNodes(feed.liveNodes) }
                    self?.tellOfRedis()
                    listeners.confirmed(moment)
                },
                keysMoved: listeners.keysMoved))
    }

    /// Once when it is not asked any more, with the reason, and once when it is again.
    private func tellOfRedis() {
        guard let redis = storage.writer else { return }
        let isAway = redis.statistics.isBreakerOpen
        let hasChanged = isRedisAway.withLock { before in
            defer { before = isAway }
            return before != isAway
        }
        guard hasChanged else { return }
        if isAway {
            log.logger.warning(
                "Redis is not asked: each node counts limits by itself",
                metadata: ["reason": "\(redis.lastFailure ?? "unknown")"])
        } else {
            log.logger.info("Redis answers again")
        }
    }

    /// Has the others read the key rings anew, after a change that should not wait for their next poll.
    func announceKeys() async { await feed.announceKeys() }

    /// Leaves the fleet, after the last answer.
    func end() async { await feed.end() }

    var figures: [Figure] { feed.figures }
}
