/// What the attack got, and what it cost.
extension Scoreboard {
    var guessFigures: [Figure] {
        let compromised = UInt64(tally.accounts.values.count(where: \.isCompromised))
        let seconds = Double(attack.count)
        var figures = [
            Figure("compromised", "planted accounts compromised", .count(compromised)),
            Figure(
                "compromised_share", "share of the planted accounts",
                plantedAccounts > 0
                    ? .share(min(1, Double(compromised) / Double(plantedAccounts)))
                    : .unknown("no account was planted for the attack")),
            Figure("attempts", "attempts of the attack", .count(tally.attempts)),
            Figure(
                "attempts_per_second", "attempts a second",
                seconds > 0 ? Scoreboard.count(Double(tally.attempts) / seconds) : .unknown("the attack did not begin")),
            Figure("guesses_checked", "guesses that reached a password check", guessesChecked),
        ]
        if let accountCap {
            let (budget, tooMany) = UInt64(max(0, plantedAccounts)).multipliedReportingOverflow(by: accountCap)
            figures.append(Figure("guess_budget", "guesses that the caps allow", .count(tooMany ? .max : budget)))
            figures.append(
                Figure(
                    "beyond_budget", "most guesses looked at on one account (cap \(accountCap))",
                    .count(tally.accounts.values.map(\.lookedAt).max() ?? 0)))
        }
        return figures
    }

    private var guessesChecked: Figure.Value {
        switch passwordChecks {
        case .unknown(let reason): return .unknown(reason)
        case .known(let increase):
            guard increase.resets == 0 else { return .unknown("a node began to count anew during the attack") }
            let looked = attack.lowerBound..<max(attack.lowerBound, checksEnd ?? attack.upperBound)
            let checks = increase.amount - Double(tally.realChecks(in: looked)) - Double(otherChecks)
            return Scoreboard.count(checks)
        }
    }

    /// Rounded; below zero is zero.
    private static func count(_ number: Double) -> Figure.Value {
        .count(UInt64(exactly: max(0, number).rounded()) ?? .max)
    }

    /// Milliseconds for 1,000 attempts: by the target's own metric, else of its hash threads, else of its whole process.
    var hashCost: Figure {
        let title = "CPU for 1,000 attempts"
        func figure(_ nanoseconds: Double, _ source: String) -> Figure {
            guard tally.attempts > 0 else {
                return Figure("hash_cpu_per_1000", title, .unknown("no attempt was made"))
            }
            let cost = nanoseconds / 1e6 / Double(tally.attempts) * 1_000
            return Figure("hash_cpu_per_1000", "\(title) (\(source))", .milliseconds(cost))
        }
        if case .known(let increase) = hashSeconds, increase.resets == 0 {
            return figure(increase.amount * 1e9, "the target's metric")
        }
        switch attackDeltas {
        case .unknown(let reason): return Figure("hash_cpu_per_1000", title, .unknown(reason))
        case .known(let deltas):
            if let hashThreads {
                let used = deltas.compactMap { $0.nanoseconds(ofThreads: hashThreads) }
                if used.count == deltas.count { return figure(used.reduce(0) { $0 + Double($1) }, "hash threads") }
            }
            return figure(deltas.reduce(0) { $0 + Double($1.nanoseconds) }, "the whole process")
        }
    }

    /// What each process used during the attack.
    var attackDeltas: Known<[ProcessDelta]> { deltas(\.attack, \.end) }

    func deltas(
        _ from: KeyPath<ProcessWindow, ProcessUsage?>, _ to: KeyPath<ProcessWindow, ProcessUsage?>
    ) -> Known<[ProcessDelta]> {
        guard !processes.isEmpty else { return .unknown("the target's process is not known here") }
        var deltas: [ProcessDelta] = []
        for process in processes {
            guard let earlier = process[keyPath: from], let later = process[keyPath: to],
                let delta = ProcessDelta(from: earlier, to: later)
            else { return .unknown("a process of the target ended meanwhile") }
            deltas.append(delta)
        }
        return .known(deltas)
    }
}
