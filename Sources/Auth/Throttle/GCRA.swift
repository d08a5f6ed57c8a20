/// The generic cell rate algorithm (ITU-T I.371): one number per key, the theoretical arrival time (TAT) of the next
/// cell. Integers in microseconds, saturating, no clock of its own. After the shape of governor's `gcra.rs`.
package struct GCRA: Sendable, Equatable {
    /// T: what one reservation weighs.
    package let interval: Int64
    /// tau: how far ahead of its time a reservation may come. Below 2^53 with T and the time of this century added, so that
    /// arithmetic on doubles, as in a script, is exact.
    package let tolerance: Int64

    /// `burst` at once, then one each `intervalMilliseconds`. Both are at least 1; the interval at most a day.
    package init(burst: UInt16, intervalMilliseconds: Int64) {
        self.init(burst: burst, intervalMicroseconds: min(max(1, intervalMilliseconds), 86_400_000) * 1000)
    }

    /// `burst` at once, then `rate` a second. Both are at least 1; the rate at most a million.
    package init(burst: UInt16, perSecond rate: UInt32) {
        self.init(burst: burst, intervalMicroseconds: 1_000_000 / Int64(min(max(1, rate), 1_000_000)))
    }

    private init(burst: UInt16, intervalMicroseconds interval: Int64) {
        self.interval = interval
        tolerance = interval * Int64(max(1, burst) - 1)
    }

    /// An equal share for each of `nodes` that cannot ask each other: the burst divided and rounded up, the rate divided.
    func share(among nodes: Int) -> GCRA {
        let nodes = Int64(max(1, nodes))
        let burst = tolerance / interval + 1
        let (shared, isTooLong) = interval.multipliedReportingOverflow(by: nodes)
        guard !isTooLong else { return self }
        return GCRA(burst: UInt16(clamping: (burst - 1) / nodes + 1), intervalMicroseconds: shared)
    }

    enum Decision: Equatable {
        /// The key's new TAT.
        case conforming(next: Int64)
        /// How long until one would conform.
        case early(by: Int64)
    }

    /// Nothing conforming can leave a TAT beyond now + tau + T: one that is was left by a clock that has since been set
    /// back, and counts as that much. It must be stored so: else it would go ahead of `now` until the clock has caught up.
    func bounded(stored: Int64, at now: Int64) -> Int64 {
        min(stored, now.addingSaturating(tolerance).addingSaturating(interval))
    }

    /// What one more reservation at `now` comes to for a key whose TAT is `stored`.
    func decide(stored: Int64, at now: Int64) -> Decision {
        let arrival = max(bounded(stored: stored, at: now), now)
        let earliest = arrival.subtractingSaturating(tolerance)
        guard now >= earliest else { return .early(by: earliest.subtractingSaturating(now)) }
        return .conforming(next: arrival.addingSaturating(interval))
    }

    /// The TAT after one reservation is given back. Never before now: giving back cannot earn credit.
    func givingBack(stored: Int64, at now: Int64) -> Int64 {
        max(now, stored.subtractingSaturating(interval))
    }
}

extension Int64 {
    func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    func subtractingSaturating(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
