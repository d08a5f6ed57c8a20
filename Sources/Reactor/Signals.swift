import CLinux
import Glibc

/// The signals that a server takes as events instead of interruptions.
///
/// Order matters: block them on the main thread before any other thread exists, since threads inherit the mask, and
/// keep `main` synchronous: an async `main` unblocks them at its first suspension.
package enum Signals {
    /// Blocks `signals` for the calling thread and every thread it makes from now on.
    package static func block(_ signals: [Int32]) throws(SystemError) {
        let code = portcullis_block_signals(signals, Int32(signals.count))
        guard code == 0 else { throw SystemError("pthread_sigmask", code: code) }
    }

    /// Whether a blocked signal has arrived and nobody has taken it.
    package static func isPending(_ signal: Int32) -> Bool {
        var pending = sigset_t()
        return sigpending(&pending) == 0 && sigismember(&pending, signal) == 1
    }

    /// Calls `action` on `loop` with the number of each of `signals` as it arrives. They must be blocked. The watch lasts
    /// as long as the loop.
    package static func watch(
        _ signals: [Int32], on loop: EventLoop, _ action: @escaping @Sendable (Int32) -> Void
    ) throws(SystemError) {
        let descriptor = portcullis_signalfd(signals, Int32(signals.count))
        guard descriptor >= 0 else { throw SystemError("signalfd") }
        loop.execute { SignalReader.start(descriptor, loop, action) }
    }
}

private final class SignalReader: ReadinessHandler {
    private let descriptor: Int32
    private let action: (Int32) -> Void

    private init(_ descriptor: Int32, _ action: @escaping (Int32) -> Void) {
        self.descriptor = descriptor
        self.action = action
    }

    /// On the loop. Failing to watch signals would leave a server that cannot be stopped, so the action is told SIGTERM.
    static func start(_ descriptor: Int32, _ loop: EventLoop, _ action: @escaping (Int32) -> Void) {
        do {
            _ = try loop.register(descriptor, .readable, SignalReader(descriptor, action))
        } catch {
            close(descriptor)
            action(SIGTERM)
        }
    }

    func ready(_ readiness: Readiness) {
        var info = signalfd_siginfo()
        while read(descriptor, &info, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
            action(Int32(bitPattern: info.ssi_signo))
        }
    }
}
