import Glibc
package import Reactor

/// What time it is for a schedule, and how long it may look away from it.
package struct FaultClock: Sendable {
    package let now: @Sendable () -> MonotonicTime
    /// Milliseconds.
    let longestPause: UInt64

    /// The machine's own. Its pauses end when something is due.
    package static let system = FaultClock(now: { .now }, longestPause: 1_000)

    /// Of a test, which may put it forward at any moment.
    package static func manual(_ now: @escaping @Sendable () -> MonotonicTime) -> FaultClock {
        FaultClock(now: now, longestPause: 1)
    }
}

/// Runs the commands of a run's faults at their times, on a thread of its own, and tells what became of them. A command
/// that fails is an event; the run goes on. None outlives the schedule, whatever it left in its process group.
package final class FaultSchedule: Sendable {
    /// How long one command may take.
    private static let patience: UInt64 = 60_000_000_000
    /// Milliseconds between two looks at a command that runs.
    private static let look: UInt64 = 10

    private let faults: [Fault]
    private let origin: MonotonicTime
    private let clock: FaultClock
    private let state = Lock(State())
    /// Its other end is closed to end the thread's pause.
    private let wake: (reader: Int32, writer: Int32)
    private let thread: WorkerPool

    private struct State {
        var events: [RunEvent] = []
        var isStopped = false
    }

    /// One fault on the schedule's thread.
    private struct Run {
        let fault: Fault
        var process: FaultProcess?
        var begun: MonotonicTime?
        var isLate = false
        var isTold = false
    }

    /// Begins at once. `origin` is the scenario's start, from which the times count. `finish` must be called.
    package init(
        _ faults: [Fault], origin: MonotonicTime, clock: FaultClock = .system
    ) throws(SystemError) {
        self.faults = faults
        self.origin = origin
        self.clock = clock
        var pipe: [Int32] = [-1, -1]
        guard Glibc.pipe(&pipe) == 0 else { throw SystemError("pipe") }
        for descriptor in pipe { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        wake = (pipe[0], pipe[1])
        do {
            thread = try WorkerPool(name: "faults", niceValues: [0], capacity: 1)
        } catch {
            for descriptor in pipe { close(descriptor) }
            throw error
        }
        _ = thread.enqueue { self.run() }
    }

    /// What has happened so far, in the order in which it ended.
    package var events: [RunEvent] { state.withLock { $0.events } }

    /// Ends what still runs and waits for it. Returns all that happened by its begin, and what did not come about.
    package func finish() -> [RunEvent] {
        let wasStopped = state.withLock { state in
            defer { state.isStopped = true }
            return state.isStopped
        }
        if !wasStopped { close(wake.writer) }
        thread.stopAndJoin()
        if !wasStopped { close(wake.reader) }
        return events.sorted { $0.at < $1.at }
    }

    private func run() {
        var runs = faults.map { Run(fault: $0) }
        while !state.withLock({ $0.isStopped }) {
            for index in runs.indices { step(&runs[index]) }
            pause(runs)
        }
        for index in runs.indices { stop(&runs[index]) }
    }

    private func step(_ run: inout Run) {
        let now = clock.now()
        if run.begun == nil {
            if now >= origin.adding(nanoseconds: run.fault.at) { begin(&run, now) }
            return
        }
        guard let process = run.process else { return }
        process.drain()
        guard !run.isTold else { return }
        if let end = process.end {
            // What it wrote at last may have come since.
            process.drain()
            tell(&run, FaultSchedule.words(end, isLate: run.isLate), now)
        } else if let begun = run.begun, !run.isLate, now.nanoseconds(since: begun) >= FaultSchedule.patience {
            run.isLate = true
            process.kill()
        }
    }

    private func begin(_ run: inout Run, _ now: MonotonicTime) {
        run.begun = now
        do {
            run.process = try FaultProcess(run.fault.command)
        } catch {
            tell(&run, "could not be started (\(error))", now)
        }
    }

    private func stop(_ run: inout Run) {
        let now = clock.now()
        if run.begun == nil {
            tell(&run, "did not begin, the run ended before", now)
        } else if !run.isTold {
            step(&run)
            if !run.isTold { tell(&run, "was ended with the run", now) }
        }
        run.process?.finish()
        run.process = nil
    }

    private func tell(_ run: inout Run, _ what: String, _ now: MonotonicTime) {
        run.isTold = true
        let from = Double((run.begun ?? now).nanoseconds(since: origin)) / 1e9
        let until = run.process == nil ? nil : Double(now.nanoseconds(since: origin)) / 1e9
        var text = "fault \(run.fault.name): \(what)"
        if let until { text += " after \(FaultSchedule.rounded(until - from)) s" }
        if let line = run.process?.lastLine { text += ": \(line)" }
        state.withLock { $0.events.append(RunEvent(at: from, text, until: until)) }
    }

    private static func words(_ end: FaultProcess.End, isLate: Bool) -> String {
        if isLate { return "was ended for taking too long" }
        switch end {
        case .exit(0): return "done"
        case .exit(let code): return "failed with exit code \(code)"
        case .signal(let number): return "ended by signal \(number)"
        }
    }

    /// To a hundredth.
    private static func rounded(_ seconds: Double) -> Double { (seconds * 100).rounded() / 100 }

    /// Until a command writes, the schedule is stopped, or it is time to look again.
    private func pause(_ runs: [Run]) {
        var descriptors = [pollfd(fd: wake.reader, events: Int16(POLLIN), revents: 0)]
        var milliseconds = clock.longestPause
        let now = clock.now()
        for run in runs {
            if let process = run.process {
                if process.output >= 0 {
                    descriptors.append(pollfd(fd: process.output, events: Int16(POLLIN), revents: 0))
                }
                if !run.isTold { milliseconds = min(milliseconds, FaultSchedule.look) }
            } else if run.begun == nil {
                let left = origin.adding(nanoseconds: run.fault.at).nanoseconds(since: now)
                milliseconds = min(milliseconds, left / 1_000_000 + 1)
            }
        }
        poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: milliseconds))
    }
}
