import CLinux
import Glibc
import Synchronization

/// Why a piece of work did not run.
package enum WorkerPoolError: Error, Sendable, Equatable {
    /// The queue is full.
    case overloaded
    /// Its deadline passed while it waited.
    case late
    /// Whoever asked for it left while it waited.
    case cancelled
    /// The pool was stopped.
    case stopped
}

/// Threads for what must not run on a loop: password hashing, SQLite. The queue is bounded, each piece of work has a
/// deadline, work whose asker left is dropped before it starts, and each worker has its own scheduling priority.
package final class WorkerPool: Sendable {
    /// What is going on, for metrics and admission.
    package struct Load: Sendable, Equatable {
        package var queued = 0
        package var running = 0
        package var completed = 0
        package var refused = 0
    }

    private struct Queue {
        /// Nil where one was taken: what it holds, a password perhaps, goes as soon as it has run.
        var items: [WorkItem?] = []
        /// Items before this one are taken; the array is compacted when half of it is.
        var first = 0
        var load = Load()
        var isStopped = false
        var threads: [pthread_t] = []
    }

    package let capacity: Int
    private let queue = Lock(Queue())

    /// `niceValues` has one value per worker thread (-20...19; an unprivileged thread can only raise its own, and never
    /// lower it again, so each is made with the one it keeps). At most `capacity` pieces of work wait.
    package init(name: String, niceValues: [Int32], capacity: Int) throws(SystemError) {
        self.capacity = max(1, capacity)
        for (index, nice) in niceValues.enumerated() {
            let context = Unmanaged.passRetained(Start(queue, name: "\(name)-\(index)", nice: nice))
            var thread = pthread_t()
            let code = pthread_create(
                &thread, nil,
                { argument in
                    let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                    portcullis_set_thread_name(start.name)
                    portcullis_set_thread_nice(start.nice)
                    WorkerPool.work(start.queue)
                    return nil
                }, context.toOpaque())
            guard code == 0 else {
                context.release()
                stopAndJoin()
                throw SystemError("pthread_create", code: code)
            }
            queue.withLock { $0.threads.append(thread) }
        }
    }

    package var load: Load { queue.withLock { $0.load } }

    /// Runs `work` on a worker and comes back to the caller's executor. The task's cancellation drops work that has not
    /// started; work that has started is finished.
    package func run<Value: Sendable>(
        before deadline: MonotonicTime = .distantFuture, _ work: @escaping @Sendable () -> Value
    ) async throws(WorkerPoolError) -> Value {
        let cancellation = Cancellation()
        let result: Result<Value, WorkerPoolError> = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                submit(
                    WorkItem(
                        deadline: deadline, cancellation: cancellation,
                        run: { continuation.resume(returning: .success(work())) },
                        refuse: { continuation.resume(returning: .failure($0)) }))
            }
        } onCancel: {
            cancellation.isRequested.store(true, ordering: .relaxed)
        }
        return try result.get()
    }

    /// Runs `work` on a worker; nobody waits for it. False when the queue is full or the pool was stopped. Stopping drops
    /// it if it has not started.
    package func enqueue(_ work: @escaping @Sendable () -> Void) -> Bool {
        let item = WorkItem(deadline: .distantFuture, cancellation: Cancellation(), run: work, refuse: { _ in })
        guard admit(item) == nil else { return false }
        queue.signal()
        return true
    }

    /// Refuses what waits, lets what runs finish, and waits for the threads.
    package func stopAndJoin() {
        let (waiting, threads) = queue.withLock { queue in
            queue.isStopped = true
            let waiting = queue.items[queue.first...].compactMap { $0 }
            queue.items = []
            queue.first = 0
            queue.load.queued = 0
            defer { queue.threads = [] }
            return (waiting, queue.threads)
        }
        queue.signal(all: true)
        for item in waiting { item.refuse(.stopped) }
        for thread in threads { pthread_join(thread, nil) }
    }

    private func submit(_ item: WorkItem) {
        if let refusal = admit(item) { item.refuse(refusal) } else { queue.signal() }
    }

    private func admit(_ item: WorkItem) -> WorkerPoolError? {
        queue.withLock { queue in
            if queue.isStopped { return .stopped }
            if queue.load.queued >= capacity {
                queue.load.refused += 1
                return .overloaded
            }
            queue.items.append(item)
            queue.load.queued += 1
            return nil
        }
    }

    private static func work(_ queue: Lock<Queue>) {
        while let item = queue.wait(for: WorkerPool.next) {
            if item.cancellation.isRequested.load(ordering: .relaxed) {
                item.refuse(.cancelled)
            } else if item.deadline <= .now {
                item.refuse(.late)
            } else {
                item.run()
                queue.withLock { $0.load.completed += 1 }
            }
            queue.withLock { $0.load.running -= 1 }
        }
    }

    /// The next item, `.some(nil)` at the end, nil to wait.
    private static func next(_ queue: inout Queue) -> WorkItem?? {
        if queue.first < queue.items.count {
            let item = queue.items[queue.first].take()
            queue.first += 1
            if queue.first * 2 >= queue.items.count {
                queue.items.removeFirst(queue.first)
                queue.first = 0
            }
            queue.load.queued -= 1
            queue.load.running += 1
            return .some(item)
        }
        return queue.isStopped ? .some(nil) : nil
    }

    private final class Start {
        let queue: Lock<Queue>
        let name: String
        let nice: Int32

        init(_ queue: Lock<Queue>, name: String, nice: Int32) {
            self.queue = queue
            self.name = name
            self.nice = nice
        }
    }
}

private struct WorkItem: Sendable {
    let deadline: MonotonicTime
    let cancellation: Cancellation
    let run: @Sendable () -> Void
    let refuse: @Sendable (WorkerPoolError) -> Void
}

/// Set on the canceller's thread, read by a worker.
private final class Cancellation: Sendable {
    let isRequested = Atomic(false)
}
