import Glibc

/// The terminal that the command was started from, also when its input and output are not it.
struct Terminal {
    private let descriptor: Int32

    /// Nil without one: a script.
    init?() {
        descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        if descriptor < 0 { return nil }
    }

    /// Once, at the end.
    func close() { Glibc.close(descriptor) }

    /// Asks for a line; false unless it begins with "y".
    func confirms(_ question: String) -> Bool {
        show("\(question) [y/N] ")
        return readLine().map { $0.first == UInt8(ascii: "y") || $0.first == UInt8(ascii: "Y") } ?? false
    }

    /// Asks for a line that is not shown. Nil at the end of input. Whatever signal comes meanwhile takes effect after the
    /// terminal is again as it was. Before any thread is made.
    func secret(_ question: String) throws -> [UInt8]? {
        var before = termios()
        guard tcgetattr(descriptor, &before) == 0 else {
            throw CommandFailure(.unavailable, "The terminal cannot be used: \(String(cString: strerror(errno)))")
        }
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP] { sigaddset(&signals, signal) }
        var mask = sigset_t()
        pthread_sigmask(SIG_BLOCK, &signals, &mask)
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        silent.c_lflag |= tcflag_t(ECHONL | ICANON | ISIG)
        tcsetattr(descriptor, TCSAFLUSH, &silent)
        show(question + " ")
        let hasLine = waitForInput(orPendingOf: signals)
        let line = hasLine ? readLine() : nil
        tcsetattr(descriptor, TCSAFLUSH, &before)
        if !hasLine { show("\n") }
        // What is pending ends the process here, if it is to.
        pthread_sigmask(SIG_SETMASK, &mask, nil)
        return line
    }

    /// False when one of the signals is pending instead.
    private func waitForInput(orPendingOf signals: sigset_t) -> Bool {
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            if poll(&event, 1, 50) == 1 { return true }
            var pending = sigset_t()
            sigpending(&pending)
            if [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP].contains(where: { sigismember(&pending, $0) == 1 }) {
                return false
            }
        }
    }

    private func show(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(descriptor, bytes, bytes.count)
    }

    /// Without the line feed. The terminal gives at most 4095 bytes of a line.
    private func readLine() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return Array(buffer[..<count].prefix { $0 != 0x0A })
    }
}
