import Glibc

/// A mutex with the state it guards, and a condition to wait for. For what threads share off the hot path: inboxes,
/// the worker pool's queue. pthread's own mutex, because the thread sanitizer sees it (it does not see
/// `Synchronization.Mutex`) and because a condition variable comes with it.
///
/// `@unchecked Sendable`: `state` is touched only between lock and unlock.
package final class Lock<State>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    package init(_ state: sending State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    package func withLock<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Blocks the calling thread until `body` gives a value; it is asked again after every `signal`. Never on a loop.
    package func wait<Result>(for body: (inout State) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            pthread_cond_wait(condition, mutex)
        }
    }

    /// Wakes one waiting thread, or all.
    package func signal(all: Bool = false) {
        if all { pthread_cond_broadcast(condition) } else { pthread_cond_signal(condition) }
    }
}
