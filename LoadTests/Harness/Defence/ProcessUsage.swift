import Glibc
package import Reactor

/// What a process of this machine has used up to a moment, read from /proc (proc(5)).
package struct ProcessUsage: Sendable, Equatable {
    package struct Thread: Sendable, Equatable {
        /// As the thread calls itself, cut to 15 bytes by the kernel: `loop-0`, `hash-1`.
        package var name: String
        /// On a processor since it began.
        package var nanoseconds: UInt64

        package init(name: String, nanoseconds: UInt64) {
            self.name = name
            self.nanoseconds = nanoseconds
        }
    }

    package var processID: Int32
    /// Clock ticks from the machine's start to the process's: with the id, it is one process and no other.
    package var start: UInt64
    package var takenAt: MonotonicTime
    /// Nanoseconds of all threads there ever were, in ticks of usually 10 ms.
    package var tickNanoseconds: UInt64
    /// Those that live, by thread id.
    package var threads: [Int32: Thread]
    package var residentBytes: UInt64
    /// Open descriptors; nil when we may not know, as with another user's process.
    package var descriptors: Int?

    /// Nil when there is no such process.
    package init?(of processID: Int32) {
        let folder = "/proc/\(processID)"
        guard let text = ProcFile.text(folder + "/stat"), let stat = ProcessStat(text), !stat.isDead else { return nil }
        self.processID = processID
        takenAt = .now
        start = stat.start
        tickNanoseconds = stat.nanoseconds
        residentBytes = stat.residentBytes
        descriptors = ProcFile.numbers(in: folder + "/fd")?.count
        threads = [:]
        for id in ProcFile.numbers(in: folder + "/task") ?? [] {
            let place = folder + "/task/\(id)"
            guard let text = ProcFile.text(place + "/stat"), let stat = ProcessStat(text) else { continue }
            let precise = ProcFile.text(place + "/schedstat").flatMap(ProcessUsage.firstNumber)
            threads[id] = Thread(name: stat.name, nanoseconds: precise ?? stat.nanoseconds)
        }
    }

    package init(
        processID: Int32, start: UInt64, takenAt: MonotonicTime, tickNanoseconds: UInt64, threads: [Int32: Thread],
        residentBytes: UInt64, descriptors: Int?
    ) {
        self.processID = processID
        self.start = start
        self.takenAt = takenAt
        self.tickNanoseconds = tickNanoseconds
        self.threads = threads
        self.residentBytes = residentBytes
        self.descriptors = descriptors
    }

    /// Of schedstat: nanoseconds on a processor.
    static func firstNumber(_ text: String) -> UInt64? {
        text.split(separator: " ").first.flatMap { UInt64($0) }
    }
}

/// What a process used between two looks.
package struct ProcessDelta: Sendable, Equatable {
    /// Of all threads, those included that ended meanwhile, as well as the kernel's ticks tell.
    package var nanoseconds: UInt64
    /// Of threads that live at the later look, by name.
    package var threads: [String: UInt64]
    /// Between the looks.
    package var wallNanoseconds: UInt64
    /// May be negative.
    package var residentBytes: Int64

    /// Nil when it is not the same process, or the looks are in the wrong order.
    package init?(from earlier: ProcessUsage, to later: ProcessUsage) {
        guard earlier.processID == later.processID, earlier.start == later.start, earlier.takenAt <= later.takenAt
        else { return nil }
        threads = [:]
        var precise: UInt64 = 0
        for (id, thread) in later.threads {
            let before = earlier.threads[id]?.nanoseconds ?? 0
            // An id may have gone to a new thread, which has used less than the old one.
            let used = thread.nanoseconds >= before ? thread.nanoseconds - before : thread.nanoseconds
            threads[thread.name, default: 0] += used
            precise += used
        }
        let ticks =
            later.tickNanoseconds >= earlier.tickNanoseconds ? later.tickNanoseconds - earlier.tickNanoseconds : 0
        nanoseconds = max(precise, ticks)
        wallNanoseconds = later.takenAt.nanoseconds(since: earlier.takenAt)
        residentBytes = Int64(clamping: later.residentBytes) - Int64(clamping: earlier.residentBytes)
    }

    /// Nanoseconds of the threads whose name begins so; nil when there is none of that name.
    package func nanoseconds(ofThreads prefix: String) -> UInt64? {
        let found = threads.filter { $0.key.hasPrefix(prefix) }
        return found.isEmpty ? nil : found.values.reduce(0, +)
    }
}

/// The fields of /proc/PID/stat that are of use here.
struct ProcessStat: Equatable {
    var name: String
    /// A zombie has used what it has used.
    var isDead: Bool
    var nanoseconds: UInt64
    var start: UInt64
    var residentBytes: UInt64

    /// Nil when it is no such line.
    init?(_ text: String) {
        // The name may hold anything, parentheses and blanks too: the fields begin after the last one.
        guard let opening = text.firstIndex(of: "("), let closing = text.lastIndex(of: ")"), opening < closing
        else { return nil }
        name = String(text[text.index(after: opening)..<closing])
        let fields = text[text.index(after: closing)...].split { $0 == " " || $0 == "\n" }
        guard fields.count > 21, let user = UInt64(fields[11]), let system = UInt64(fields[12]),
            let start = UInt64(fields[19]), let pages = Int64(fields[21])
        else { return nil }
        isDead = fields[0] == "Z" || fields[0] == "X"
        self.start = start
        let ticks = user.addingReportingOverflow(system)
        let tick = UInt64(1_000_000_000 / max(1, sysconf(Int32(_SC_CLK_TCK))))
        let product = ticks.partialValue.multipliedReportingOverflow(by: tick)
        nanoseconds = ticks.overflow || product.overflow ? .max : product.partialValue
        let size = UInt64(clamping: pages).multipliedReportingOverflow(by: UInt64(max(1, sysconf(Int32(_SC_PAGESIZE)))))
        residentBytes = size.overflow ? .max : size.partialValue
    }
}
