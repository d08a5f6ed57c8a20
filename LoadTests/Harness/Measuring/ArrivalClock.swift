import Reactor

/// One thread's share of a pacing: of `shares` threads, thread `share` takes every `shares`th request.
struct ArrivalClock {
    /// A request that is due.
    struct Arrival {
        /// Over all threads, from 0; negative in the warm-up.
        let index: Int
        /// When it should go.
        let at: MonotonicTime
    }

    private let pacing: Pacing
    /// Where the measured time begins and ends, and how long the warm-up before it is, in seconds.
    private let start: MonotonicTime
    private let duration: Double
    private let shares: Int
    private var next: Int
    private(set) var upcoming: Arrival?

    init(_ pacing: Pacing, start: MonotonicTime, duration: Double, warmUp: Double, share: Int, of shares: Int) {
        self.pacing = pacing
        self.start = start
        self.duration = duration
        self.shares = shares
        let warming = Int((pacing.initialRate * warmUp).rounded(.down))
        // The first of this share at or after the beginning of the warm-up.
        next = -warming + ((share + warming) % shares + shares) % shares
        upcoming = arrival(next)
    }

    /// Takes the next request if it is due.
    mutating func popDue(at now: MonotonicTime) -> Arrival? {
        guard let due = upcoming, due.at <= now else { return nil }
        next += shares
        upcoming = arrival(next)
        return due
    }

    private func arrival(_ index: Int) -> Arrival? {
        if index >= 0 {
            guard let seconds = pacing.time(of: index, duration: duration) else { return nil }
            return Arrival(index: index, at: start.adding(nanoseconds: UInt64(seconds * 1e9)))
        }
        let before = UInt64(Double(-index) / pacing.initialRate * 1e9)
        return Arrival(
            index: index, at: MonotonicTime(nanoseconds: start.nanoseconds > before ? start.nanoseconds - before : 0))
    }
}
