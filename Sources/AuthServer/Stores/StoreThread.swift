/// The store's own thread: SQLite and its fsync block, and nothing that blocks may run on an event loop.
package protocol StoreThread: Sendable {
    /// Runs `work` soon on a thread that may block, one piece of work at a time, never on the caller's. False when it
    /// never will: too much waits there or the thread has ended. The store has at most one piece of work in flight.
    func enqueue(_ work: @escaping @Sendable () -> Void) -> Bool
}
