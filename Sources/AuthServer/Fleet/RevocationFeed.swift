import Auth
import OpenSSL
import Reactor
import Redis

/// Who a node is among the others.
struct FleetNode: Sendable {
    /// Made anew with each start: the numbers of its revocations begin at 0.
    let id: Identifier
    /// For operators, as the version of the server.
    let address: String
    let version: String
}

/// What the feed asks of and tells the node's clock.
struct FeedClock: Sendable {
    /// Fleet time.
    let now: @Sendable () -> UnixTime
    /// A reading of the database's clock, taken between the two moments.
    let measured: @Sendable (_ databaseTime: UnixTime, _ sentAt: MonotonicTime, _ receivedAt: MonotonicTime) -> Void
}

/// Whom the feed tells what it learns.
struct FeedListeners: Sendable {
    /// Returns when every loop has them.
    let apply: @Sendable ([Revocation]) async -> Void
    /// The set is complete up to that moment, on every loop.
    let confirmed: @Sendable (MonotonicTime) -> Void
    /// The key rings have changed; false when they could not be read, and then it is told again.
    let keysMoved: @Sendable (_ version: Int64) async -> Bool
}

/// Keeps a node's revocations those of its fleet.
///
/// The database is the authority: it is polled each second, whatever else happens. The stream carries what is new within
/// milliseconds, and each half second every writer's mark, by which the others know that they lack nothing
/// (`FeedProgress`), so that a node goes on when the database is away. A revocation is numbered before its client is
/// answered, and the client waits for the stream no longer than `patienceMilliseconds`.
///
/// An actor on the node's first loop. `begin`, then `follow`, at the end `end`.
actor RevocationFeed {
    /// A request waits so long at most for the stream to have its revocation (design section 8).
    static let patienceMilliseconds: Int64 = 50
    static let pollMilliseconds: Int64 = 1000
    /// Twice a second: one mark that is late does not make a set that is two seconds old.
    static let markMilliseconds: Int64 = 500

    nonisolated let loop: EventLoop
    nonisolated let figuresTable = FeedFigures()
    nonisolated let node: FleetNode
    let polling: any FleetPolling
    /// Nil where the fleet does without.
    let stream: (any RevocationStream)?
    let codec: FeedCodec
    let clock: FeedClock

    var progress: FeedProgress
    var listeners: FeedListeners?
    var isEnding = false
    private var tasks: [Task<Void, Never>] = []
    private var pauses = FeedPauses()

    // Following (RevocationFeed+Following).
    var cursor = RevocationCursor.beginning
    var position: StreamPosition?
    /// The position may be beyond the stream's end: it is another stream than before.
    var isPositionDoubtful = true
    /// Of the rings that this node read; nil before it first did.
    var keysVersion: Int64?
    /// What the last poll said it is.
    var polledKeysVersion: Int64?
    var isReloadingKeys = false
    var lastConfirmed = MonotonicTime(nanoseconds: 0)

    // Publishing (RevocationFeed+Publishing).
    var outbox: RevocationOutbox
    var waiters = FeedWaiters()
    var isMarkDue = false
    var keysToAnnounce: Int64?
    var isFlushing = false
    var flushing: Task<Void, Never>?

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - key: the fleet's, for the tags of entries (`LookupKeys.stream`).
    ///   - outboxCapacity: revocations that may wait for a stream that is away.
    init(
        _ node: FleetNode, polling: any FleetPolling, stream: (any RevocationStream)?, key: HMACSHA256Key,
        loop: EventLoop, clock: FeedClock, outboxCapacity: Int = RevocationOutbox.standardCapacity
    ) {
        self.node = node
        self.polling = polling
        self.stream = stream
        self.loop = loop
        self.clock = clock
        codec = FeedCodec(key: key)
        progress = FeedProgress(node: node.id)
        outbox = RevocationOutbox(capacity: outboxCapacity)
    }

    // MARK: Life

    /// Joins the fleet and gives everything in force. What comes after is told from `follow` on; between the two nothing
    /// is lost: the stream is read from where it ended before the database was asked.
    func begin() async throws(StoreError) -> [Revocation] {
        if let stream {
            do throws(RedisError) {
                position = try await stream.last()
                isPositionDoubtful = false
            } catch { figuresTable.count(.readFailures) }
        }
        let beganAt = MonotonicTime.now
        let poll = try await polling.poll(
            as: node.id, since: .beginning, nodeAddress: node.address, version: node.version)
        clock.measured(poll.databaseTime, beganAt, .now)
        cursor = poll.cursor
        progress.polled(beganAt: beganAt, NodeList(nodes: poll.liveNodes, readAt: poll.databaseTime))
        figuresTable.set(progress)
        return poll.revocations
    }

    /// Tells the listeners from now on. Once, after `begin`.
    func follow(_ listeners: FeedListeners) {
        guard self.listeners == nil, !isEnding else { return }
        self.listeners = listeners
        confirm()
        tasks.append(loop.spawn { [self] in await followDatabase() })
        guard let stream else { return }
        tasks.append(loop.spawn { [self] in await followStream(stream) })
        tasks.append(loop.spawn { [self] in await beat() })
    }

    /// Leaves the fleet: tells what is untold, then that nothing more will come. After the last revocation was answered.
    /// Takes no longer than the deadlines of both stores.
    func end() async {
        guard !isEnding else { return }
        isEnding = true
        pauses.endAll()
        release(waiters.remove(reachedBy: .max))
        await stream?.close()
        for task in tasks { await task.value }
        tasks = []
        if let stream { await sayFarewell(stream) }
        do throws(StoreError) { try await polling.leave(node: node.id) } catch { figuresTable.count(.pollFailures) }
    }

    /// Suspends; ends early when the feed does.
    func pause(milliseconds: Int64) async {
        guard !isEnding else { return }
        await withUnsafeContinuation { continuation in
            let id = pauses.begin(continuation)
            _ = loop.schedule(at: MonotonicTime.now.adding(milliseconds: milliseconds)) { [self] in
                assumeIsolated { $0.pauses.end(id) }
            }
        }
    }

    /// Tells how far the set is complete when that is further than before.
    func confirm() {
        guard let confirmedAt = progress.confirmedAt, confirmedAt > lastConfirmed else { return }
        lastConfirmed = confirmedAt
        figuresTable.setConfirmed(confirmedAt)
        listeners?.confirmed(confirmedAt)
    }

    // MARK: For the node

    /// Nodes that share the load, at least one; the last known number when the database is away. Any thread.
    nonisolated var liveNodes: Int { figuresTable.liveNodes }

    /// Whether this node does what one should do for all. Any thread.
    nonisolated var isFirstNode: Bool { figuresTable.isFirstNode }

    /// Any thread.
    nonisolated var figures: [Figure] { figuresTable.figures }
}

/// Who waits for time to pass.
struct FeedPauses {
    private var waiting: [UInt64: UnsafeContinuation<Void, Never>] = [:]
    private var last: UInt64 = 0

    mutating func begin(_ continuation: UnsafeContinuation<Void, Never>) -> UInt64 {
        last += 1
        waiting[last] = continuation
        return last
    }

    mutating func end(_ id: UInt64) { waiting.removeValue(forKey: id)?.resume() }

    mutating func endAll() {
        for continuation in waiting.values { continuation.resume() }
        waiting = [:]
    }
}
