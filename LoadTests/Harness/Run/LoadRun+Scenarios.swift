import Reactor

/// One scenario of a run, and what is made of it.
extension LoadRun {
    func measure(_ name: ScenarioName, _ scene: Scene, _ loops: [EventLoop]) throws(RunError) -> ScenarioResult {
        let seconds = settings.seconds(of: name)
        if settings.targets.contains(where: Consent.isNeeded) { try askConsent(scene, on: loops[0]) }
        var scene = scene
        let own = name.ownSessions(accounts: settings.users, seconds: seconds)
        if own > 0 { scene.ownSessions = try signIn(scene, own, on: loops[0]) }
        tell("\(name.rawValue) for \(Int(seconds)) s")
        let rates = RatePlan(capacity: scene.capacity, options: settings.options)
        switch name {
        case .verify:
            return try peace(
                name, VerifyScenario(scene, rates.verify), scene, loops, [("rate", rates.verify.description)])
        case .login:
            return try peace(
                name, LoginScenario(scene, rates.login), scene, loops, [("rate", rates.login.description)])
        case .refresh:
            return try peace(
                name, RefreshScenario(scene, rates.refresh), scene, loops, [("rate", rates.refresh.description)])
        case .mixed:
            return try peace(
                name, MixedScenario(scene, rates.mixed), scene, loops, [("people", rates.mixed.description)])
        case .siege: return try siege(scene, loops, rates.siege)
        case .attack(let kind): return try attack(kind, scene, loops, rates.attack(kind))
        }
    }

    private func peace(
        _ name: ScenarioName, _ scenario: any Scenario, _ scene: Scene, _ loops: [EventLoop],
        _ words: [(name: String, value: String)]
    ) throws(RunError) -> ScenarioResult {
        let measurement = measurement(
            scene, loops, name.rawValue, settings.seconds(of: name), warmUp: settings.warmUp,
            connections: settings.connections)
        let (outcome, events) = try withFaults(measurement) { () throws(RunError) in try measurement.run(scenario) }
        return result(name, outcome, outcome.operations, events, words)
    }

    private func siege(
        _ scene: Scene, _ loops: [EventLoop], _ rates: (verify: Pacing, login: Pacing)
    ) throws(RunError) -> ScenarioResult {
        let seconds = settings.seconds(of: .siege)
        // Halves of two seconds at least: shorter ones have no p99 to speak of.
        let waves = min(5, max(1, Int(seconds / 4)))
        let scenario = SiegeScenario(scene, verify: rates.verify, login: rates.login, waves: waves)
        let measurement = measurement(
            scene, loops, "siege", seconds, warmUp: settings.warmUp, connections: settings.connections)
        let witness = Witness(settings)
        defer { witness.close() }
        let half = seconds / Double(waves * 2)
        let moments = (0...waves * 2).map { number in
            Measurement.Moment(at: half * Double(number)) { witness.lookAtProcesses() }
        }
        let (outcome, events) = try withFaults(measurement) { () throws(RunError) in
            try measurement.run(scenario, moments: moments)
        }
        var (operations, figures) = SiegeScenario.digest(outcome.operations, waves: waves)
        figures.append(witness.siegeCost(threads: settings.profile.threads.loops))
        operations.sort { $0.name == "verify" && $1.name != "verify" }
        var result = result(
            .siege, outcome, operations, events,
            [("verify", rates.verify.description), ("login in waves", rates.login.description), ("waves", "\(waves)")])
        result.defence = figures
        for wave in 0..<waves {
            let start = half * Double(wave * 2 + 1)
            result.events.append(RunEvent(at: start, "logins, wave \(wave + 1)", until: start + half))
        }
        return result
    }

    private func attack(
        _ kind: AttackKind, _ scene: Scene, _ loops: [EventLoop], _ rates: AttackScenario.Rates
    ) throws(RunError) -> ScenarioResult {
        let name = ScenarioName.attack(kind)
        let scenario = AttackScenario(kind, scene, rates, duration: settings.seconds(of: name))
        let measurement = measurement(
            scene, loops, kind.rawValue, Double(scenario.times.end), warmUp: settings.warmUp,
            connections: settings.connections)
        let witness = Witness(settings)
        defer { witness.close() }
        let times = scenario.times
        let moments = [
            Measurement.Moment(at: 0) { witness.lookAtProcesses() },
            Measurement.Moment(at: Double(times.attack.lowerBound)) {
                witness.lookAtMetrics()
                witness.lookAtProcesses()
            },
            Measurement.Moment(at: Double(times.attack.upperBound)) { witness.lookAtProcesses() },
            // Guesses of the attack may wait for their hash beyond its end.
            Measurement.Moment(at: Double(times.end)) { witness.lookAtMetrics() },
        ]
        let (outcome, events) = try withFaults(measurement) { () throws(RunError) in
            try measurement.run(scenario, moments: moments)
        }
        let rate = kind.isGuessing || kind == .connectionChurn ? [("attack", rates.attack.description)] : []
        var result = result(
            name, outcome, outcome.operations, events,
            rate + [("real users", rates.real.description), ("verify", rates.verify.description)])
        if kind.isGuessing { result.settings.append(("addresses", "\(settings.options.bots)")) }
        result.events.append(
            RunEvent(at: Double(times.attack.lowerBound), kind.rawValue, until: Double(times.attack.upperBound)))
        guard let tally = outcome.tally else { return result }
        var board = Scoreboard(tally: tally, end: min(times.end, Int(outcome.seconds.rounded(.down))))
        witness.tell(&board)
        result.defence = board.figures(kind.groups) + (kind == .slowloris ? [tally.cutOff] : [])
        return result
    }

    private func result(
        _ name: ScenarioName, _ outcome: Measurement.Outcome, _ operations: [OperationResult], _ events: [RunEvent],
        _ words: [(name: String, value: String)]
    ) -> ScenarioResult {
        var result = ScenarioResult(name: name.rawValue, seconds: outcome.seconds)
        result.settings = words + [("connections", "\(settings.connections)"), ("accounts", "\(settings.users)")]
        result.operations = operations
        result.generator = outcome.generator
        result.events = events
        return result
    }

    /// Faults come in the scenario that runs at their time: each scenario has the whole schedule.
    private func withFaults(
        _ measurement: Measurement, _ body: () throws(RunError) -> Measurement.Outcome
    ) throws(RunError) -> (Measurement.Outcome, [RunEvent]) {
        guard !settings.faults.isEmpty else { return (try body(), []) }
        let schedule: FaultSchedule
        do throws(SystemError) {
            schedule = try FaultSchedule(settings.faults, origin: measurement.plan.start)
        } catch {
            throw .system("The faults cannot be scheduled: \(error).")
        }
        let outcome: Measurement.Outcome
        do throws(RunError) {
            outcome = try body()
        } catch {
            _ = schedule.finish()
            throw error
        }
        return (outcome, schedule.finish())
    }
}
