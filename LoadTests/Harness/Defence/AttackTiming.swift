/// How soon a target noticed an attack, and how soon it was over it, by the seconds of a tally.
struct AttackTiming {
    /// How many seconds in a row make a finding.
    private static let run = 3

    let tally: AttackTally
    /// The attack as it took place: cut short when the run was.
    let attack: Range<Int>
    /// The second after the last one of which all outcomes are known.
    let end: Int

    /// Seconds from the attack's first to the first of three in a row in which more than half of its attempts were turned
    /// away without a look at the password. Seconds without an attempt are passed over.
    var timeToDetect: Figure.Value {
        var begin: Int?
        var length = 0
        var active = 0
        for second in attack {
            guard let found = tally[second], found.attemptCount > 0 else { continue }
            active += 1
            if found.turnedAwayCount > found.attemptCount / 2 {
                begin = begin ?? second
                length += 1
                if length == AttackTiming.run { return .seconds(Double((begin ?? second) - attack.lowerBound)) }
            } else {
                begin = nil
                length = 0
            }
        }
        if active < AttackTiming.run {
            return .unknown("attempts in \(active) seconds only, \(AttackTiming.run) are needed")
        }
        return .never
    }

    /// Seconds from the attack's end to the first of three in which every real login begun was let in at the first try
    /// that should have been, and verify was as good as idle. Three in which nobody wanted in prove nothing.
    var timeToRecover: Figure.Value {
        let from = attack.upperBound
        guard end - from >= AttackTiming.run else {
            return .unknown("the run did not last \(AttackTiming.run) s beyond the attack")
        }
        var isTold = false
        for second in from...(end - AttackTiming.run) {
            let seconds = (second..<second + AttackTiming.run).compactMap { tally[$0] }
            guard seconds.contains(where: tells) else { continue }
            isTold = true
            if seconds.allSatisfy(isCalm) { return .seconds(Double(second - from)) }
        }
        return isTold ? .never : .unknown("nobody logged in after the attack")
    }

    /// Whether there is something to judge the second by: real logins, or verify where the scenario has no real users.
    private func tells(_ second: AttackTally.Second) -> Bool {
        second.realBegun > 0 || !hasRealUsers && (second.verify != nil || second.verifyFailed > 0)
    }

    private func isCalm(_ second: AttackTally.Second) -> Bool {
        guard second.realTurnedAway == 0, second.verifyFailed == 0 else { return false }
        guard let verify = second.verify, let limit = verifyLimit else { return true }
        return verify.percentile(99) <= limit
    }

    private var hasRealUsers: Bool { tally.known.begun + tally.new.begun > 0 }

    /// Nanoseconds that verify's p99 may be: half more than idle, or a millisecond more, which is noise; nil when idle is
    /// not known.
    private var verifyLimit: UInt64? {
        guard !tally.verifyIdle.isEmpty else { return nil }
        let idle = tally.verifyIdle.percentile(99)
        return max(idle + idle / 2, idle + 1_000_000)
    }
}
