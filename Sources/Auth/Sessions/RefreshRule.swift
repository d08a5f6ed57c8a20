/// The table of design section 5: what a presented refresh token does to its session. Pure; the store runs it inside the
/// transaction that carries the decision out, with the database's time.
package enum RefreshRule {
    /// `presented` is the counter of a token whose tag was good; `proofIsValid` whether its proof was made with the
    /// session's own secret. Within the grace means less than `graceMilliseconds` (0...300000) after the rotation.
    package static func decide(
        _ session: StoredSession, presented: UInt32, proofIsValid: Bool, at now: UnixTime, graceMilliseconds: Int64
    ) -> RefreshDecision {
        guard now < session.idleExpiresAt, now < session.absoluteExpiresAt else { return .endAsExpired }
        guard proofIsValid else { return .endAsReused }
        if presented > session.counter { return .adopt(presented) }
        let isWithinGrace = RefreshRule.isWithin(graceMilliseconds, since: session.rotatedAt, at: now)
        if presented == session.counter {
            if isWithinGrace { return .repeatCurrent }
            let (next, overflow) = session.counter.addingReportingOverflow(1)
            // Once a second for 136 years: the session is over, nothing was reused.
            return overflow ? .endAsExpired : .rotate(to: next)
        }
        // `presented` is below the counter, so the difference cannot underflow.
        if session.counter - presented == 1, isWithinGrace { return .repeatCurrent }
        return .endAsReused
    }

    /// A clock that was set back since the rotation counts as no time passed.
    private static func isWithin(_ grace: Int64, since rotation: UnixTime?, at now: UnixTime) -> Bool {
        guard let rotation else { return false }
        return grace > 0 && now < rotation.adding(milliseconds: grace)
    }
}
