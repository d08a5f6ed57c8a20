import Reactor

/// One worker of the reactor as the embedded store's thread.
final class PoolStoreThread: StoreThread {
    private let pool: WorkerPool

    /// The store has one piece of work in flight at most.
    init() throws(SystemError) { pool = try WorkerPool(name: "store", niceValues: [0], capacity: 2) }

    func enqueue(_ work: @escaping @Sendable () -> Void) -> Bool { pool.enqueue(work) }

    func stopAndJoin() { pool.stopAndJoin() }
}
