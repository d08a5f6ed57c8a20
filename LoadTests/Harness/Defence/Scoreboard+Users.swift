/// What real users had of it: at login by class, and at verify.
extension Scoreboard {
    var realUserFigures: [Figure] {
        let all = tally.known + tally.new
        var figures = [
            success("real_success", "real users let in within 10 s", all),
            success("real_known_success", "on a known device", tally.known),
            success("real_new_success", "on a new device", tally.new),
        ]
        for (name, title, users) in [
            ("real_known", "known device", tally.known), ("real_new", "new device", tally.new),
        ] {
            for (quantile, percent) in [("p95", 95.0), ("p99", 99.0)] {
                let value = Scoreboard.quantile(
                    percent, of: users.latency, all: users.begun, none: "no real user of this class wanted in")
                figures.append(Figure("\(name)_\(quantile)", "\(title), time to be in, \(quantile)", value))
            }
        }
        return figures
    }

    private func success(_ name: String, _ title: String, _ users: RealLoginTally) -> Figure {
        Figure(name, title, users.success.map { .share($0) } ?? .unknown("no real user of this class wanted in"))
    }

    var verifyFigures: [Figure] {
        let idle = verifyQuantile(tally.verifyIdle, "no verify was answered before the attack")
        let busy = verifyQuantile(tally.verifyUnderAttack, "no verify was answered during the attack")
        let ratio: Figure.Value
        switch (idle, busy) {
        case (.known(let idle), .known(let busy)): ratio = .ratio(busy / max(idle, 1))
        case (.unknown(let reason), _), (_, .unknown(let reason)): ratio = .unknown(reason)
        }
        var figures = [
            Figure("verify_p99_idle", "verify p99 at rest", Scoreboard.milliseconds(idle)),
            Figure("verify_p99_attack", "verify p99 under attack", Scoreboard.milliseconds(busy)),
            Figure("verify_p99_ratio", "verify p99, attack to rest", ratio),
        ]
        if let loopThreads { figures.append(cpuPerVerify(loopThreads)) }
        return figures
    }

    /// In nanoseconds.
    private func verifyQuantile(_ histogram: LatencyHistogram, _ none: String) -> Known<Double> {
        histogram.isEmpty ? .unknown(none) : .known(Double(histogram.percentile(99)))
    }

    private static func milliseconds(_ nanoseconds: Known<Double>) -> Figure.Value {
        switch nanoseconds {
        case .known(let nanoseconds): .milliseconds(nanoseconds / 1e6)
        case .unknown(let reason): .unknown(reason)
        }
    }

    /// CPU of the event loops for each verify, attack to rest. What the loops do for the attack itself is in it.
    private func cpuPerVerify(_ prefix: String) -> Figure {
        let name = "cpu_per_verify_ratio"
        let title = "CPU of the loops for each verify, attack to rest"
        var perVerify: [Double] = []
        for (deltas, verifies) in [
            (deltas(\.idle, \.attack), tally.verifyIdle.count), (attackDeltas, tally.verifyUnderAttack.count),
        ] {
            switch deltas {
            case .unknown(let reason): return Figure(name, title, .unknown(reason))
            case .known(let deltas):
                let used = deltas.compactMap { $0.nanoseconds(ofThreads: prefix) }
                guard used.count == deltas.count else {
                    return Figure(name, title, .unknown("a process has no thread named \(prefix)"))
                }
                guard verifies > 0 else { return Figure(name, title, .unknown("no verify was answered in a phase")) }
                perVerify.append(used.reduce(0) { $0 + Double($1) } / Double(verifies))
            }
        }
        guard perVerify[0] > 0 else { return Figure(name, title, .unknown("no CPU was seen at rest")) }
        return Figure(name, title, .ratio(perVerify[1] / perVerify[0]))
    }
}
