import Foundation
import Glibc
import Reactor
import TestSupport
import Testing

/// How a process came to its end.
enum End: Sendable, Equatable {
    case exit(Int32)
    case signal(Int32)
}

/// The server as a process. Its output goes to files, so that nobody has to empty a pipe. It is killed with the last
/// reference to it.
final class Child: Sendable {
    let processID: pid_t
    private let outputPath: String
    private let errorPath: String
    /// Nil while it runs; its process id is ours until it is set.
    private let end = Lock<End?>(nil)

    /// Built beside the tests.
    static let executable: String = {
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("portcullis").path
    }()

    /// `descriptors` is the most it may have open. Output is appended to `<output>.out` and `<output>.err`; `input` is a
    /// file. With a terminal it has neither: the terminal is its input, its output and what controls it.
    init(
        _ arguments: [String] = ["serve"], program: String = Child.executable, environment: [String: String],
        output: String,
        input: String = "/dev/null", terminal: String? = nil, descriptors: Int? = nil
    ) throws {
        outputPath = output + ".out"
        errorPath = output + ".err"
        var arguments = [program] + arguments
        if let descriptors {
            arguments = ["/bin/sh", "-c", "ulimit -n \(descriptors) && exec \"$0\" \"$@\""] + arguments
        }
        processID = try Child.spawn(
            arguments, environment, terminal ?? input, terminal ?? outputPath, terminal ?? errorPath,
            hasTerminal: terminal != nil)
    }

    deinit {
        send(SIGKILL)
        end.withLock { end in
            var status: Int32 = 0
            if end == nil { waitpid(processID, &status, 0) }
        }
    }

    private static func spawn(
        _ arguments: [String], _ environment: [String: String], _ input: String, _ outputPath: String,
        _ errorPath: String, hasTerminal: Bool
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, input, hasTerminal ? O_RDWR : O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errorPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of a pool block signals, and what they start would too.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        // POSIX_SPAWN_SETSID (spawn.h, under _GNU_SOURCE): the first terminal that the leader of a session opens is the
        // one that controls it.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | (hasTerminal ? 0x80 : 0))
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var processID = pid_t()
        let code = posix_spawn(&processID, arguments[0], &actions, &attributes, &argv, &envp)
        guard code == 0 else { throw SystemError("posix_spawn", code: code) }
        return processID
    }

    var output: String { Child.read(outputPath) }
    var errorOutput: String { Child.read(errorPath) }

    private static func read(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    /// Nothing is sent to a process that has ended: its id may be another's.
    func send(_ signal: Int32) {
        reap()
        end.withLock { if $0 == nil { kill(processID, signal) } }
    }

    /// Nil while it runs.
    @discardableResult
    func reap() -> End? {
        end.withLock { end in
            if let end { return end }
            var status: Int32 = 0
            guard waitpid(processID, &status, WNOHANG) == processID else { return nil }
            end = status & 0x7F == 0 ? .exit(status >> 8 & 0xFF) : .signal(status & 0x7F)
            return end
        }
    }

    /// Waits for the end; nil, with an issue, when it does not come in time.
    func ended(
        within seconds: Int = 20, sourceLocation: SourceLocation = #_sourceLocation
    ) async -> End? {
        await until("the server did not end", seconds: seconds, sourceLocation: sourceLocation) { reap() != nil }
        return reap()
    }

    /// Sends SIGTERM and expects the end with exit code 0.
    func stop(sourceLocation: SourceLocation = #_sourceLocation) async {
        send(SIGTERM)
        let end = await ended(sourceLocation: sourceLocation)
        #expect(end == .exit(0), "\(errorOutput)", sourceLocation: sourceLocation)
    }

    func killAtOnce() async {
        send(SIGKILL)
        #expect(await ended() == .signal(SIGKILL))
    }

    /// Stops it where it is; what comes meanwhile waits in the kernel.
    func freeze() async {
        send(SIGSTOP)
        await until("the server did not stop") { field("State").hasPrefix("T") }
    }

    func thaw() { send(SIGCONT) }

    /// How far a file that it writes may reach, in bytes; nil: as far as there is room.
    func limitFileSize(to bytes: Int?) throws {
        let tool = Process()
        tool.executableURL = URL(fileURLWithPath: "/usr/bin/prlimit")
        let soft = bytes.map { String($0) } ?? "unlimited"
        tool.arguments = ["--pid", "\(processID)", "--fsize=\(soft):unlimited"]
        try tool.run()
        tool.waitUntilExit()
        try #require(tool.terminationStatus == 0)
    }

    // MARK: What the kernel knows of it

    /// A line of /proc/PID/status.
    private func field(_ name: String) -> String {
        let lines = Child.read("/proc/\(processID)/status").split(separator: "\n")
        let line = lines.first { $0.hasPrefix(name + ":") } ?? ""
        return line.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
    }

    /// Resident memory in KiB.
    var residentKiB: Int { Int(field("VmRSS").split(separator: " ").first ?? "") ?? 0 }

    func limit(_ name: String) -> String? {
        Child.read("/proc/\(processID)/limits").split(separator: "\n").first { $0.hasPrefix(name) }.map(String.init)
    }

    /// CPU time of the threads whose name begins so, in milliseconds.
    func processorMilliseconds(ofThreads prefix: String) -> Int {
        let folder = "/proc/\(processID)/task"
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let ticks = tasks.reduce(0) { sum, task in
            // pid (name) state ppid …: user and system time are the 12th and 13th after the name (proc(5)).
            let parts = Child.read("\(folder)/\(task)/stat").split(separator: ")", maxSplits: 1)
            guard parts.count == 2, parts[0].hasSuffix("(\(prefix)") || parts[0].contains("(\(prefix)") else {
                return sum
            }
            let values = parts[1].split(separator: " ")
            return sum + (Int(values[11]) ?? 0) + (Int(values[12]) ?? 0)
        }
        return ticks * 1000 / Int(sysconf(Int32(_SC_CLK_TCK)))
    }
}
