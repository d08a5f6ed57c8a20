import CLinux
import Glibc

/// The kernel's interest list and a buffer for its answers. Edge-triggered only.
struct Epoll: ~Copyable {
    /// Events taken per call: bounds how long one round of a loop may last before timers and jobs get their turn.
    static let eventsPerWait = 256

    let descriptor: Int32
    private let events: UnsafeMutableBufferPointer<epoll_event>

    init() throws(SystemError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("epoll_create1") }
        events = .allocate(capacity: Epoll.eventsPerWait)
        events.initialize(repeating: epoll_event())
    }

    /// `token` comes back with every event of the descriptor.
    func add(_ target: Int32, _ interest: Readiness, token: UInt64) throws(SystemError) {
        var event = epoll_event()
        event.events = interest.rawValue | EPOLLET.rawValue
        event.data.u64 = token
        guard epoll_ctl(descriptor, EPOLL_CTL_ADD, target, &event) == 0 else { throw SystemError("epoll_ctl(ADD)") }
    }

    func remove(_ target: Int32) {
        epoll_ctl(descriptor, EPOLL_CTL_DEL, target, nil)
    }

    /// Waits at most `milliseconds` (0: does not wait) and returns how many events there are; an interruption is none.
    func wait(milliseconds: Int32) -> Int {
        let count = epoll_wait(descriptor, events.baseAddress, Int32(Epoll.eventsPerWait), milliseconds)
        return count > 0 ? Int(count) : 0
    }

    func event(_ index: Int) -> (readiness: Readiness, token: UInt64) {
        let event = events[index]
        return (Readiness(rawValue: event.events), event.data.u64)
    }

    consuming func close() {
        events.deallocate()
        Glibc.close(descriptor)
    }
}
