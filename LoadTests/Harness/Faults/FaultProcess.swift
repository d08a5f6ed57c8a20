import Glibc
import Reactor

/// A fault's command that was started: a shell in a process group of its own. For one thread.
///
/// Its leader is not reaped before the group is ended: as long as it is a zombie, nobody else can get the group's number,
/// and what is sent to the group reaches what the command left behind and nothing else.
final class FaultProcess {
    enum End: Equatable {
        case exit(Int32)
        case signal(Int32)
    }

    /// Bytes of output that are kept: the last ones.
    private static let kept = 4_096

    /// Where the command's output comes from; -1 when it was closed at the other end.
    private(set) var output: Int32
    private let processID: pid_t
    private var tail: [UInt8] = []

    init(_ command: String) throws(SystemError) {
        var pipe: [Int32] = [-1, -1]
        guard Glibc.pipe(&pipe) == 0 else { throw SystemError("pipe") }
        defer { close(pipe[1]) }
        for descriptor in pipe { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(pipe[0], F_SETFL, O_NONBLOCK)
        do {
            processID = try FaultProcess.spawn(command, output: pipe[1])
        } catch {
            close(pipe[0])
            throw error
        }
        output = pipe[0]
    }

    private static func spawn(_ command: String, output: Int32) throws(SystemError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // We block signals and ignore some; what we start shall not.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        let words: [String] = ["/bin/sh", "-c", command]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var processID = pid_t()
        let code = posix_spawn(&processID, "/bin/sh", &actions, &attributes, &arguments, environ)
        guard code == 0 else { throw SystemError("posix_spawn", code: code) }
        return processID
    }

    /// How the shell ended; nil while it runs.
    var end: End? {
        var info = siginfo_t()
        guard waitid(P_PID, id_t(processID), &info, WEXITED | WNOHANG | WNOWAIT) == 0 else { return nil }
        let status = info._sifields._sigchld.si_status
        switch Int(info.si_code) {
        case Int(CLD_EXITED): return .exit(status)
        case Int(CLD_KILLED), Int(CLD_DUMPED): return .signal(status)
        default: return nil
        }
    }

    /// Takes what the command has written, so that it never waits for us.
    func drain() {
        guard output >= 0 else { return }
        var chunk = [UInt8](repeating: 0, count: FaultProcess.kept)
        while true {
            let count = read(output, &chunk, chunk.count)
            if count > 0 {
                tail.append(contentsOf: chunk[..<count])
                if tail.count > FaultProcess.kept { tail.removeFirst(tail.count - FaultProcess.kept) }
            } else if count < 0 && errno == EINTR {
                continue
            } else {
                if count == 0 { closeOutput() }
                return
            }
        }
    }

    /// The last line that says something, cut to 160 characters and without what would steer a terminal.
    var lastLine: String? {
        let lines = tail.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        let texts = lines.reversed().lazy.map { line in
            String(
                String.UnicodeScalarView(String(decoding: line, as: UTF8.self).unicodeScalars.filter(Self.isPrintable)))
        }
        return texts.first { text in text.contains { $0 != " " } }.map { String($0.prefix(160)) }
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }

    /// Ends the shell and all that it left in its group.
    func kill() { Glibc.kill(-processID, SIGKILL) }

    /// Ends the group, then gives back its number. Nothing may be called after it.
    func finish() {
        kill()
        var status: Int32 = 0
        while waitpid(processID, &status, 0) < 0 && errno == EINTR {}
        closeOutput()
    }

    private func closeOutput() {
        if output >= 0 { close(output) }
        output = -1
    }
}
