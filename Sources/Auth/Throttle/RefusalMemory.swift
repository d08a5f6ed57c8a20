/// Which keys were refused by counters elsewhere, and until when: what is tried again before costs no round trip. A plain
/// value; whoever owns it serialises access. Times are microseconds of one monotonic clock.
///
/// Nothing is remembered for longer than a second, since others may give a reservation back or forget a key meanwhile. Sets
/// of four entries as in `ThrottleTable`; the one that ends first goes, which costs a round trip and nothing else.
package struct RefusalMemory: Sendable {
    package static let longestMicroseconds: Int64 = 1_000_000
    /// 512 KiB: what a node meets in a second under attack.
    package static let standardCapacity = 16_384

    private struct Entry {
        var high: UInt64 = 0
        var low: UInt64 = 0
        /// From when on one would conform.
        var until: Int64 = .min
        var forgottenAt: Int64 = .min
    }

    private static let ways = 4

    private let setMask: UInt64
    private var entries: [Entry]

    /// `capacity` is rounded up to a power of two, between 4 and a million.
    package init(capacity: Int = RefusalMemory.standardCapacity) {
        var sets = 1
        while sets * RefusalMemory.ways < min(capacity, 1 << 20) { sets *= 2 }
        setMask = UInt64(sets - 1)
        entries = Array(repeating: Entry(), count: sets * RefusalMemory.ways)
    }

    /// Remembers that `key` is refused until `until`, as was learned of a question sent at `now`: so it is never refused
    /// here when it would conform there.
    package mutating func note(_ key: ThrottleKey, until: Int64, at now: Int64) {
        var victim = set(of: key).lowerBound
        for index in set(of: key) {
            if entries[index].high == key.high, entries[index].low == key.low {
                victim = index
                break
            }
            if entries[index].forgottenAt < entries[victim].forgottenAt { victim = index }
        }
        entries[victim] = Entry(
            high: key.high, low: key.low, until: until,
            forgottenAt: min(until, now.addingSaturating(RefusalMemory.longestMicroseconds)))
    }

    /// The one of `keys` that is refused longest at `now`, with how long.
    package func refusal(among keys: [ThrottleKey], at now: Int64) -> (rule: ThrottleRule, microseconds: Int64)? {
        var longest: (rule: ThrottleRule, microseconds: Int64)?
        for key in keys {
            guard let index = index(of: key), entries[index].forgottenAt > now else { continue }
            let wait = entries[index].until.subtractingSaturating(now)
            if wait > longest?.microseconds ?? 0 { longest = (key.rule, wait) }
        }
        return longest
    }

    package mutating func forget(_ keys: [ThrottleKey]) {
        for key in keys {
            if let index = index(of: key) { entries[index] = Entry() }
        }
    }

    private func set(of key: ThrottleKey) -> Range<Int> {
        let start = Int(truncatingIfNeeded: key.low & setMask) * RefusalMemory.ways
        return start..<(start + RefusalMemory.ways)
    }

    private func index(of key: ThrottleKey) -> Int? {
        set(of: key).first { entries[$0].high == key.high && entries[$0].low == key.low }
    }
}
