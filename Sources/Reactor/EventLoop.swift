import CLinux
import Glibc
import Synchronization

/// One thread with one epoll: the executor of everything that lives on it.
///
/// It is `SerialExecutor` *and* `TaskExecutor`: with the first alone, each continuation of a task would resume through
/// the global pool. Connections are actors whose executor is their loop; services are plain values that run where they
/// are called. So a request that is not handed off by name stays on this thread from accept to last byte.
///
/// `@unchecked Sendable`: `inbox` is locked, `lastTick` and `taskCount` are atomic, everything else is touched only by
/// the loop's own thread (`isCurrent`).
package final class EventLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    /// What other threads hand in.
    private struct Inbox {
        var jobs: [UnownedJob] = []
        var closures: [@Sendable () -> Void] = []
        /// Set by the first to hand in, cleared when the loop empties the box: one write to the eventfd between.
        var isWakePending = false
        var isStopping = false
        /// The thread has ended: what is handed in now is never run.
        var isClosed = false
    }

    /// A loop that has nothing to do still wakes this often, so that a watcher can tell idle from stuck.
    private static let longestWaitMilliseconds: UInt64 = 1000

    /// A gap between two rounds that is a pause: the process was stopped, the machine slept, or somebody held the loop.
    /// An idle loop's rounds are half of it apart.
    private static let pauseNanoseconds: UInt64 = 2_000_000_000

    package let name: String
    /// Time of the current round: one clock read serves all events taken in it.
    package private(set) var now = MonotonicTime.now
    /// When the last pause of over two seconds ended: what came in before was not looked at meanwhile. On the loop.
    package private(set) var resumedAt = MonotonicTime(nanoseconds: 0)

    private let inbox = Lock(Inbox())
    private let wakeDescriptor: Int32
    private let wakeToken = UInt64.max
    private let lastTick = Atomic<UInt64>(MonotonicTime.now.nanoseconds)
    private let liveTasks = Atomic<Int>(0)
    private let wakeUps = Atomic<Int>(0)
    private let handle = Lock<pthread_t?>(nil)
    private let threadID = Atomic<pthread_t>(0)

    private var epoll: Epoll?
    private var registrations = RegistrationTable()
    private var timers = Timers<() -> Void>()
    private var jobs: [UnownedJob] = []
    private var runningJobs: [UnownedJob] = []

    package init(name: String) throws(SystemError) {
        self.name = name
        let epoll = try Epoll()
        wakeDescriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        do throws(SystemError) {
            guard wakeDescriptor >= 0 else { throw SystemError("eventfd") }
            try epoll.add(wakeDescriptor, .readable, token: wakeToken)
        } catch {
            if wakeDescriptor >= 0 { Glibc.close(wakeDescriptor) }
            epoll.close()
            throw error
        }
        self.epoll = consume epoll
    }

    // MARK: Thread

    /// Starts the loop's thread. Once.
    package func start() throws(SystemError) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, nil,
            { argument in
                let loop = Unmanaged<EventLoop>.fromOpaque(argument!).takeRetainedValue()
                loop.run()
                return nil
            }, context.toOpaque())
        guard result == 0 else {
            context.release()
            end()
            throw SystemError("pthread_create", code: result)
        }
        handle.withLock { $0 = thread }
    }

    /// Asks the loop to end after its current round; `join` waits for it.
    package func stop() {
        handIn { $0.isStopping = true }
    }

    /// Waits until the thread has ended. Not from the loop itself.
    package func join() {
        if let thread = handle.withLock({ $0.take() }) { pthread_join(thread, nil) }
    }

    /// Whether the caller runs on this loop's thread.
    package var isCurrent: Bool {
        threadID.load(ordering: .relaxed) == pthread_self()
    }

    /// When the loop last began a round: older than ten seconds means stuck (it wakes each second when idle).
    package var lastTickTime: MonotonicTime { MonotonicTime(nanoseconds: lastTick.load(ordering: .relaxed)) }

    /// Tasks spawned here that have not ended.
    package var taskCount: Int { liveTasks.load(ordering: .relaxed) }

    /// Times another thread had to wake this loop: at most once for all it handed in between two rounds.
    package var wakeUpCount: Int { wakeUps.load(ordering: .relaxed) }

    private func run() {
        threadID.store(pthread_self(), ordering: .relaxed)
        portcullis_set_thread_name(name)
        while round() {}
        end()
        // The number of a thread that ended is given to another.
        threadID.store(0, ordering: .relaxed)
    }

    /// Takes nothing more. Closures that were handed in before are run, since somebody may wait for them; tasks are not
    /// gone on with. Handlers and timers are let go of: they hold what in turn holds the loop.
    private func end() {
        let closures = inbox.withLock { box in
            box.isClosed = true
            Glibc.close(wakeDescriptor)
            defer { (box.jobs, box.closures) = ([], []) }
            return box.closures
        }
        for closure in closures { closure() }
        registrations = RegistrationTable()
        timers = Timers()
        epoll.take()?.close()
    }

    /// One turn: events, what other threads handed in, due timers, jobs. False when the loop is to end.
    private func round() -> Bool {
        let count = epoll!.wait(milliseconds: waitMilliseconds())
        let previous = now
        now = .now
        if now.nanoseconds(since: previous) > EventLoop.pauseNanoseconds { resumedAt = now }
        lastTick.store(now.nanoseconds, ordering: .relaxed)
        var goesOn = true
        for index in 0..<count {
            let (readiness, token) = epoll!.event(index)
            if token == wakeToken {
                goesOn = emptyInbox()
            } else if let handler = registrations.handler(for: Registration(token: token)) {
                handler.ready(readiness)
            }
        }
        while let action = timers.popDue(at: now) { action() }
        runJobs()
        return goesOn
    }

    private func waitMilliseconds() -> Int32 {
        if !jobs.isEmpty { return 0 }
        guard let deadline = timers.nextDeadline else { return Int32(EventLoop.longestWaitMilliseconds) }
        // Rounded up: a timer must not be looked at before it is due.
        let wait = (deadline.nanoseconds(since: .now) &+ 999_999) / 1_000_000
        return Int32(min(wait, EventLoop.longestWaitMilliseconds))
    }

    /// Jobs that were there when the turn came; those they make wait for the next, behind the events.
    private func runJobs() {
        if jobs.isEmpty { return }
        swap(&jobs, &runningJobs)
        for job in runningJobs {
            job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        }
        runningJobs.removeAll(keepingCapacity: true)
    }

    /// False when the loop is to end.
    private func emptyInbox() -> Bool {
        var count: UInt64 = 0
        read(wakeDescriptor, &count, 8)
        let taken = inbox.withLock { box in
            let taken = box
            box.jobs.removeAll()
            box.closures.removeAll()
            box.isWakePending = false
            return taken
        }
        jobs.append(contentsOf: taken.jobs)
        for closure in taken.closures { closure() }
        return !taken.isStopping
    }

    // MARK: Executor

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            jobs.append(job)
            return
        }
        handIn { $0.jobs.append(job) }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
    package func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }
    package func checkIsolated() { precondition(isCurrent, "not on \(name)") }
    package func isIsolatingCurrentContext() -> Bool? { isCurrent }

    /// Runs `closure` on the loop soon, from any thread; in order for one caller. False if the loop has ended.
    @discardableResult
    package func execute(_ closure: @escaping @Sendable () -> Void) -> Bool {
        handIn { $0.closures.append(closure) }
    }

    @discardableResult
    private func handIn(_ put: (inout Inbox) -> Void) -> Bool {
        inbox.withLock { box in
            if box.isClosed { return false }
            put(&box)
            if box.isWakePending { return true }
            box.isWakePending = true
            wakeUps.add(1, ordering: .relaxed)
            var one: UInt64 = 1
            write(wakeDescriptor, &one, 8)
            return true
        }
    }

    /// The only way to a task: it starts on this loop and comes back to it after every suspension.
    @discardableResult
    package func spawn(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        liveTasks.add(1, ordering: .relaxed)
        return Task(executorPreference: self) {
            await body()
            self.liveTasks.subtract(1, ordering: .relaxed)
        }
    }

    /// Runs `body` on the loop and blocks the calling thread until it is done. For start and stop, never from a loop.
    package func runAndWait<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
        precondition(!isCurrent, "a loop cannot wait for itself")
        let result = Lock<Value?>(nil)
        spawn {
            let value = await body()
            result.withLock { $0 = value }
            result.signal()
        }
        return result.wait { $0 }
    }

    // MARK: Descriptors and timers, on the loop only

    /// Descriptors registered now.
    package var registrationCount: Int { registrations.count }

    /// Watches a non-blocking descriptor, edge-triggered, until `deregister`.
    package func register(
        _ descriptor: Int32, _ interest: Readiness, _ handler: any ReadinessHandler
    ) throws(SystemError) -> Registration {
        guard descriptor >= 0 else { throw SystemError("epoll_ctl(ADD)", code: EBADF) }
        let registration = registrations.insert(descriptor, handler)
        do {
            try epoll!.add(descriptor, interest, token: registration.token)
        } catch {
            _ = registrations.remove(registration)
            throw error
        }
        return registration
    }

    /// Ends the watch; call it before closing the descriptor. `isClosing` saves the system call, since closing the last
    /// descriptor of a socket removes it from epoll.
    package func deregister(_ registration: Registration, isClosing: Bool) {
        if registrations.remove(registration), !isClosing { epoll!.remove(registration.descriptor) }
    }

    /// Calls `action` on the loop at `deadline` or shortly after.
    package func schedule(at deadline: MonotonicTime, _ action: @escaping () -> Void) -> TimerID {
        timers.set(at: deadline, action)
    }

    package func cancel(_ timer: TimerID) { timers.cancel(timer) }

    package var timerCount: Int { timers.count }
}
