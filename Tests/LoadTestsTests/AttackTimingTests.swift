import LoadTests
import Testing

@Suite("Time to detect and to recover")
struct AttackTimingTests {
    private func detect(_ seconds: [[AttackTally.Outcome]], end: Int = 100) -> Figure.Value? {
        var tally = AttackTally(attack: 10..<10 + seconds.count)
        for (index, outcomes) in seconds.enumerated() {
            for outcome in outcomes { tally.attempt(at: 10 + index, outcome, account: nil) }
        }
        return ScoreboardTests.values(Scoreboard(tally: tally, end: end), [.timing])["time_to_detect"]
    }

    @Test("Half is not more than half, and two seconds in a row are not three")
    func undetected() {
        #expect(detect([[.throttled, .refused], [.throttled, .refused], [.throttled, .refused]]) == .never)
        #expect(detect([[.throttled], [.throttled], [.refused], [.throttled], [.throttled]]) == .never)
        #expect(detect([[.failed], [.failed], [.failed]]) == .never)
        #expect(detect([[.compromised], [.compromised], [.compromised]]) == .never)
        #expect(detect([[.throttled], [.throttled]]) == .unknown("attempts in 2 seconds only, 3 are needed"))
        #expect(
            detect([[.throttled], [.throttled], [.throttled]], end: 12)
                == .unknown("attempts in 2 seconds only, 3 are needed"))
    }

    @Test("The first of three seconds counts from the attack's first, and empty seconds are passed over")
    func detected() {
        #expect(detect([[.throttled], [.unavailable], [.refusedConnection]]) == .seconds(0))
        let mixed: [AttackTally.Outcome] = [.throttled, .throttled, .refused]
        #expect(detect([[.refused], [.throttled], [.refused], mixed, mixed, mixed]) == .seconds(3))
        #expect(detect([[.refused], [], [.throttled], [], [.throttled], [.throttled]]) == .seconds(2))
    }

    /// `seconds` follow the attack; each says what becomes of the login that begins in it, and verify's milliseconds.
    private func recover(_ seconds: [(login: Bool?, verify: UInt64?)], idle: UInt64 = 1) -> Figure.Value? {
        var tally = AttackTally(attack: 2..<4)
        tally.real(RealLogin(device: .known, begun: 2))
        for second in 0..<2 { tally.verify(at: second, nanoseconds: idle * 1_000_000) }
        for (index, second) in seconds.enumerated() {
            if let isIn = second.login {
                var login = RealLogin(device: .known, begun: 4 + index)
                login.latency = 5
                login.wasTurnedAway = !isIn
                tally.real(login)
            }
            if let verify = second.verify { tally.verify(at: 4 + index, nanoseconds: verify * 1_000_000) }
        }
        let board = Scoreboard(tally: tally, end: 4 + seconds.count)
        return ScoreboardTests.values(board, [.timing])["time_to_recover"]
    }

    @Test("Nobody who wants in proves nothing, and a run that ends with the attack tells nothing")
    func unknown() {
        #expect(recover([(true, 1), (true, 1)]) == .unknown("the run did not last 3 s beyond the attack"))
        #expect(recover([(nil, 1), (nil, 1), (nil, 1)]) == .unknown("nobody logged in after the attack"))
        #expect(recover([(nil, nil), (nil, nil), (nil, nil)]) == .unknown("nobody logged in after the attack"))
    }

    @Test("A login that was turned away, and a slow verify, put recovery off")
    func late() {
        #expect(recover([(true, 1), (true, 1), (true, 1)]) == .seconds(0))
        #expect(recover([(false, 1), (true, 1), (nil, nil), (true, 1)]) == .seconds(1))
        #expect(recover([(true, 3), (true, 1), (nil, 2), (true, 1)]) == .seconds(1))
        #expect(recover([(true, 16), (true, 14), (true, 14), (true, 14)], idle: 10) == .seconds(1))
        #expect(recover([(true, 1), (true, 1), (false, 1), (true, 1)]) == .never)
        #expect(recover([(true, 9), (true, 9), (true, 9)]) == .never)
    }

    @Test("A verify that failed is no calm second, and without real users verify alone tells")
    func verifyAlone() {
        var tally = AttackTally(attack: 2..<4)
        for second in [0, 1, 4, 5, 6, 7, 8] { tally.verify(at: second, nanoseconds: 1_000_000) }
        tally.verifyFailed(at: 5)
        #expect(
            ScoreboardTests.values(Scoreboard(tally: tally, end: 9), [.timing])["time_to_recover"] == .seconds(2))
    }
}
