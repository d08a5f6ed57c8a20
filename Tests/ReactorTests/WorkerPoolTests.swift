import Glibc
import Reactor
import Testing

@Suite struct WorkerPoolTests {
    /// Holds workers until it is opened.
    private final class Gate: Sendable {
        private let state = Lock(false)

        func pass() { state.wait { $0 ? () : nil } }

        func open() {
            state.withLock { $0 = true }
            state.signal(all: true)
        }
    }

    /// Waits for a condition of the pool; the suite's time limit is the deadline.
    private func until(_ condition: () -> Bool) async { while !condition() { await Task.yield() } }

    @Test(.timeLimit(.minutes(1))) func `work runs off the loop and comes back to it`() async throws {
        let pool = try WorkerPool(name: "pool", niceValues: [19], capacity: 4)
        try await withLoop { loop in
            let (inside, back) = await withCheckedContinuation { continuation in
                loop.spawn {
                    let inside = (try? await pool.run { loop.isCurrent }) ?? true
                    continuation.resume(returning: (inside, loop.isCurrent))
                }
            }
            #expect(!inside)
            #expect(back)
        }
        pool.stopAndJoin()
    }

    @Test(.timeLimit(.minutes(1))) func `a full queue refuses at once and loses nothing it took`() async throws {
        let pool = try WorkerPool(name: "pool", niceValues: [0], capacity: 3)
        let gate = Gate()
        let running = Task { try await pool.run { gate.pass() } }
        await until { pool.load.running == 1 }
        let waiting = (0..<3).map { number in Task { try await pool.run { number } } }
        await until { pool.load.queued == 3 }
        await #expect(throws: WorkerPoolError.overloaded) { try await pool.run { 9 } }
        #expect(pool.load.refused == 1)
        gate.open()
        try await running.value
        var values: [Int] = []
        for task in waiting { values.append(try await task.value) }
        #expect(values == [0, 1, 2])
        await until { pool.load.running == 0 }
        #expect(pool.load.completed == 4)
        #expect(pool.load.queued == 0)
        pool.stopAndJoin()
    }

    @Test(.timeLimit(.minutes(1))) func `work whose asker left or whose deadline passed does not run`() async throws {
        let pool = try WorkerPool(name: "pool", niceValues: [0], capacity: 10)
        let gate = Gate()
        let running = Task { try await pool.run { gate.pass() } }
        await until { pool.load.running == 1 }
        let ran = Lock(0)
        let left = Task { try await pool.run { ran.withLock { $0 += 1 } } }
        let late = Task { try await pool.run(before: .now) { ran.withLock { $0 += 1 } } }
        await until { pool.load.queued == 2 }
        left.cancel()
        gate.open()
        try await running.value
        await #expect(throws: WorkerPoolError.cancelled) { try await left.value }
        await #expect(throws: WorkerPoolError.late) { try await late.value }
        #expect(ran.withLock { $0 } == 0)
        pool.stopAndJoin()
    }

    @Test(.timeLimit(.minutes(1))) func `stopping refuses what waits, finishes what runs and joins the threads`()
        async throws
    {
        let pool = try WorkerPool(name: "pool", niceValues: [0], capacity: 10)
        let gate = Gate()
        let running = Task { try await pool.run { gate.pass() } }
        await until { pool.load.running == 1 }
        let waiting = Task { try await pool.run { 1 } }
        await until { pool.load.queued == 1 }
        let stopping = Task { @concurrent in pool.stopAndJoin() }
        await #expect(throws: WorkerPoolError.stopped) { try await waiting.value }
        gate.open()
        try await running.value
        await stopping.value
        await #expect(throws: WorkerPoolError.stopped) { try await pool.run { 1 } }
    }

    @Test(.timeLimit(.minutes(1))) func `what work holds is let go of once it has run, whatever waits behind it`()
        async throws
    {
        final class Secret: Sendable {}
        let pool = try WorkerPool(name: "pool", niceValues: [0], capacity: 10)
        let (first, second) = (Gate(), Gate())
        weak var held: Secret?
        let isQueued = { (work: @escaping @Sendable () -> Void) in pool.enqueue(work) }
        #expect(isQueued { first.pass() })
        do {
            let secret = Secret()
            held = secret
            #expect(isQueued { _ = secret })
        }
        #expect(isQueued { second.pass() })
        for _ in 0..<6 { #expect(isQueued {}) }
        #expect(held != nil)
        first.open()
        await until { pool.load.completed == 2 && pool.load.running == 1 }
        #expect(held == nil)
        second.open()
        pool.stopAndJoin()
    }

    @Test(.timeLimit(.minutes(1))) func `each worker has the nice value it was made with`() async throws {
        let pool = try WorkerPool(name: "nice", niceValues: [19, 5], capacity: 10)
        // Both at once, so that two different workers answer.
        let both = Lock(0)
        let ask: @Sendable () -> Int32 = {
            both.withLock { $0 += 1 }
            both.signal(all: true)
            both.wait { $0 == 2 ? () : nil }
            return getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0)
        }
        async let first = pool.run(ask)
        async let second = pool.run(ask)
        #expect(Set(try await [first, second]) == [5, 19])
        pool.stopAndJoin()
    }
}
