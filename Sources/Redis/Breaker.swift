import Reactor

/// Decides when Redis counts as away: at once when it refuses or drops a connection, after five timeouts within a second when
/// it is only slow. While it counts as away no call is sent; one connection at a time is tried as a probe. Pure: the time
/// is passed in.
struct Breaker {
    enum State: Equatable {
        case closed
        /// Nobody is there.
        case openUnreachable
        /// Somebody is, but too slow: a probe must be answered as fast as a command.
        case openSlow
    }

    static let timeoutCount = 5
    static let windowMilliseconds: Int64 = 1000

    private(set) var state = State.closed
    /// The newest timeouts, the oldest first, fewer than it takes.
    private var timeouts: [MonotonicTime] = []

    var isOpen: Bool { state != .closed }

    /// A connection was refused, reset or closed, or could not be made.
    mutating func connectionFailed() {
        state = .openUnreachable
        timeouts = []
    }

    /// A call was not answered in time.
    mutating func timedOut(at now: MonotonicTime) {
        if isOpen { return }
        timeouts.removeAll { $0.adding(milliseconds: Breaker.windowMilliseconds) <= now }
        timeouts.append(now)
        guard timeouts.count >= Breaker.timeoutCount else { return }
        state = .openSlow
        timeouts = []
    }

    /// A probe was answered. Timeouts of before stay counted: a server that greets and then hangs is no better.
    mutating func connected() { state = .closed }
}
