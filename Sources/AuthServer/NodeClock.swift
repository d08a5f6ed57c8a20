import Auth
import Reactor

/// The time that tokens, sessions, limits and the audit are dated with. One per node; any thread may ask, and the verify
/// path does: no lock. Log lines have the system's time.
final class NodeClock: Sendable {
    init() {}

    var now: UnixTime { systemTime() }
}

/// The system's wall clock.
func systemTime() -> UnixTime { UnixTime(milliseconds: wallClockMilliseconds()) }
