import Reactor

/// How sure one loop may be that it knows every revocation there is (design section 8). On its loop only.
///
/// A node alone writes its revocations itself and is always sure. In a fleet the feed confirms, again and again, that the
/// set was complete at some moment; what was revoked later may be missing.
///
/// `@unchecked Sendable`: made before its loop serves, then touched only on that loop.
final class RevocationFreshness: @unchecked Sendable {
    enum Standing: Sendable, Equatable {
        /// Confirmed two seconds ago at most: answers need no word about it.
        case confirmed
        /// Answers say how old the set is, in whole seconds, rounded up.
        case aged(seconds: Int)
        /// Older than a minute: whether a token is good cannot be said.
        case lost
        /// The loop was paused and nobody has looked since: an answer waits, for a moment, until somebody has.
        case resuming
    }

    static let plainNanoseconds: UInt64 = 2_000_000_000
    static let longestNanoseconds: UInt64 = 60_000_000_000
    /// How long an answer waits after a pause: as long as a poll may take.
    static let holdMilliseconds: Int64 = 500

    private let loop: EventLoop
    /// The set was complete then. The distant future: always.
    private(set) var confirmedAt: MonotonicTime
    private var waiting: [UnsafeContinuation<Void, Never>] = []
    private var timer: TimerID?

    /// Sure for ever; with `awaitingFeed` not before the first confirmation.
    init(loop: EventLoop, awaitingFeed: Bool = false) {
        self.loop = loop
        confirmedAt = awaitingFeed ? MonotonicTime(nanoseconds: 0) : .distantFuture
    }

    /// The set was complete at `moment`. Those of before change nothing.
    func confirm(at moment: MonotonicTime) {
        guard moment > confirmedAt else { return }
        confirmedAt = moment
        if standing == .confirmed { release() }
    }

    /// The one comparison that the hot path makes.
    @inline(__always) var isConfirmed: Bool {
        loop.now.nanoseconds(since: confirmedAt) <= RevocationFreshness.plainNanoseconds
    }

    var standing: Standing {
        RevocationFreshness.standing(confirmedAt: confirmedAt, resumedAt: loop.resumedAt, at: loop.now)
    }

    static func standing(
        confirmedAt: MonotonicTime, resumedAt: MonotonicTime, at now: MonotonicTime
    ) -> Standing {
        let age = now.nanoseconds(since: confirmedAt)
        if age <= plainNanoseconds { return .confirmed }
        if confirmedAt < resumedAt, now < resumedAt.adding(milliseconds: holdMilliseconds) { return .resuming }
        if age > longestNanoseconds { return .lost }
        return .aged(seconds: Int((age + 999_999_999) / 1_000_000_000))
    }

    /// After a pause: returns when the set was confirmed since, or when nothing more is to be waited for.
    func settle() async {
        while standing == .resuming {
            await withUnsafeContinuation { continuation in
                waiting.append(continuation)
                if timer == nil { scheduleRelease() }
            }
        }
    }

    private func scheduleRelease() {
        let deadline = loop.resumedAt.adding(milliseconds: RevocationFreshness.holdMilliseconds)
        timer = loop.schedule(at: deadline) { [weak self] in
            self?.timer = nil
            self?.release()
        }
    }

    private func release() {
        if let timer { loop.cancel(timer) }
        timer = nil
        let released = waiting
        waiting = []
        for continuation in released { continuation.resume() }
    }
}
