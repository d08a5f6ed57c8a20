/// The counters of one process: a bounded map from key to TAT. A plain value; whoever owns it serialises access.
///
/// Sets of eight entries, the set chosen by bits of the key (a keyed HMAC: nobody can aim at a set). An entry whose TAT
/// has passed says the same as no entry and is overwritten first. In a set that is full of live ones the entry nearest
/// to its TAT goes: of all it is the one whose loss grants least. That is safe because nothing rests on these counters
/// alone: comparisons with an account are capped by its attempts in the store, and hashing by the pool's queue.
package struct ThrottleTable: Sendable {
    /// 6 MiB: the addresses, networks, names and pairs of a botnet of 50,000 fit with room to spare.
    package static let standardCapacity = 262_144

    private struct Entry {
        var high: UInt64 = 0
        var low: UInt64 = 0
        /// Microseconds; the past means idle.
        var arrival: Int64 = .min
    }

    private static let ways = 8

    /// Of all nodes together.
    private let whole: ThrottleLimits
    /// Of this one.
    private var limits: ThrottleLimits
    private var nodes = 1
    private let setMask: UInt64
    private var entries: [Entry]
    /// No entry is live from then on.
    private var latestArrival: Int64 = .min
    /// How many live entries had to go for others, for the metrics.
    package private(set) var evictions: UInt64 = 0

    /// `capacity` is rounded up to a power of two, between 64 and 16 million.
    package init(limits: ThrottleLimits = ThrottleLimits(), capacity: Int = ThrottleTable.standardCapacity) {
        whole = limits
        self.limits = limits
        var sets = 64 / ThrottleTable.ways
        while sets * ThrottleTable.ways < min(capacity, 1 << 24) { sets *= 2 }
        setMask = UInt64(sets - 1)
        entries = Array(repeating: Entry(), count: sets * ThrottleTable.ways)
    }

    package var capacity: Int { entries.count }

    /// Allows from now on what is one node's share when `count` count apart. What was counted before stays: a TAT means
    /// the same under any limits.
    package mutating func share(among count: Int) {
        guard count != nodes else { return }
        nodes = count
        limits = whole.shared(among: count)
    }

    /// See `LoginThrottle.reserve`. `keys` are few and all different.
    package mutating func reserve(_ keys: [ThrottleKey], at now: UnixTime) -> ThrottleVerdict {
        let now = ThrottleTable.microseconds(now)
        var arrivals: [Int64] = []
        arrivals.reserveCapacity(keys.count)
        var refusal: (rule: ThrottleRule, wait: Int64)?
        for key in keys {
            let limit = limits[key.rule]
            var stored = now
            if let index = index(of: key) {
                entries[index].arrival = limit.bounded(stored: entries[index].arrival, at: now)
                stored = entries[index].arrival
            }
            switch limit.decide(stored: stored, at: now) {
            case .conforming(let next): arrivals.append(next)
            case .early(let wait):
                if wait > refusal?.wait ?? 0 { refusal = (key.rule, wait) }
            }
        }
        if let refusal {
            return .refused(by: refusal.rule, retryAfterMilliseconds: max(1, refusal.wait.addingSaturating(999) / 1000))
        }
        for (key, arrival) in zip(keys, arrivals) { store(arrival, for: key, at: now) }
        return .reserved(ThrottleReservation(keys: keys))
    }

    /// Counts those of `keys` that are counted here already and not idle yet;
    package mutating func reserveLive(_ keys: [ThrottleKey], at now: UnixTime) -> LiveVerdict {
        let microseconds = ThrottleTable.microseconds(now)
        if latestArrival <= microseconds { return .reserved([]) }
        let live = keys.filter { key in index(of: key).map { entries[$0].arrival > microseconds } ?? false }
        if case .refused(let rule, let wait) = reserve(live, at: now) {
            return .refused(by: rule, retryAfterMilliseconds: wait)
        }
        return .reserved(live)
    }

    /// What `reserveLive` comes to.
    package enum LiveVerdict: Sendable, Equatable {
        case reserved([ThrottleKey])
        case refused(by: ThrottleRule, retryAfterMilliseconds: Int64)
    }

    /// See `LoginThrottle.giveBack`. A key that was evicted or went idle since has nothing to give back.
    package mutating func giveBack(_ reservation: ThrottleReservation, at now: UnixTime) {
        giveBack(reservation.keys, at: now)
    }

    /// Takes back what was just counted under `keys`, of whatever rule.
    package mutating func giveBack(_ keys: [ThrottleKey], at now: UnixTime) {
        let now = ThrottleTable.microseconds(now)
        for key in keys {
            guard let index = index(of: key), entries[index].arrival > now else { continue }
            entries[index].arrival = limits[key.rule].givingBack(stored: entries[index].arrival, at: now)
        }
    }

    /// See `LoginThrottle.forget`.
    package mutating func forget(_ keys: [ThrottleKey]) {
        for key in keys {
            if let index = index(of: key) { entries[index].arrival = .min }
        }
    }

    /// How many entries are not idle; walks the table, for the metrics and tests.
    package func liveCount(at now: UnixTime) -> Int {
        let now = ThrottleTable.microseconds(now)
        return entries.count { $0.arrival > now }
    }

    private func set(of key: ThrottleKey) -> Range<Int> {
        let start = Int(truncatingIfNeeded: key.low & setMask) * ThrottleTable.ways
        return start..<(start + ThrottleTable.ways)
    }

    private func index(of key: ThrottleKey) -> Int? {
        set(of: key).first { entries[$0].high == key.high && entries[$0].low == key.low }
    }

    private mutating func store(_ arrival: Int64, for key: ThrottleKey, at now: Int64) {
        latestArrival = max(latestArrival, arrival)
        var victim = set(of: key).lowerBound
        for index in set(of: key) {
            if entries[index].high == key.high, entries[index].low == key.low {
                entries[index].arrival = arrival
                return
            }
            if entries[index].arrival < entries[victim].arrival { victim = index }
        }
        if entries[victim].arrival > now { evictions &+= 1 }
        entries[victim] = Entry(high: key.high, low: key.low, arrival: arrival)
    }

    private static func microseconds(_ time: UnixTime) -> Int64 {
        let (value, overflow) = time.milliseconds.multipliedReportingOverflow(by: 1000)
        return overflow ? (time.milliseconds < 0 ? .min : .max) : value
    }
}
