import Auth
import Reactor

/// Where the database's time is on this machine's `MonotonicTime`, from the round trips of the polls. Pure: readings come
/// in, no clock is read.
///
/// A round trip says the time to half its own length and no better: within that a measurement corrects nothing, so that a
/// slow network does not make the time tremble. What is left is corrected slowly, so that time neither stops nor runs
/// back, unless it is far: the database then is another one, or its clock was set.
struct ClockEstimate: Sendable, Equatable {
    enum Change: Sendable, Equatable {
        /// The round trip took too long to say anything.
        case ignored
        case taken
        /// The time has moved by that many milliseconds since it was first measured or this was last told.
        case moved(milliseconds: Int64)
    }

    /// Beyond, half of it is too much to be wrong by.
    static let longestRoundTripNanoseconds: UInt64 = 200_000_000
    /// The database gives whole milliseconds.
    private static let resolutionNanoseconds: Int64 = 1_000_000
    /// A correction of at most a twentieth of the time gone by: a second is slower or faster by 50 ms.
    private static let slewShare: Int64 = 20
    /// Beyond, the correction is made at once.
    private static let stepNanoseconds: Int64 = 1_000_000_000
    /// What an operator is told.
    private static let toldNanoseconds: Int64 = 5_000_000_000
    /// The fleet's time and the system's may be apart by so much: a clock kept by NTP is off by milliseconds, one that is
    /// not loses about a second a day.
    private static let nearMilliseconds: Int64 = 30_000

    /// Nanoseconds to add to `MonotonicTime`; nil until the first good round trip.
    private(set) var offset: Int64?
    private var adjustedAt = MonotonicTime(nanoseconds: 0)
    private var toldOffset: Int64 = 0

    init() {}

    /// `time` is what the database's clock said at some moment between `sentAt` and `receivedAt`.
    mutating func measure(_ time: UnixTime, sentAt: MonotonicTime, receivedAt: MonotonicTime) -> Change {
        let roundTrip = receivedAt.nanoseconds(since: sentAt)
        guard roundTrip < ClockEstimate.longestRoundTripNanoseconds, receivedAt >= sentAt,
            let measured = ClockEstimate.offset(of: time, at: sentAt.adding(nanoseconds: roundTrip / 2))
        else { return .ignored }
        guard let offset else {
            self.offset = measured
            toldOffset = measured
            adjustedAt = receivedAt
            return .taken
        }
        let tolerance = Int64(roundTrip / 2) + ClockEstimate.resolutionNanoseconds
        self.offset = offset &+ correction(measured &- offset, tolerance: tolerance, at: receivedAt)
        adjustedAt = max(adjustedAt, receivedAt)
        return told()
    }

    private func correction(_ difference: Int64, tolerance: Int64, at now: MonotonicTime) -> Int64 {
        let rest = max(0, Int64(clamping: difference.magnitude) - tolerance)
        let limit =
            rest > ClockEstimate.stepNanoseconds
            ? rest : Int64(clamping: now.nanoseconds(since: adjustedAt)) / ClockEstimate.slewShare
        return difference < 0 ? -min(rest, limit) : min(rest, limit)
    }

    private mutating func told() -> Change {
        guard let offset else { return .ignored }
        let moved = offset &- toldOffset
        guard moved.magnitude > ClockEstimate.toldNanoseconds.magnitude else { return .taken }
        toldOffset = offset
        return .moved(milliseconds: moved / 1_000_000)
    }

    /// Nil for a time that no clock has.
    private static func offset(of time: UnixTime, at moment: MonotonicTime) -> Int64? {
        let (nanoseconds, overflow) = time.milliseconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow, let moment = Int64(exactly: moment.nanoseconds) else { return nil }
        let (difference, isTooFar) = nanoseconds.subtractingReportingOverflow(moment)
        return isTooFar || difference == .min ? nil : difference
    }

    static func time(at moment: MonotonicTime, offset: Int64) -> UnixTime {
        UnixTime(milliseconds: (Int64(truncatingIfNeeded: moment.nanoseconds) &+ offset) / 1_000_000)
    }

    static func isNear(_ one: UnixTime, _ other: UnixTime) -> Bool {
        let (difference, overflow) = one.milliseconds.subtractingReportingOverflow(other.milliseconds)
        return !overflow && difference.magnitude <= nearMilliseconds.magnitude
    }
}
