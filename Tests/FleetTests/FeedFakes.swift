import Auth
import OpenSSL
import Reactor
import Redis
import TestSupport
import Testing

@testable import AuthServer

/// A database of revocations that a test makes go away, hang and come back.
final class FakeDatabase: FleetPolling {
    private struct State {
        var rows: [Revocation] = []
        var nodes: [Identifier] = []
        var keysVersion: Int64 = 1
        var isAway = false
        var polls = 0
    }

    private let state = Lock(State())

    var isAway: Bool {
        get { state.withLock { $0.isAway } }
        set { state.withLock { $0.isAway = newValue } }
    }

    var keysVersion: Int64 {
        get { state.withLock { $0.keysVersion } }
        set { state.withLock { $0.keysVersion = newValue } }
    }

    var polls: Int { state.withLock { $0.polls } }
    var nodes: [Identifier] { state.withLock { $0.nodes } }

    func commit(_ revocation: Revocation) { state.withLock { $0.rows.append(revocation) } }

    /// Of a node that is not of this test.
    func enlist(_ node: Identifier) { state.withLock { $0.nodes.append(node) } }

    func poll(
        as node: Identifier, since cursor: RevocationCursor, nodeAddress: String, version: String
    ) async throws(StoreError) -> FleetPoll {
        try state.withLock { state throws(StoreError) in
            if state.isAway { throw .unavailable }
            state.polls += 1
            if !state.nodes.contains(node) { state.nodes.append(node) }
            let start = cursor.history == "fake" ? Int(cursor.transaction) : 0
            return FleetPoll(
                revocations: Array(state.rows[start...]),
                cursor: RevocationCursor(history: "fake", transaction: Int64(state.rows.count)),
                keysVersion: state.keysVersion, databaseTime: systemTime(), liveNodes: state.nodes,
                minimumCompatible: 1)
        }
    }

    func leave(node: Identifier) async throws(StoreError) {
        try state.withLock { state throws(StoreError) in
            if state.isAway { throw .unavailable }
            state.nodes.removeAll { $0 == node }
        }
    }
}

/// A stream that a test makes lose, hold back and forge entries.
final class FakeStream: Sendable {
    enum Fault {
        /// What is appended is acknowledged and gone.
        case loses
        /// Nothing is sent, and that is known.
        case away
        /// Nobody is answered.
        case hangs
    }

    private struct State {
        var entries: [(position: StreamPosition, payload: [UInt8])] = []
        var next = StreamPosition(milliseconds: 1000, count: 0)
        var fault: Fault?
        var appends = 0
    }

    private let state = Lock(State())

    var fault: Fault? {
        get { state.withLock { $0.fault } }
        set { state.withLock { $0.fault = newValue } }
    }

    var payloads: [[UInt8]] { state.withLock { $0.entries.map(\.payload) } }
    var appends: Int { state.withLock { $0.appends } }

    func append(_ payload: [UInt8]) {
        state.withLock { state in
            state.entries.append((state.next, payload))
            state.next = StreamPosition(milliseconds: state.next.milliseconds + 1, count: 0)
        }
    }

    /// As after a restart without data: positions begin anew, at `milliseconds`.
    func empty(next milliseconds: UInt64) {
        state.withLock { state in
            state.entries = []
            state.next = StreamPosition(milliseconds: milliseconds, count: 0)
        }
    }

    /// As the nodes of `loop` see it.
    func seen(from loop: EventLoop) -> FakeStreamView { FakeStreamView(stream: self, loop: loop) }

    fileprivate func countAppend() { state.withLock { $0.appends += 1 } }

    fileprivate var last: StreamPosition { state.withLock { $0.entries.last?.position ?? .beginning } }

    fileprivate func read(after position: StreamPosition) -> StreamRead? {
        state.withLock { state in
            let new = state.entries.filter { $0.position > position }.prefix(64)
            return new.last.map { StreamRead(payloads: new.map(\.payload), position: $0.position) }
        }
    }
}

struct FakeStreamView: RevocationStream {
    let stream: FakeStream
    let loop: EventLoop
    private let isClosed = Lock(false)

    init(stream: FakeStream, loop: EventLoop) {
        self.stream = stream
        self.loop = loop
    }

    var isAvailable: Bool { stream.fault != .away }

    func append(_ payloads: [[UInt8]]) async throws(RedisError) -> Int {
        stream.countAppend()
        try await pass()
        if stream.fault != .loses { payloads.forEach(stream.append) }
        return payloads.count
    }

    func last() async throws(RedisError) -> StreamPosition {
        try await pass(reading: true)
        return stream.last
    }

    func read(after position: StreamPosition) async throws(RedisError) -> StreamRead? {
        for _ in 0..<500 {
            try await pass(reading: true)
            if let read = stream.read(after: position) { return read }
            await loop.pause(milliseconds: 2)
        }
        return nil
    }

    func close() async { isClosed.withLock { $0 = true } }

    /// A call that hangs ends by its deadline, which is a second here too.
    private func pass(reading: Bool = false) async throws(RedisError) {
        func isClosed() -> Bool { reading && self.isClosed.withLock { $0 } }
        if isClosed() || stream.fault == .away { throw .unavailable }
        for _ in 0..<200 where stream.fault == .hangs && !isClosed() { await loop.pause(milliseconds: 5) }
        if stream.fault == .hangs || isClosed() { throw .timedOut }
    }
}

/// One node's feed, with everything that it tells.
final class FeedNode: Sendable {
    private struct Heard {
        var revocations: Set<Revocation> = []
        var confirmedAt: MonotonicTime?
        var keysVersions: [Int64] = []
        var refusesKeys = false
    }

    let feed: RevocationFeed
    let loop: EventLoop
    private let heard = Lock(Heard())

    init(
        _ loop: EventLoop, database: any FleetPolling, stream: (any RevocationStream)?, key: HMACSHA256Key,
        outboxCapacity: Int = RevocationOutbox.standardCapacity, aheadMilliseconds: Int64 = 0
    ) throws {
        self.loop = loop
        feed = RevocationFeed(
            FleetNode(id: try Identifier.make(at: systemTime()), address: "127.0.0.1:1", version: "test"),
            polling: database, stream: stream, key: key, loop: loop,
            clock: FeedClock(
                now: { systemTime().adding(milliseconds: aheadMilliseconds) }, measured: { _, _, _ in }),
            outboxCapacity: outboxCapacity)
    }

    var id: Identifier { feed.node.id }
    var revocations: Set<Revocation> { heard.withLock { $0.revocations } }
    var keysVersions: [Int64] { heard.withLock { $0.keysVersions } }
    /// Milliseconds since the set was last known to be complete.
    var age: UInt64? {
        heard.withLock { heard in heard.confirmedAt.map { MonotonicTime.now.nanoseconds(since: $0) / 1_000_000 } }
    }
    var figures: FeedFigures { feed.figuresTable }

    func refuseKeys(_ isRefusing: Bool) { heard.withLock { $0.refusesKeys = isRefusing } }

    func begin() async throws {
        let revocations = try await feed.begin()
        heard.withLock { $0.revocations.formUnion(revocations) }
        await feed.follow(
            FeedListeners(
                apply: { [heard] revocations in heard.withLock { $0.revocations.formUnion(revocations) } },
                confirmed: { [heard] moment in heard.withLock { $0.confirmedAt = moment } },
                keysMoved: { [heard] version in
                    heard.withLock { heard in
                        heard.keysVersions.append(version)
                        return !heard.refusesKeys
                    }
                }))
    }
}

/// A few nodes, their database and their stream, each node on a loop of its own.
struct FakeFleet {
    let database = FakeDatabase()
    let stream = FakeStream()
    let key: HMACSHA256Key
    let group: EventLoopGroup

    static func run(_ count: Int = 3, _ body: (FakeFleet, [FeedNode]) async throws -> Void) async throws {
        let fleet = FakeFleet(
            key: HMACSHA256Key(try SecretBytes(randomCount: 32)),
            group: try EventLoopGroup(count: count, name: "feed"))
        let nodes = try fleet.group.loops.map { try fleet.node($0) }
        for node in nodes { try await node.begin() }
        do { try await body(fleet, nodes) } catch {
            await fleet.end(nodes)
            throw error
        }
        await fleet.end(nodes)
    }

    func node(
        _ loop: EventLoop, outboxCapacity: Int = RevocationOutbox.standardCapacity, aheadMilliseconds: Int64 = 0
    ) throws -> FeedNode {
        try FeedNode(
            loop, database: database, stream: stream.seen(from: loop), key: key, outboxCapacity: outboxCapacity,
            aheadMilliseconds: aheadMilliseconds)
    }

    private func end(_ nodes: [FeedNode]) async {
        stream.fault = nil
        for node in nodes { await node.feed.end() }
        group.stopAndJoin()
    }

    func revocation(_ number: UInt64) -> Revocation {
        .session(
            Identifier(high: 7, low: number), user: Identifier(high: 8, low: number),
            until: UnixTime(milliseconds: 2_000_000_000_000))
    }
}
