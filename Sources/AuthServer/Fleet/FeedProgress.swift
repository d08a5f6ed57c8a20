import Auth
import Reactor

/// What a node knows of the completeness of its revocation set, and since when. Pure: times are passed in.
///
/// There are two kinds of evidence, and the better one counts:
/// - An own poll of the database that was completed: everything that committed before it began is in the set.
/// - The stream: *every* node that lives has marked it, and of none is anything missing. A writer numbers its
///   revocations, and a mark says how many there are; so what was trimmed, flushed, lost with a failed server or held
///   back shows as a gap. A writer with a gap counts for nothing until an own poll, begun after the gap was seen, has
///   brought what lacks: all of it committed before it was numbered.
///
/// Which nodes live is what the newest polls say that this node knows of: its own, and those that came with marks; and who
/// marks. A node that died with something untold keeps the stream from confirming until polls no longer list it.
struct FeedProgress {
    /// More writers than any fleet has, each a start of a node; of more nothing is kept, and what is not kept cannot
    /// confirm.
    static let maximumWriters = 1024
    /// A mark from further in the future comes from a clock that nothing can be concluded from.
    static let maximumSkewMilliseconds: Int64 = 1000
    /// How long a writer that lives no more is remembered.
    private static let memoryMilliseconds: Int64 = 600_000

    private struct Writer {
        /// The number after the last one that was seen.
        var next: UInt64 = 0
        /// When it was last noticed that something below `next` is missing.
        var gapAt: MonotonicTime?
        /// All that the writer had answered before then is in the set.
        var completeAt: MonotonicTime?
        var heardAt: MonotonicTime
    }

    /// A node counts as alive for so long after the last list that had it, by the database's clock: two polls at one time
    /// may differ in who just joined.
    private static let overlapMilliseconds: Int64 = 2000

    private let node: Identifier
    private var writers: [Identifier: Writer] = [:]
    /// The newest list known, as it was read: what is told to others.
    private(set) var list: NodeList?
    /// The nodes that must be heard, with the time of the newest list that has them.
    private var listed: [Identifier: UnixTime] = [:]
    /// When the last completed poll began.
    private(set) var polledAt: MonotonicTime?
    /// Times that something of a writer was found missing.
    private(set) var gaps = 0
    /// Marks that were not believed for their time.
    private(set) var unbelieved = 0

    /// Of `node`, which counts as alive whatever a list says.
    init(node: Identifier) { self.node = node }

    /// The moment up to which the set is known to be complete; nil before the first evidence.
    var confirmedAt: MonotonicTime? {
        guard let polledAt else { return streamConfirmedAt }
        return max(polledAt, streamConfirmedAt ?? polledAt)
    }

    /// What the stream alone says.
    var streamConfirmedAt: MonotonicTime? {
        // Its own mark, too: seen in the stream, it shows that the stream is read and not only written.
        guard list != nil, var confirmed = writers[node]?.completeAt else { return nil }
        for node in listed.keys {
            guard let complete = writers[node]?.completeAt else { return nil }
            confirmed = min(confirmed, complete)
        }
        return confirmed
    }

    /// Nodes that share the load, at least this one; the last known number when nobody reaches the database.
    var liveNodeCount: Int { max(1, list?.nodes.count ?? 1) }

    /// Whether this node is the one that does what one node should do for all.
    var isFirstNode: Bool { (list?.nodes.min() ?? node) == node }

    // MARK: Evidence

    /// After what the poll brought is in the set on every loop.
    mutating func polled(beganAt: MonotonicTime, _ nodes: NodeList) {
        polledAt = max(polledAt ?? beganAt, beganAt)
        adopt(nodes)
        for (node, writer) in writers {
            if let gapAt = writer.gapAt, gapAt <= beganAt { writers[node]?.gapAt = nil }
        }
        writers = writers.filter { node, writer in
            listed[node] != nil
                || beganAt < writer.heardAt.adding(milliseconds: FeedProgress.memoryMilliseconds)
        }
    }

    /// After the revocations of `entry` are in the set on every loop. `receivedAt` and `fleetTime` are one moment by two
    /// clocks; the second is the one that writers date their entries with.
    mutating func received(_ entry: FeedEntry, at receivedAt: MonotonicTime, fleetTime: UnixTime) {
        guard var writer = writers[entry.node] ?? newWriter(at: receivedAt) else { return }
        defer { writers[entry.node] = writer }
        writer.heardAt = receivedAt
        switch entry.content {
        case .keys: break
        case .revocations(let first, let revocations):
            reach(first, &writer, at: receivedAt)
            // Sent again, or in other portions, when the writer did not learn that it had arrived.
            writer.next = max(writer.next, first + UInt64(revocations.count))
        case .mark(let next, let nodes):
            reach(next, &writer, at: receivedAt)
            confirm(entry, &writer, at: receivedAt, fleetTime)
            if let nodes { adopt(nodes) }
            // Who marks lives, also when the newest list was read a moment before that node joined.
            if let list { listed[entry.node] = max(listed[entry.node] ?? list.readAt, list.readAt) }
        case .farewell(let next):
            reach(next, &writer, at: receivedAt)
            confirm(entry, &writer, at: receivedAt, fleetTime)
            if writer.gapAt == nil { writer.completeAt = .distantFuture }
        }
    }

    private func newWriter(at now: MonotonicTime) -> Writer? {
        writers.count < FeedProgress.maximumWriters ? Writer(heardAt: now) : nil
    }

    /// The writer has numbered up to `next`, and all below was in the stream before this entry.
    private mutating func reach(_ next: UInt64, _ writer: inout Writer, at now: MonotonicTime) {
        guard next > writer.next else { return }
        writer.next = next
        writer.gapAt = now
        gaps += 1
    }

    private mutating func confirm(
        _ mark: FeedEntry, _ writer: inout Writer, at receivedAt: MonotonicTime, _ fleetTime: UnixTime
    ) {
        guard writer.gapAt == nil else { return }
        let (age, overflow) = fleetTime.milliseconds.subtractingReportingOverflow(mark.sentAt.milliseconds)
        guard !overflow, age >= -FeedProgress.maximumSkewMilliseconds else {
            unbelieved += 1
            return
        }
        let moment = receivedAt.subtracting(milliseconds: age)
        writer.completeAt = max(writer.completeAt ?? moment, moment)
    }

    /// Lists are ordered by the database's clock. One that lost a node is believed: that node had not polled for ten
    /// seconds.
    private mutating func adopt(_ nodes: NodeList) {
        for node in nodes.nodes { listed[node] = max(listed[node] ?? nodes.readAt, nodes.readAt) }
        if let list, list.readAt > nodes.readAt { return prune(since: list.readAt) }
        list = nodes
        prune(since: nodes.readAt)
    }

    private mutating func prune(since newest: UnixTime) {
        let oldest = newest.adding(milliseconds: -FeedProgress.overlapMilliseconds)
        listed = listed.filter { $0.value >= oldest }
    }
}

extension MonotonicTime {
    /// Not before the beginning of time; a negative number of milliseconds changes nothing.
    func subtracting(milliseconds: Int64) -> MonotonicTime {
        guard milliseconds > 0 else { return self }
        let (delta, overflow) = UInt64(milliseconds).multipliedReportingOverflow(by: 1_000_000)
        return MonotonicTime(nanoseconds: overflow || delta > nanoseconds ? 0 : nanoseconds - delta)
    }
}
