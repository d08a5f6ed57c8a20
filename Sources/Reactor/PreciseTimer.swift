import CLinux
import Glibc

/// One timer with the kernel's own resolution (timerfd), where the loop's timers are rounded up to a millisecond. It costs a
/// descriptor and two system calls a turn: for pacing requests, not for deadlines.
///
/// On its loop only.
package final class PreciseTimer: ReadinessHandler {
    private let descriptor: Int32
    private let loop: EventLoop
    private var registration: Registration?
    private let action: () -> Void

    /// Calls `action` on `loop` whenever the time that was set has come. The loop holds it until `close`.
    package init(on loop: EventLoop, _ action: @escaping () -> Void) throws(SystemError) {
        descriptor = timerfd_create(CLOCK_BOOTTIME, Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("timerfd_create") }
        self.loop = loop
        self.action = action
        do throws(SystemError) {
            registration = try loop.register(descriptor, .readable, self)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    /// Takes the place of the time that was set before. A time that has passed comes at once.
    package func set(at time: MonotonicTime) {
        var new = itimerspec()
        // Zero would disarm it.
        let nanoseconds = max(1, time.nanoseconds)
        new.it_value.tv_sec = Int(clamping: nanoseconds / 1_000_000_000)
        new.it_value.tv_nsec = Int(nanoseconds % 1_000_000_000)
        timerfd_settime(descriptor, Int32(TFD_TIMER_ABSTIME), &new, nil)
    }

    package func close() {
        guard let registration else { return }
        self.registration = nil
        loop.deregister(registration, isClosing: true)
        Glibc.close(descriptor)
    }

    package func ready(_ readiness: Readiness) {
        var count: UInt64 = 0
        guard read(descriptor, &count, 8) == 8 else { return }
        action()
    }
}
