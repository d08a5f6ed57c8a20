import Reactor

/// An attack, with real users and a gateway beside it: rest, the attack, recovery.
package struct AttackScenario: Scenario {
    package struct Rates: Sendable {
        package var attack: Pacing
        /// People who want in.
        package var real: Pacing
        package var verify: Pacing

        package init(attack: Pacing, real: Pacing, verify: Pacing) {
            self.attack = attack
            self.real = real
            self.verify = verify
        }
    }

    let kind: AttackKind
    let scene: Scene
    let rates: Rates
    package let times: AttackTimes

    package init(_ kind: AttackKind, _ scene: Scene, _ rates: Rates, duration: Double) {
        self.kind = kind
        self.scene = scene
        self.rates = rates
        times = AttackTimes(duration: duration)
    }

    package func begin(on generator: Generator) {
        generator.tally = AttackTally(attack: times.attack, first: -Int(generator.plan.warmUp.rounded(.up)))
        addVerify(generator)
        addRealUsers(generator)
        switch kind {
        case .stuffing, .spray, .brute, .lowAndSlow, .lockout: addGuesses(generator)
        case .refreshRace: RefreshRace(scene, generator).begin(rates.attack, start: start(generator), duration: length)
        case .refreshReplay: RefreshReplay(scene, generator, times).begin()
        case .slowloris: SlowConnections(scene, generator).begin(start: start(generator), seconds: length)
        case .connectionChurn: addChurn(generator)
        }
        if kind.groups.contains(.revocation), generator.share == 0 {
            RevocationProbe(scene, generator).begin(start: start(generator), seconds: times.attack.count)
        }
    }

    private func start(_ generator: Generator) -> MonotonicTime {
        generator.plan.start.adding(nanoseconds: UInt64(times.attack.lowerBound) * 1_000_000_000)
    }

    private var length: Double { Double(times.attack.count) }

    // MARK: Beside it

    private func addVerify(_ generator: Generator) {
        let recorder = generator.recorder("verify")
        let stream = VerifyStream(scene, generator)
        generator.addStream(rates.verify) { turn in
            stream.send(turn.index, intended: turn.intended) { answer in
                generator.record(answer, intended: turn.intended, in: recorder)
                let second = generator.second(of: turn.intended)
                if answer.fate == .ok {
                    generator.tally?.verify(at: second, nanoseconds: answer.done.nanoseconds(since: turn.intended))
                } else {
                    generator.tally?.verifyFailed(at: second)
                }
            }
        }
    }

    private func addRealUsers(_ generator: Generator) {
        // All of them, and by class: the table shows them in this order.
        for name in ["real", "real.known", "real.new"] { _ = generator.recorder(name) }
        let (scene, kind) = (scene, kind)
        let victims = Guesses(kind, scene).victimCount
        generator.addStream(rates.real) { turn in
            let isVictim = kind == .lockout && turn.index.isMultiple(of: 2)
            let person =
                isVictim
                ? SignIn.victim(abs(turn.index) / 2, of: victims, scene) : SignIn(turn.index, of: scene)
            generator.spawn { generator in
                var outcome = await person.attempt(on: generator, of: scene, intended: turn.intended)
                outcome.login.isVictim = isVictim
                let own = generator.recorder(person.isKnown ? "real.known" : "real.new")
                for recorder in [generator.recorder("real"), own] {
                    generator.record(outcome, intended: turn.intended, in: recorder)
                }
                generator.tally?.real(outcome.login)
            }
        }
    }

    // MARK: The attack

    private func addGuesses(_ generator: Generator) {
        let recorder = generator.recorder("attack")
        let (guesses, login, scene) = (Guesses(kind, scene), scene.operation(.login), scene)
        generator.addStream(rates.attack, from: start(generator), duration: length, warmUp: 0) { turn in
            let guess = guesses[turn.index]
            var variables = scene.given
            variables["username"] = guess.username
            variables["password"] = guess.password
            generator.ask(login, variables, of: scene, from: guess.address, intended: turn.intended) { answer in
                let outcome = AttackTally.Outcome(answer)
                recorder.record(
                    answer.attackFate, status: answer.status, intended: turn.intended, sent: answer.sent,
                    done: answer.done)
                generator.tally?.attempt(
                    at: generator.second(of: turn.intended), outcome, account: guess.account)
            }
        }
    }

    /// A connection each, and a request that costs next to nothing.
    private func addChurn(_ generator: Generator) {
        let recorder = generator.recorder("attack")
        let (verify, scene) = (scene.operation(.verify), scene)
        let addresses = ClientAddresses(.bots, seed: scene.seed)
        var variables = scene.given
        for name in verify.requiredVariables where variables[name] == nil { variables[name] = "none" }
        let bare = variables
        generator.addStream(rates.attack, from: start(generator), duration: length, warmUp: 0) { turn in
            generator.askOnce(
                verify, bare, of: scene, from: addresses[turn.index % scene.options.bots], intended: turn.intended
            ) { answer in
                recorder.record(
                    answer.attackFate, status: answer.status, intended: turn.intended, sent: answer.sent,
                    done: answer.done)
                generator.tally?.attempt(
                    at: generator.second(of: turn.intended), answer.end == .answered ? .refused : .init(answer),
                    account: nil)
            }
        }
    }
}

extension SignIn {
    /// An owner whom a lockout is after: on the device of old, or on a new one.
    static func victim(_ number: Int, of victims: Int, _ scene: Scene) -> SignIn {
        let session = scene.sessions[number % victims]
        let isKnown = (number / victims).isMultiple(of: 2)
        return SignIn(
            person: number, account: session.person,
            address: scene.userAddress(isKnown ? session.person : scene.sessions.count + number), isKnown: isKnown,
            deviceToken: isKnown ? session.variables["device_token"] : nil, mistypes: false)
    }
}

extension AttackTally.Outcome {
    init(_ answer: Answer) {
        switch (answer.end, answer.verdict) {
        case (.refused, _): self = .refusedConnection
        case (.answered, .success): self = .compromised
        case (.answered, .refused): self = .refused
        case (.answered, .throttled): self = .throttled
        case (.answered, .unavailable): self = .unavailable
        default: self = .failed
        }
    }
}

extension Answer {
    /// Of an attack's request every answer that the profile knows is a good one: the target stood.
    var attackFate: Fate {
        if end == .answered { return verdict == .unexpected ? .unexpected : .ok }
        return fate
    }
}
