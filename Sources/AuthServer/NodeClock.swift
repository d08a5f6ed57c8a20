import Auth
import Reactor
import Synchronization

/// The time that tokens, sessions, limits and the audit are dated with. One per node; any thread may ask, and the verify
/// path does: no lock. Log lines have the system's time.
///
/// Alone a node goes by the system's clock. In a fleet all go by the database's: each adds what it measured to a clock of
/// its own that nobody sets, so that a node whose system clock is wrong neither issues tokens of the future nor accepts
/// dead ones.
final class NodeClock: Sendable {
    private static let unknown = Int64.min

    private let isOfFleet: Bool
    /// Nanoseconds from `MonotonicTime` to the fleet's time; `unknown` for the system's time.
    private let offset = Atomic<Int64>(NodeClock.unknown)
    private let estimate = Lock(ClockEstimate())

    /// Goes by the system's clock; `ofFleet` only until the first measurement.
    init(ofFleet: Bool = false) { isOfFleet = ofFleet }

    var now: UnixTime {
        let offset = offset.load(ordering: .relaxed)
        if offset == NodeClock.unknown { return systemTime() }
        return ClockEstimate.time(at: .now, offset: offset)
    }

    /// Whether it is good enough to date what is issued: false in a fleet while its time was not measured, or is far from
    /// the system's clock, since then one of the two is wrong and nobody can say which.
    var isTrusted: Bool {
        if !isOfFleet { return true }
        let offset = offset.load(ordering: .relaxed)
        if offset == NodeClock.unknown { return false }
        return ClockEstimate.isNear(systemTime(), ClockEstimate.time(at: .now, offset: offset))
    }

    /// How far the fleet's time is ahead of the system's clock, in milliseconds; nil while it is unknown.
    var millisecondsAheadOfSystem: Int64? {
        let offset = offset.load(ordering: .relaxed)
        if offset == NodeClock.unknown { return nil }
        let fleet = ClockEstimate.time(at: .now, offset: offset)
        return fleet.milliseconds.subtractingReportingOverflow(systemTime().milliseconds).partialValue
    }

    /// Takes in what the database's clock said between `sentAt` and `receivedAt`.
    @discardableResult
    func measured(
        databaseTime: UnixTime, sentAt: MonotonicTime, receivedAt: MonotonicTime
    ) -> ClockEstimate.Change {
        estimate.withLock { estimate in
            let change = estimate.measure(databaseTime, sentAt: sentAt, receivedAt: receivedAt)
            if let known = estimate.offset { offset.store(known, ordering: .relaxed) }
            return change
        }
    }
}

/// The system's wall clock.
func systemTime() -> UnixTime { UnixTime(milliseconds: wallClockMilliseconds()) }
