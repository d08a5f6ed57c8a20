import Testing

@testable import Auth

@Suite struct RefreshRuleTests {
    let start = UnixTime(seconds: 1_800_000_000)
    let grace: Int64 = 60_000

    func session(counter: UInt32, rotatedAt: UnixTime?) -> StoredSession {
        StoredSession(
            id: Identifier(high: 1, low: 1), userID: Identifier(high: 2, low: 2), userVersion: 1, createdAt: start,
            lastUsedAt: start, idleExpiresAt: start.adding(seconds: 7 * 86_400),
            absoluteExpiresAt: start.adding(seconds: 30 * 86_400), counter: counter, rotatedAt: rotatedAt,
            sealedSecret: [])
    }

    func decide(
        _ counter: UInt32, presented: UInt32, rotatedAt: UnixTime?, at now: UnixTime, proof: Bool = true,
        grace: Int64 = 60_000
    ) -> RefreshDecision {
        RefreshRule.decide(
            session(counter: counter, rotatedAt: rotatedAt), presented: presented, proofIsValid: proof, at: now,
            graceMilliseconds: grace)
    }

    @Test func `a first use always rotates`() {
        #expect(decide(0, presented: 0, rotatedAt: nil, at: start) == .rotate(to: 1))
        #expect(decide(0, presented: 0, rotatedAt: nil, at: start.adding(milliseconds: 1)) == .rotate(to: 1))
    }

    @Test func `the current token repeats within the grace and rotates from its end on`() {
        #expect(decide(5, presented: 5, rotatedAt: start, at: start) == .repeatCurrent)
        #expect(decide(5, presented: 5, rotatedAt: start, at: start.adding(milliseconds: grace - 1)) == .repeatCurrent)
        #expect(decide(5, presented: 5, rotatedAt: start, at: start.adding(milliseconds: grace)) == .rotate(to: 6))
        #expect(decide(5, presented: 5, rotatedAt: start, at: start.adding(seconds: 86_400)) == .rotate(to: 6))
    }

    @Test func `the one before repeats within the grace and is reuse from its end on`() {
        #expect(decide(5, presented: 4, rotatedAt: start, at: start) == .repeatCurrent)
        #expect(decide(5, presented: 4, rotatedAt: start, at: start.adding(milliseconds: grace - 1)) == .repeatCurrent)
        #expect(decide(5, presented: 4, rotatedAt: start, at: start.adding(milliseconds: grace)) == .endAsReused)
        #expect(decide(5, presented: 4, rotatedAt: nil, at: start) == .endAsReused)
    }

    @Test func `an older one is reuse even within the grace`() {
        #expect(decide(5, presented: 3, rotatedAt: start, at: start) == .endAsReused)
        #expect(decide(5, presented: 0, rotatedAt: start, at: start) == .endAsReused)
        #expect(decide(.max, presented: 0, rotatedAt: start, at: start) == .endAsReused)
    }

    @Test func `a token ahead of its row is adopted, with a good proof alone`() {
        #expect(decide(5, presented: 6, rotatedAt: start, at: start) == .adopt(6))
        #expect(decide(5, presented: 9, rotatedAt: nil, at: start) == .adopt(9))
        #expect(decide(0, presented: .max, rotatedAt: nil, at: start) == .adopt(.max))
        #expect(decide(5, presented: 6, rotatedAt: start, at: start, proof: false) == .endAsReused)
    }

    @Test func `a bad proof ends the session wherever its counter stands`() {
        for presented in [UInt32(0), 4, 5, 6, .max] {
            #expect(decide(5, presented: presented, rotatedAt: start, at: start, proof: false) == .endAsReused)
        }
    }

    @Test func `lifetimes end the session quietly, at their very moment`() {
        let idle = start.adding(seconds: 7 * 86_400)
        #expect(decide(5, presented: 5, rotatedAt: nil, at: idle.adding(milliseconds: -1)) == .rotate(to: 6))
        #expect(decide(5, presented: 5, rotatedAt: nil, at: idle) == .endAsExpired)
        #expect(decide(5, presented: 5, rotatedAt: idle, at: idle) == .endAsExpired)
        #expect(decide(5, presented: 0, rotatedAt: idle, at: idle, proof: false) == .endAsExpired)
    }

    @Test func `without a grace every use rotates and every former token is reuse`() {
        #expect(decide(5, presented: 5, rotatedAt: start, at: start, grace: 0) == .rotate(to: 6))
        #expect(decide(5, presented: 4, rotatedAt: start, at: start, grace: 0) == .endAsReused)
        let earlier = start.adding(milliseconds: -5)
        #expect(decide(5, presented: 4, rotatedAt: start, at: earlier, grace: 0) == .endAsReused)
    }

    @Test func `a clock set back since the rotation counts as within the grace`() {
        let earlier = start.adding(seconds: -3600)
        #expect(decide(5, presented: 4, rotatedAt: start, at: earlier) == .repeatCurrent)
    }

    @Test func `the last counter ends the session instead of overflowing`() {
        #expect(decide(.max, presented: .max, rotatedAt: nil, at: start) == .endAsExpired)
        #expect(decide(.max, presented: .max, rotatedAt: start, at: start) == .repeatCurrent)
    }
}
