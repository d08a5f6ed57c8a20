import Glibc

/// Lines for people, on standard output and standard error: at start and stop, never on the way of a request.
package enum Console {
    package static func print(_ text: String) { write(text, to: STDOUT_FILENO) }

    package static func error(_ text: String) { write("portcullis: \(text)", to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array((text + "\n").utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            written += count
        }
    }
}
