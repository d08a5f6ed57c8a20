/// How well a target stood an attack: what a run found out, made into the figures of the scoreboard.
///
/// Nothing is guessed: what the target gives no way to know is unknown, and says why. docs/LOADTEST-SCOREBOARD.md defines
/// each figure.
package struct Scoreboard: Sendable {
    /// Figures that belong together; a scenario asks for those that concern it.
    package enum Group: Sendable, CaseIterable {
        /// Guesses: planted accounts that fell, attempts, what was looked at.
        case guesses
        /// The CPU that the attack cost.
        case cost
        case realUsers
        /// Verify under attack against verify at rest.
        case verify
        /// Time to detect and to recover.
        case timing
        case revocation
        case lockout
        case replay
        case race
    }

    /// What one process of the target used: looked at when the idle phase began, when the attack began, when it ended.
    package struct ProcessWindow: Sendable {
        package var idle: ProcessUsage?
        package var attack: ProcessUsage?
        package var end: ProcessUsage?

        package init(idle: ProcessUsage?, attack: ProcessUsage?, end: ProcessUsage?) {
            self.idle = idle
            self.attack = attack
            self.end = end
        }
    }

    package var tally: AttackTally
    /// The second after the last one of which all outcomes are known, from the scenario's start.
    package var end: Int
    /// Accounts that the run planted for the attack.
    package var plantedAccounts = 0
    /// Guesses that the target looks at for one account within the attack, as configured in the profile; nil: no cap.
    package var accountCap: UInt64?
    /// How far the target's counter of password checks went from the attack's first second to `checksEnd`, on all nodes.
    package var passwordChecks: Known<CounterIncrease> = .unknown("no metrics URL was given")
    /// The second in which the counter was read for the last time; nil: when the attack ended. Later is better: guesses
    /// that wait in a queue then are counted, and real users' tries are taken off for as long.
    package var checksEnd: Int?
    /// Password checks in that time that were neither the attack's nor the real users': the run's own.
    package var otherChecks: UInt64 = 0
    /// Seconds of CPU that the target's counter of password hashing went during the attack.
    package var hashSeconds: Known<CounterIncrease> = .unknown("no metrics URL was given")
    /// Every process of the target that runs here; empty when none is known.
    package var processes: [ProcessWindow] = []
    /// How names of threads begin that compute hashes, and that are event loops; nil when the profile does not say.
    package var hashThreads: String?
    package var loopThreads: String?

    package init(tally: AttackTally, end: Int) {
        self.tally = tally
        self.end = end
    }

    /// The attack as it took place: an interrupted run cuts it short.
    var attack: Range<Int> { tally.attack.lowerBound..<max(tally.attack.lowerBound, min(tally.attack.upperBound, end)) }

    /// In the order of the table, whatever the order of `groups`.
    package func figures(_ groups: Set<Group>) -> [Figure] {
        Group.allCases.filter(groups.contains).flatMap { group in
            switch group {
            case .guesses: guessFigures
            case .cost: [hashCost]
            case .realUsers: realUserFigures
            case .verify: verifyFigures
            case .timing: timingFigures
            case .revocation: revocationFigures
            case .lockout: [lockoutFigure]
            case .replay: [replayFigure]
            case .race: [raceFigure]
            }
        }
    }

    private var timingFigures: [Figure] {
        let timing = AttackTiming(tally: tally, attack: attack, end: end)
        return [
            Figure("time_to_detect", "time until most of the attack was turned away", timing.timeToDetect),
            Figure("time_to_recover", "time from the attack's end to normal", timing.timeToRecover),
        ]
    }

    private var revocationFigures: [Figure] {
        let lag = tally.revocationLag
        return [("p50", 50.0), ("p99", 99.0), ("max", 100.0)].map { name, percent in
            let value = Scoreboard.quantile(
                percent, of: lag, all: lag.count + tally.revocationsUnseen, none: "nothing was revoked")
            return Figure("revocation_\(name)", "revocation lag, \(name)", value)
        }
    }

    private var lockoutFigure: Figure {
        Figure(
            "lockout_victims_denied", "victims' logins that failed",
            tally.victims.success.map { .share(1 - $0) } ?? .unknown("no victim wanted in"))
    }

    private var replayFigure: Figure {
        Figure(
            "replay_accepted", "replayed refresh tokens that were accepted",
            tally.replays == 0 ? .unknown("nothing was replayed") : .count(tally.replaysAccepted))
    }

    private var raceFigure: Figure {
        Figure(
            "false_logouts", "honest clients signed out in a race",
            tally.races == 0 ? .unknown("no race took place") : .count(tally.falseLogouts))
    }

    /// The quantile over all, of which those that are not in the histogram took for ever: `.never` when it is one of them.
    static func quantile(_ percent: Double, of found: LatencyHistogram, all: UInt64, none: String) -> Figure.Value {
        guard all > 0 else { return .unknown(none) }
        let rank = max(1, (Double(all) * percent / 100).rounded(.up))
        guard rank <= Double(found.count) else { return .never }
        return .milliseconds(Double(found.percentile(rank / Double(found.count) * 100)) / 1e6)
    }
}
