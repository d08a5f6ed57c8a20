import LoadTests
import Reactor
import Testing

@Suite("Scoreboard")
struct ScoreboardTests {
    static func values(_ board: Scoreboard, _ groups: Set<Scoreboard.Group>) -> [String: Figure.Value] {
        Dictionary(uniqueKeysWithValues: board.figures(groups).map { ($0.name, $0.value) })
    }

    private static func login(
        _ device: RealLogin.Device, at second: Int, _ milliseconds: UInt64?, turnedAway: Bool = false,
        lookedAt: UInt64 = 1, isVictim: Bool = false
    ) -> RealLogin {
        var login = RealLogin(device: device, begun: second)
        login.latency = milliseconds.map { $0 * 1_000_000 }
        login.wasTurnedAway = turnedAway
        login.lookedAt = lookedAt
        login.isVictim = isVictim
        return login
    }

    @Test("Of a run that saw nothing every figure is unknown or zero, and none is left out")
    func nothing() {
        let board = Scoreboard(tally: AttackTally(attack: 5..<15), end: 20)
        let figures = board.figures(Set(Scoreboard.Group.allCases))
        #expect(figures.count == Set(figures.map(\.name)).count)
        let measured = figures.filter { if case .unknown = $0.value { false } else { true } }
        #expect(measured.map(\.name) == ["compromised", "attempts", "attempts_per_second"])
        #expect(measured.allSatisfy { $0.value == .count(0) })
        #expect(board.figures([]).isEmpty)
        let early = Scoreboard(tally: AttackTally(attack: 5..<15), end: 3)
        #expect(
            ScoreboardTests.values(early, [.guesses])["attempts_per_second"] == .unknown("the attack did not begin"))
    }

    @Test("Guesses are counted by account, and those of real users are taken off the checks")
    func guesses() {
        var tally = AttackTally(attack: 0..<10)
        var other = AttackTally(attack: 0..<10)
        tally.attempt(at: 1, .refused, account: 3)
        tally.attempt(at: 1, .compromised, account: 3)
        other.attempt(at: 1, .compromised, account: 3)
        other.attempt(at: 2, .refused, account: 4)
        other.attempt(at: 2, .throttled, account: 4)
        other.attempt(at: 3, .refused, account: nil)
        tally.real(ScoreboardTests.login(.known, at: 4, 20, lookedAt: 2))
        tally.real(ScoreboardTests.login(.known, at: 12, 20, lookedAt: 2))
        tally.merge(other)
        var board = Scoreboard(tally: tally, end: 15)
        board.plantedAccounts = 4
        board.passwordChecks = .known(CounterIncrease(amount: 9, resets: 0))
        board.otherChecks = 1
        var values = ScoreboardTests.values(board, [.guesses])
        #expect(values["compromised"] == .count(1))
        #expect(values["compromised_share"] == .share(0.25))
        #expect(values["attempts"] == .count(6))
        #expect(values["attempts_per_second"] == .count(1))
        #expect(values["guesses_checked"] == .count(6))
        #expect(values["guess_budget"] == nil)
        // A look after the attack has checks in it of those who came after it.
        board.checksEnd = 13
        #expect(ScoreboardTests.values(board, [.guesses])["guesses_checked"] == .count(4))
        board.checksEnd = -1
        #expect(ScoreboardTests.values(board, [.guesses])["guesses_checked"] == .count(8))
        board.checksEnd = nil
        board.accountCap = 100
        board.passwordChecks = .known(CounterIncrease(amount: 1, resets: 0))
        values = ScoreboardTests.values(board, [.guesses])
        #expect(values["guess_budget"] == .count(400))
        #expect(values["beyond_budget"] == .count(3))
        #expect(values["guesses_checked"] == .count(0))
        board.passwordChecks = .known(CounterIncrease(amount: 9, resets: 1))
        board.accountCap = .max
        values = ScoreboardTests.values(board, [.guesses])
        #expect(values["guesses_checked"] == .unknown("a node began to count anew during the attack"))
        #expect(values["guess_budget"] == .count(.max))
    }

    @Test("Who never got in counts as slower than everybody, and only logins begun in the attack count")
    func realUsers() {
        var tally = AttackTally(attack: 10..<20)
        for index in 0..<97 { tally.real(ScoreboardTests.login(.known, at: 10, UInt64(index + 1))) }
        tally.real(ScoreboardTests.login(.known, at: 19, 11_000, turnedAway: true))
        tally.real(ScoreboardTests.login(.known, at: 19, nil, turnedAway: true))
        tally.real(ScoreboardTests.login(.known, at: 19, nil, turnedAway: true))
        tally.real(ScoreboardTests.login(.known, at: 9, nil, turnedAway: true))
        tally.real(ScoreboardTests.login(.known, at: 20, nil, turnedAway: true))
        let values = ScoreboardTests.values(Scoreboard(tally: tally, end: 30), [.realUsers, .lockout])
        #expect(values["real_success"] == .share(0.97))
        #expect(values["real_known_success"] == .share(0.97))
        #expect(values["real_known_p99"] == .never)
        guard case .milliseconds(let p95) = values["real_known_p95"] else {
            Issue.record("the p95 is no time")
            return
        }
        #expect(abs(p95 - 95) < 0.1)
        #expect(values["real_new_success"] == .unknown("no real user of this class wanted in"))
        #expect(values["real_new_p99"] == .unknown("no real user of this class wanted in"))
        #expect(values["lockout_victims_denied"] == .unknown("no victim wanted in"))
    }

    @Test("Lockout, replay, race and revocation are what was seen of them")
    func others() {
        var tally = AttackTally(attack: 0..<10)
        tally.real(ScoreboardTests.login(.new, at: 1, 5, isVictim: true))
        tally.real(ScoreboardTests.login(.new, at: 1, nil, isVictim: true))
        tally.replay(isAccepted: true)
        tally.replay(isAccepted: false)
        tally.race(isSignedOut: false)
        var other = AttackTally(attack: 0..<10)
        other.race(isSignedOut: true)
        other.real(ScoreboardTests.login(.known, at: 1, nil, isVictim: true))
        for _ in 0..<99 { tally.revocation(lag: 2_000_000) }
        other.revocationUnseen()
        tally.merge(other)
        let board = Scoreboard(tally: tally, end: 15)
        let values = ScoreboardTests.values(board, [.lockout, .replay, .race, .revocation])
        #expect(values["lockout_victims_denied"] == .share(1 - 1.0 / 3))
        #expect(values["replay_accepted"] == .count(1))
        #expect(values["false_logouts"] == .count(1))
        #expect(values["revocation_max"] == .never)
        for name in ["revocation_p50", "revocation_p99"] {
            guard case .milliseconds(let lag) = values[name] else {
                Issue.record("\(name) is no time")
                continue
            }
            #expect(abs(lag - 2) < 0.01)
        }
    }
}
