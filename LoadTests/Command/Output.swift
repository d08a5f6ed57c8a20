import ArgumentParser
import Glibc
import LoadTests

/// Text to a descriptor, whole; what nobody reads is lost.
func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return }
        bytes = bytes.dropFirst(count)
    }
}

/// One sentence on standard error, and the exit code.
func failure(_ sentence: String, _ code: Int32) -> ExitCode {
    write("loadtest: \(sentence)\n", to: 2)
    return ExitCode(code)
}

/// Columns of the terminal; nil when standard error is none.
func terminalWidth() -> Int? {
    guard isatty(2) == 1 else { return nil }
    var size = winsize()
    guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
}
