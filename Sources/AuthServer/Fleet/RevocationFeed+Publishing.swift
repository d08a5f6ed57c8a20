import Auth
import OpenSSL
import Reactor
import Redis

// What this node revoked, for the others.
extension RevocationFeed: RevocationPublisher {
    /// Entries of one pipeline: four thousand revocations.
    private static let maximumEntries = 64
    private static let longestRetryMilliseconds: Int64 = 1000
    /// Portions that the end waits for: the whole outbox.
    private static let farewellPortions = 16

    /// Hands `revocations`, which are committed and in force here, to the others. Returns when the stream has them, or
    /// after `patienceMilliseconds`, or at once when there is no stream to be reached; then they follow as soon as there
    /// is, and the others find them in the database within the second.
    func publish(_ revocations: [Revocation]) async {
        guard let stream, !revocations.isEmpty else { return }
        outbox.append(revocations, at: clock.now())
        figuresTable.set(outbox)
        let goal = outbox.next
        startFlushing(stream)
        guard stream.isAvailable, !isEnding else { return }
        await withUnsafeContinuation { continuation in
            let deadline = MonotonicTime.now.adding(milliseconds: RevocationFeed.patienceMilliseconds)
            let timer = loop.schedule(at: deadline) { [self] in assumeIsolated { $0.giveUp() } }
            waiters.add(FeedWaiters.Waiter(goal: goal, timer: timer, continuation: continuation))
        }
    }

    func release(_ released: ArraySlice<FeedWaiters.Waiter>) {
        for waiter in released {
            loop.cancel(waiter.timer)
            waiter.continuation.resume()
        }
    }

    /// The one who has waited longest, as timers of one length end in the order in which they were set.
    private func giveUp() {
        guard let waiter = waiters.removeFirst() else { return }
        figuresTable.count(.impatient)
        waiter.continuation.resume()
    }

    /// Has the other nodes read the key rings anew, at once instead of with their next poll. A poll of this node's gives
    /// the version to tell; in passing this node reads the rings itself, lest another's change in between is passed over.
    func announceKeys() async {
        guard let stream, await poll(), let version = polledKeysVersion else { return }
        keysToAnnounce = version
        startFlushing(stream)
    }

    /// A mark twice a second.
    func beat() async {
        while !isEnding {
            isMarkDue = true
            if let stream { startFlushing(stream) }
            await pause(milliseconds: RevocationFeed.markMilliseconds)
        }
    }

    private var hasSomethingToTell: Bool { outbox.count > 0 || isMarkDue || keysToAnnounce != nil }

    private func startFlushing(_ stream: any RevocationStream) {
        guard !isFlushing, !isEnding else { return }
        isFlushing = true
        // A job of its own: what others hand in during this round goes with it.
        flushing = loop.spawn { [self] in await flush(stream) }
    }

    /// One pipeline after the other; what comes meanwhile makes the next one.
    private func flush(_ stream: any RevocationStream) async {
        var failures: Int64 = 0
        while !isEnding, hasSomethingToTell {
            if await sendPortion(stream) {
                failures = 0
            } else {
                failures = min(failures + 1, 6)
                await pause(milliseconds: min(RevocationFeed.longestRetryMilliseconds, 25 << failures))
            }
        }
        isFlushing = false
    }

    /// The oldest of what waits, and behind the last of it a mark when one is due. False when not all of it arrived.
    private func sendPortion(_ stream: any RevocationStream) async -> Bool {
        var entries = outbox.entries(of: node.id, maximumEntries: RevocationFeed.maximumEntries)
        let now = clock.now()
        if let version = keysToAnnounce {
            keysToAnnounce = nil
            entries.append(FeedEntry(node: node.id, sentAt: now, content: .keys(version: version)))
        }
        // Whoever was answered before `now` has a number: the mark stands behind all of them.
        if isMarkDue, entries.lazy.compactMap(\.end).max() ?? outbox.next == outbox.next {
            isMarkDue = false
            entries.append(FeedEntry(node: node.id, sentAt: now, content: .mark(next: outbox.next, progress.list)))
        }
        return await send(entries, stream)
    }

    private func send(_ entries: [FeedEntry], _ stream: any RevocationStream) async -> Bool {
        var accepted = 0
        do {
            accepted = try await stream.append(entries.map { entry throws(OpenSSLError) in try codec.encode(entry) })
        } catch {
            figuresTable.count(.appendFailures)
        }
        let isComplete = accepted == entries.count
        if let end = entries.prefix(accepted).lazy.compactMap(\.end).max() {
            outbox.acknowledge(below: end)
            release(waiters.remove(reachedBy: end))
        }
        figuresTable.set(outbox)
        return isComplete
    }

    /// What is untold, then that this was all. Without the rest there is no farewell.
    func sayFarewell(_ stream: any RevocationStream) async {
        // What is on its way: appending has a deadline.
        await flushing?.value
        for _ in 0..<RevocationFeed.farewellPortions {
            var entries = outbox.entries(of: node.id, maximumEntries: RevocationFeed.maximumEntries)
            let isLast = entries.lazy.compactMap(\.end).max() ?? outbox.next == outbox.next
            if isLast {
                entries.append(
                    FeedEntry(node: node.id, sentAt: clock.now(), content: .farewell(next: outbox.next)))
            }
            if await !send(entries, stream) || isLast { return }
        }
    }
}

extension FeedEntry {
    /// The number after its last revocation; nil of what has none.
    fileprivate var end: UInt64? {
        guard case .revocations(let first, let revocations) = content else { return nil }
        return first + UInt64(revocations.count)
    }
}

/// Who waits for the stream to have what was published, in the order in which they came: so goals and deadlines rise.
struct FeedWaiters {
    struct Waiter {
        let goal: UInt64
        let timer: TimerID
        let continuation: UnsafeContinuation<Void, Never>
    }

    private var waiting: [Waiter] = []

    mutating func add(_ waiter: Waiter) { waiting.append(waiter) }

    /// Takes out those whose goal is reached when all below `end` has arrived.
    mutating func remove(reachedBy end: UInt64) -> ArraySlice<Waiter> {
        let count = waiting.firstIndex { $0.goal > end } ?? waiting.count
        defer { waiting.removeFirst(count) }
        return waiting[..<count]
    }

    mutating func removeFirst() -> Waiter? { waiting.isEmpty ? nil : waiting.removeFirst() }
}
