import Glibc

/// What scripts read. Unlike `print`, it tells a reader that left from a disk that is full.
enum StandardOutput {
    /// Waits, unless the reader leaves.
    static func wait(milliseconds: Int32) throws {
        var event = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        if poll(&event, 1, milliseconds) == 1 { throw OutputClosed() }
    }

    /// Writes the text and a line feed.
    static func line(_ text: String) throws { try write(Array((text + "\n").utf8)) }

    static func write(_ text: String) throws { try write(Array(text.utf8)) }

    static func line(_ bytes: [UInt8]) throws { try write(bytes + [0x0A]) }

    private static func write(_ bytes: [UInt8]) throws {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count > 0 {
                written += count
            } else if errno == EPIPE {
                throw OutputClosed()
            } else if errno != EINTR {
                throw CommandFailure(
                    .inputOutput, "Standard output cannot be written: \(String(cString: strerror(errno)))")
            }
        }
    }
}

enum StandardInput {
    static var isTerminal: Bool { isatty(STDIN_FILENO) == 1 }
}
