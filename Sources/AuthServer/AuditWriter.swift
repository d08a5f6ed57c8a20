import Auth
import Reactor

/// Brings what waits in the audit's queue to the store, in batches, on one loop: the first entry of a batch sets a timer,
/// so that a flood of refused logins is a few transactions a second and an idle server wakes for nothing.
final class AuditWriter: AuditLog {
    /// Entries that wait, and lost ones since the start.
    struct Load {
        let waiting: Int
        let dropped: Int
    }

    private struct State {
        var queue = AuditQueue()
        /// A timer is set or a batch is on its way.
        var isBusy = false
        var isClosed = false
    }

    private let store: any AuditStore
    private let loop: EventLoop
    private let clock: NodeClock
    private let delayMilliseconds: Int64
    private let state = Lock(State())

    init(store: any AuditStore, loop: EventLoop, clock: NodeClock, delayMilliseconds: Int64) {
        self.store = store
        self.loop = loop
        self.clock = clock
        self.delayMilliseconds = delayMilliseconds
    }

    var load: Load { state.withLock { Load(waiting: $0.queue.count, dropped: $0.queue.dropped) } }

    func record(_ entry: AuditEntry) {
        let isFirst = state.withLock { state in
            state.queue.append(entry)
            guard !state.isBusy, !state.isClosed else { return false }
            state.isBusy = true
            return true
        }
        if isFirst { loop.execute { [self] in arm() } }
    }

    /// Writes what still waits. At the server's end, when nothing is recorded any more, on any loop.
    func close() async {
        state.withLock { $0.isClosed = true }
        for _ in 0...(AuditQueue.standardCapacity / AuditQueue.batch) where await write() { continue }
    }

    /// On the loop.
    private func arm() {
        let deadline = loop.now.adding(milliseconds: delayMilliseconds)
        _ = loop.schedule(at: deadline) { [self] in
            loop.spawn { [self] in
                let hasMore = await write()
                let goesOn = state.withLock { state in
                    state.isBusy = (hasMore || !state.queue.isEmpty) && !state.isClosed
                    return state.isBusy
                }
                if goesOn { arm() }
            }
        }
    }

    /// Writes one batch; false when there was none. What the store does not take is counted as lost.
    private func write() async -> Bool {
        let batch = state.withLock { $0.queue.take(at: clock.now) }
        guard !batch.isEmpty else { return false }
        do throws(StoreError) { try await store.append(batch) } catch {
            state.withLock { $0.queue.lose(batch) }
        }
        return true
    }
}
