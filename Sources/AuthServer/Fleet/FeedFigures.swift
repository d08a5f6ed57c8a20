import Reactor
import Synchronization

/// What the feed counts. Written on its loop, read by any thread.
final class FeedFigures: Sendable {
    enum Counter: Int, CaseIterable {
        case polls, pollFailures, readFailures, appendFailures
        /// Entries of the fleet that were read, and those that are not of it.
        case entries, refused
        /// Requests that were answered before the stream had their revocation.
        case impatient
        /// As `FeedProgress` and `RevocationOutbox` count them.
        case gaps, unbelieved, dropped
    }

    /// What is on its way from one node to another.
    enum Kind: Int, CaseIterable {
        case marks, revocations
    }

    /// Upper bounds in milliseconds; one more bucket counts what is above. 2 s and 60 s are promises.
    static let bucketsInMilliseconds: [Int64] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000, 5000, 15_000, 60_000]
    private static let cells = bucketsInMilliseconds.count + 2

    private let counters = CounterTable(count: Counter.allCases.count)
    private let delays = CounterTable(count: Kind.allCases.count * FeedFigures.cells)
    private let confirmed = Atomic<UInt64>(0)
    private let waiting = Atomic(0)
    private let nodes = Atomic(1)
    private let isFirst = Atomic(true)

    // MARK: Writing, on the feed's loop

    func count(_ counter: Counter, _ amount: Int = 1) { counters.add(UInt64(max(0, amount)), at: counter.rawValue) }

    /// A clock that is a little behind makes a delay below zero: that is none.
    func count(delayMilliseconds: Int64, of kind: Kind) {
        let delay = max(0, delayMilliseconds)
        let bucket = FeedFigures.bucketsInMilliseconds.firstIndex { delay <= $0 }
        let base = kind.rawValue * FeedFigures.cells
        delays.add(at: base + (bucket ?? FeedFigures.bucketsInMilliseconds.count))
        delays.add(UInt64(delay), at: base + FeedFigures.cells - 1)
    }

    func setConfirmed(_ moment: MonotonicTime) { confirmed.store(moment.nanoseconds, ordering: .relaxed) }

    func setLiveNodes(_ count: Int) { nodes.store(count, ordering: .relaxed) }

    func set(_ progress: borrowing FeedProgress) {
        counters.set(UInt64(progress.gaps), at: Counter.gaps.rawValue)
        counters.set(UInt64(progress.unbelieved), at: Counter.unbelieved.rawValue)
        setLiveNodes(progress.liveNodeCount)
        isFirst.store(progress.isFirstNode, ordering: .relaxed)
    }

    func set(_ outbox: borrowing RevocationOutbox) {
        counters.set(UInt64(outbox.dropped), at: Counter.dropped.rawValue)
        waiting.store(outbox.count, ordering: .relaxed)
    }

    // MARK: Reading

    subscript(counter: Counter) -> Int { Int(clamping: counters[counter.rawValue]) }

    var liveNodes: Int { nodes.load(ordering: .relaxed) }
    var isFirstNode: Bool { isFirst.load(ordering: .relaxed) }
    var waitingCount: Int { waiting.load(ordering: .relaxed) }

    /// Seconds since the set was last known to be complete; nil before it was.
    var ageSeconds: Double? {
        let moment = confirmed.load(ordering: .relaxed)
        guard moment > 0 else { return nil }
        return Double(MonotonicTime.now.nanoseconds(since: MonotonicTime(nanoseconds: moment))) / 1e9
    }

    /// Entries of `kind` by delay, a count for each bucket.
    func delayCounts(_ kind: Kind) -> [UInt64] {
        (0...FeedFigures.bucketsInMilliseconds.count).map { delays[kind.rawValue * FeedFigures.cells + $0] }
    }

    var figures: [Figure] {
        [
            lag, .gauge("revocation_age_seconds", "Since this node last knew its revocations complete.", age),
            .gauge("fleet_nodes", "Nodes that the database has seen within ten seconds.", liveNodes),
            .gauge("revocation_outbox", "Own revocations that the stream does not have yet.", waitingCount),
            counter(.dropped, "outbox_dropped", "Own revocations that others have from the database alone."),
            counter(.impatient, "unawaited", "Revocations answered before the stream had them."),
            counter(.entries, "entries", "Entries of the fleet read from the stream."),
            counter(.refused, "entries_refused", "Entries in the stream that are not of this fleet."),
            counter(.gaps, "gaps", "Times that the stream lacked something of a node."),
            counter(.unbelieved, "marks_unbelieved", "Marks dated in the future."),
            counter(.polls, "polls", "Polls of the database that were answered."),
            counter(.pollFailures, "poll_failures", "Polls of the database that were not."),
            counter(.readFailures, "read_failures", "Reads from the stream that failed."),
            counter(.appendFailures, "append_failures", "Writes to the stream that failed."),
        ]
    }

    private var age: String { ageSeconds.map { "\($0)" } ?? "NaN" }

    private func counter(_ counter: Counter, _ name: String, _ help: String) -> Figure {
        .counter("revocation_\(name)_total", help, self[counter])
    }

    private var lag: Figure {
        var samples: [Figure.Sample] = []
        let bounds = FeedFigures.bucketsInMilliseconds.map { "\(Double($0) / 1000)" } + ["+Inf"]
        for kind in Kind.allCases {
            var total: UInt64 = 0
            for (bound, count) in zip(bounds, delayCounts(kind)) {
                total += count
                samples.append(
                    Figure.Sample(suffix: "_bucket", labels: "of=\"\(kind)\",le=\"\(bound)\"", value: "\(total)"))
            }
            let sum = Double(delays[(kind.rawValue + 1) * FeedFigures.cells - 1]) / 1000
            samples.append(Figure.Sample(suffix: "_sum", labels: "of=\"\(kind)\"", value: "\(sum)"))
            samples.append(Figure.Sample(suffix: "_count", labels: "of=\"\(kind)\"", value: "\(total)"))
        }
        return Figure(
            name: "revocation_lag_seconds", type: .histogram,
            help: "From a node's clock when it told the others to the moment it was in force here.", samples: samples)
    }
}
