/// A moment as milliseconds since 1970-01-01T00:00:00Z (POSIX time). `Auth` never reads a clock: callers pass the time in.
package struct UnixTime: Sendable, Hashable, Comparable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// `seconds` outside what milliseconds can hold is clamped, so that arithmetic on hostile input cannot trap.
    package init(seconds: Int64) {
        let (value, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        milliseconds = overflow ? (seconds < 0 ? .min : .max) : value
    }

    /// Whole seconds, rounded down: what a NumericDate claim carries (RFC 7519 section 2).
    package var seconds: Int64 {
        let quotient = milliseconds / 1000
        return milliseconds % 1000 < 0 ? quotient - 1 : quotient
    }

    package static func < (left: UnixTime, right: UnixTime) -> Bool { left.milliseconds < right.milliseconds }

    /// Saturating: the far future stays the far future.
    package func adding(milliseconds delta: Int64) -> UnixTime {
        let (sum, overflow) = milliseconds.addingReportingOverflow(delta)
        return UnixTime(milliseconds: overflow ? (delta < 0 ? .min : .max) : sum)
    }

    package func adding(seconds delta: Int64) -> UnixTime {
        adding(milliseconds: UnixTime(seconds: delta).milliseconds)
    }
}
