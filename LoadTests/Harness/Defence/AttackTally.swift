/// What an attack and the real users beside it came to, as one thread saw it; threads merge theirs at the end.
///
/// Seconds count from the scenario's start and may be negative (its warm-up). Everything is filed under the second in
/// which it was due, not in which its answer came: a target that is slow to turn an attack away is not quick because of
/// that. Whatever lies beyond the first or the last second that is kept counts for that one.
package struct AttackTally: Sendable {
    /// How one attempt of the attack ended.
    package enum Outcome: Int, Sendable, CaseIterable {
        /// Let in: the guess was right.
        case compromised
        /// 401: the password was looked at, or may have been.
        case refused
        /// 429 or 403: turned away without a look.
        case throttled
        /// 503.
        case unavailable
        /// No connection was to be had.
        case refusedConnection
        /// A timeout, a broken connection, or an answer that is none of these.
        case failed

        /// Whether it tells that no password was looked at.
        package var isTurnedAway: Bool { self == .throttled || self == .unavailable || self == .refusedConnection }
    }

    /// What became of one planted account under attack.
    package struct Account: Sendable, Equatable {
        package var attempts: UInt64 = 0
        /// Answered by `compromised` or `refused`.
        package var lookedAt: UInt64 = 0
        package var isCompromised = false
    }

    struct Second: Sendable {
        var attempts = [UInt64](repeating: 0, count: Outcome.allCases.count)
        var realBegun: UInt64 = 0
        /// Real logins that were not let in at the first try that should have been.
        var realTurnedAway: UInt64 = 0
        /// Tries of the real users who began in it that were answered by 200 or 401.
        var realLookedAt: UInt64 = 0
        var verifyFailed: UInt64 = 0
        /// Nil until one is answered: a day has many seconds.
        var verify: LatencyHistogram?

        var attemptCount: UInt64 { attempts.reduce(0, +) }
        var turnedAwayCount: UInt64 {
            Outcome.allCases.filter(\.isTurnedAway).reduce(0) { $0 + attempts[$1.rawValue] }
        }

        mutating func record(verify nanoseconds: UInt64) {
            if verify == nil { verify = LatencyHistogram(.coarse) }
            verify?.record(nanoseconds)
        }

        mutating func merge(verify other: LatencyHistogram?) {
            guard let other else { return }
            if verify == nil { verify = other } else { verify?.merge(other) }
        }
    }

    /// A day.
    private static let mostSeconds = 86_400

    /// When the attack is on, in seconds from the scenario's start.
    package let attack: Range<Int>
    private let first: Int
    private var seconds: [Second] = []
    package private(set) var accounts: [Int: Account] = [:]
    var known = RealLoginTally()
    var new = RealLoginTally()
    var victims = RealLoginTally()
    var verifyIdle = LatencyHistogram()
    var verifyUnderAttack = LatencyHistogram()
    var revocationLag = LatencyHistogram()
    var revocationsUnseen: UInt64 = 0
    var replays: UInt64 = 0
    var replaysAccepted: UInt64 = 0
    var races: UInt64 = 0
    var falseLogouts: UInt64 = 0

    /// `first` is the earliest second that is kept: 0, or less with a warm-up.
    package init(attack: Range<Int>, first: Int = 0) {
        self.attack = attack
        self.first = first
    }

    /// `account` is the number of the planted account that was attacked, nil when the name belongs to nobody.
    package mutating func attempt(at second: Int, _ outcome: Outcome, account: Int?) {
        seconds[slot(second)].attempts[outcome.rawValue] += 1
        guard let account else { return }
        accounts[account, default: Account()].attempts += 1
        switch outcome {
        case .compromised:
            accounts[account]?.lookedAt += 1
            accounts[account]?.isCompromised = true
        case .refused: accounts[account]?.lookedAt += 1
        case .throttled, .unavailable, .refusedConnection, .failed: break
        }
    }

    package mutating func real(_ login: RealLogin) {
        let slot = slot(login.begun)
        seconds[slot].realBegun += 1
        if login.wasTurnedAway || login.latency == nil { seconds[slot].realTurnedAway += 1 }
        seconds[slot].realLookedAt += login.lookedAt
        guard attack.contains(login.begun) else { return }
        if login.isVictim { victims.record(login) }
        switch login.device {
        case .known: known.record(login)
        case .new: new.record(login)
        }
    }

    /// A verify that was answered as it should be, `nanoseconds` after it was due.
    package mutating func verify(at second: Int, nanoseconds: UInt64) {
        seconds[slot(second)].record(verify: nanoseconds)
        if second < attack.lowerBound {
            // The warm-up is nobody's measure.
            if second >= 0 { verifyIdle.record(nanoseconds) }
        } else if second < attack.upperBound {
            verifyUnderAttack.record(nanoseconds)
        }
    }

    package mutating func verifyFailed(at second: Int) { seconds[slot(second)].verifyFailed += 1 }

    /// A token was first refused this long after its revocation was answered.
    package mutating func revocation(lag nanoseconds: UInt64) { revocationLag.record(nanoseconds) }

    /// A revoked token was still good when nobody looked any more.
    package mutating func revocationUnseen() { revocationsUnseen += 1 }

    /// A used refresh token was presented again, when the target's rules no longer allow it.
    package mutating func replay(isAccepted: Bool) {
        replays += 1
        if isAccepted { replaysAccepted += 1 }
    }

    /// An honest client refreshed several times at once, or repeated a refresh whose answer was lost.
    package mutating func race(isSignedOut: Bool) {
        races += 1
        if isSignedOut { falseLogouts += 1 }
    }

    /// Adds what another thread saw of the same attack.
    package mutating func merge(_ other: AttackTally) {
        for (index, second) in other.seconds.enumerated() {
            let slot = slot(other.first + index)
            for outcome in second.attempts.indices { seconds[slot].attempts[outcome] += second.attempts[outcome] }
            seconds[slot].realBegun += second.realBegun
            seconds[slot].realTurnedAway += second.realTurnedAway
            seconds[slot].realLookedAt += second.realLookedAt
            seconds[slot].verifyFailed += second.verifyFailed
            seconds[slot].merge(verify: second.verify)
        }
        accounts.merge(other.accounts) { mine, theirs in
            Account(
                attempts: mine.attempts + theirs.attempts, lookedAt: mine.lookedAt + theirs.lookedAt,
                isCompromised: mine.isCompromised || theirs.isCompromised)
        }
        known.merge(other.known)
        new.merge(other.new)
        victims.merge(other.victims)
        verifyIdle.merge(other.verifyIdle)
        verifyUnderAttack.merge(other.verifyUnderAttack)
        revocationLag.merge(other.revocationLag)
        revocationsUnseen += other.revocationsUnseen
        replays += other.replays
        replaysAccepted += other.replaysAccepted
        races += other.races
        falseLogouts += other.falseLogouts
    }

    /// Of one second; nil when nothing was due in it.
    subscript(second: Int) -> Second? {
        let index = second - first
        return seconds.indices.contains(index) ? seconds[index] : nil
    }

    /// Attempts of the whole run by their outcome.
    package func attempts(_ outcome: Outcome) -> UInt64 { seconds.reduce(0) { $0 + $1.attempts[outcome.rawValue] } }
    package var attempts: UInt64 { seconds.reduce(0) { $0 + $1.attemptCount } }

    /// Tries of real users who began in these seconds that were answered by 200 or 401.
    func realChecks(in range: Range<Int>) -> UInt64 {
        range.reduce(0) { $0 + (self[$1]?.realLookedAt ?? 0) }
    }

    private mutating func slot(_ second: Int) -> Int {
        let index = min(max(0, second - first), AttackTally.mostSeconds - 1)
        while seconds.count <= index { seconds.append(Second()) }
        return index
    }
}
