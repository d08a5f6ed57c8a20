import Glibc

/// Lines for people, on standard output and standard error: at start and stop, never on the way of a request.
package enum Console {
    /// False when it was not written whole.
    @discardableResult
    package static func print(_ text: String) -> Bool { write(text, to: STDOUT_FILENO) }

    package static func error(_ text: String) { _ = write("portcullis: \(text)", to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) -> Bool {
        let bytes = Array((text + "\n").utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { written += count } else if errno != EINTR { return false }
        }
        return true
    }
}
