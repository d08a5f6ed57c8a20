import Glibc
import LoadTests
import Reactor
import TestSupport
import Testing

@Suite("What a process uses")
struct ProcessUsageTests {
    private func usage(
        start: UInt64 = 7, at nanoseconds: UInt64, ticks: UInt64, threads: [Int32: (String, UInt64)],
        resident: UInt64 = 0
    ) -> ProcessUsage {
        ProcessUsage(
            processID: 1, start: start, takenAt: MonotonicTime(nanoseconds: nanoseconds), tickNanoseconds: ticks,
            threads: threads.mapValues { ProcessUsage.Thread(name: $0.0, nanoseconds: $0.1) }, residentBytes: resident,
            descriptors: nil)
    }

    @Test("A process that is not there is nil, and so is a zombie")
    func gone() throws {
        #expect(ProcessUsage(of: 0) == nil)
        #expect(ProcessUsage(of: .max) == nil)
        let child = try started("exit 0")
        var info = siginfo_t()
        waitid(P_PID, id_t(child), &info, WEXITED | WNOWAIT)
        #expect(ProcessUsage(of: child) == nil)
        waitpid(child, nil, 0)
    }

    @Test("Another start is another process, and looks in the wrong order tell nothing")
    func differences() {
        let first = usage(at: 1, ticks: 0, threads: [:])
        #expect(ProcessDelta(from: first, to: usage(start: 8, at: 2, ticks: 0, threads: [:])) == nil)
        #expect(ProcessDelta(from: usage(at: 2, ticks: 0, threads: [:]), to: first) == nil)
    }

    @Test("Threads are told apart by name; what ended threads used is known by ticks")
    func threads() throws {
        let first = usage(
            at: 5, ticks: 1_000, threads: [1: ("main", 10), 2: ("loop-0", 20), 3: ("hash-0", 500), 4: ("hash-1", 90)],
            resident: 100)
        // Of thread 3 the number went to a new one; thread 4 ended.
        let later = usage(
            at: 105, ticks: 1_600, threads: [1: ("main", 11), 2: ("loop-0", 60), 3: ("hash-2", 30), 5: ("loop-1", 7)],
            resident: 60)
        let delta = try #require(ProcessDelta(from: first, to: later))
        #expect(delta.nanoseconds(ofThreads: "loop-") == 47)
        #expect(delta.nanoseconds(ofThreads: "hash-") == 30)
        #expect(delta.nanoseconds(ofThreads: "log-") == nil)
        #expect(delta.nanoseconds == 600)
        #expect(delta.wallNanoseconds == 100)
        #expect(delta.residentBytes == -40)
        let precise = usage(at: 105, ticks: 1_000, threads: [2: ("loop-0", 60)])
        #expect(ProcessDelta(from: first, to: precise)?.nanoseconds == 40)
    }

    @Test("Our own threads are seen at work by their name")
    func own() async throws {
        let pool = try WorkerPool(name: "besieged", niceValues: [0], capacity: 1)
        defer { pool.stopAndJoin() }
        let first = try #require(ProcessUsage(of: getpid()))
        #expect(first.residentBytes > 1 << 20)
        #expect(try #require(first.descriptors) > 2)
        _ = try await pool.run { spin(until: MonotonicTime.now.adding(milliseconds: 30)) }
        let delta = try #require(ProcessUsage(of: getpid()).flatMap { ProcessDelta(from: first, to: $0) })
        let used = try #require(delta.nanoseconds(ofThreads: "besieged-"))
        #expect(used > 0)
        #expect(used <= delta.nanoseconds)
        #expect(delta.wallNanoseconds >= 30_000_000)
    }

    @Test("Who listens on a port is found; a port where nobody listens has nobody")
    func listening() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = bind(listener, address, length)
                _ = getsockname(listener, address, &length)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        #expect(ProcessUsage.listening(on: port) == nil)
        #expect(listen(listener, 1) == 0)
        // A process that another test starts has our descriptors until it becomes another program.
        #expect(ProcessUsage.listening(on: port)?.contains(getpid()) == true)
    }
}

private func spin(until end: MonotonicTime) -> Int {
    var rounds = 0
    while MonotonicTime.now < end { rounds += 1 }
    return rounds
}

private func started(_ command: String) throws -> pid_t {
    var processID = pid_t()
    let words = ["/bin/sh", "-c", command]
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    try #require(posix_spawn(&processID, "/bin/sh", nil, nil, &arguments, environ) == 0)
    return processID
}
