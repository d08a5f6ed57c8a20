import Reactor

/// Honest clients with bad luck: several tabs renew one session at the same time, and only one of the replies arrives.
/// Whoever is then signed out was signed out by accident.
final class RefreshRace {
    /// Renewals of one session at once.
    private static let tabs = 4

    private let scene: Scene
    private let generator: Generator
    private var free: [Session]

    init(_ scene: Scene, _ generator: Generator) {
        self.scene = scene
        self.generator = generator
        free = scene.ownSessions.enumerated().filter { $0.offset % generator.plan.shares == generator.share }
            .map(\.element)
    }

    func begin(_ pacing: Pacing, start: MonotonicTime, duration: Double) {
        _ = generator.recorder("race")
        generator.addStream(pacing, from: start, duration: duration, warmUp: 0) { [self] turn in
            // All are racing: there is nobody whom this turn could be about.
            guard let session = free.popLast() else { return }
            let pick = abs(turn.index) % RefreshRace.tabs
            race(session, pick: pick, intended: turn.intended)
        }
    }

    private func race(_ session: Session, pick: Int, intended: MonotonicTime) {
        let recorder = generator.recorder("race")
        let refresh = scene.operation(.refresh)
        let address = scene.userAddress(session.person)
        var left = RefreshRace.tabs
        var kept: Answer?
        for tab in 0..<RefreshRace.tabs {
            generator.ask(refresh, session.variables, of: scene, from: address, intended: intended) { [self] answer in
                generator.record(answer, intended: intended, in: recorder)
                left -= 1
                if tab == pick { kept = answer }
                guard left == 0, let kept else { return }
                follow(session, kept)
            }
        }
    }

    /// The client goes on with the one reply that it got; with none, it repeats what it has.
    private func follow(_ session: Session, _ kept: Answer) {
        guard !generator.isClosing else { return }
        var session = session
        if kept.isSuccess { session.variables = kept.variables }
        generator.ask(
            scene.operation(.refresh), session.variables, of: scene, from: scene.userAddress(session.person),
            intended: .now
        ) { [self] answer in
            if answer.verdict == .refused || answer.verdict == .success {
                generator.tally?.race(isSignedOut: answer.verdict == .refused)
            }
            guard answer.verdict != .refused else { return }
            var session = session
            if answer.isSuccess { session.variables = answer.variables }
            free.insert(session, at: 0)
        }
    }
}

/// A thief has copied refresh tokens: one that its owner used since then, beyond the grace in which a repeat is honest;
/// and one whose session was signed out. Neither may be worth anything.
struct RefreshReplay {
    private let scene: Scene
    private let generator: Generator
    private let times: AttackTimes

    init(_ scene: Scene, _ generator: Generator, _ times: AttackTimes) {
        self.scene = scene
        self.generator = generator
        self.times = times
    }

    func begin() {
        _ = generator.recorder("replay")
        let own = scene.ownSessions.enumerated().filter { $0.offset % generator.plan.shares == generator.share }
        let (scene, times) = (scene, times)
        // A few a second from the attack's first on, each in a flow of its own.
        for (index, session) in own {
            let wait = Double(times.attack.lowerBound) + 0.2 * Double(index)
            generator.spawn { generator in
                await generator.sleep(
                    seconds: Double(generator.plan.start.nanoseconds(since: .now)) / 1e9 + wait)
                if index.isMultiple(of: 2) {
                    await RefreshReplay.replayUsed(session, scene, generator, times)
                } else {
                    await RefreshReplay.replaySignedOut(session, scene, generator)
                }
            }
        }
    }

    private static func replayUsed(
        _ session: Session, _ scene: Scene, _ generator: Generator, _ times: AttackTimes
    ) async {
        let refresh = scene.operation(.refresh)
        let left = Double(times.end) - Double(generator.second(of: .now)) - 1
        // Without the time for it this run cannot tell.
        guard scene.options.refreshGrace + 1 < left else { return }
        let used = await generator.ask(refresh, session.variables, of: scene, from: scene.userAddress(session.person))
        guard used.isSuccess else { return }
        await generator.sleep(seconds: scene.options.refreshGrace + 1)
        await replay(session, scene, generator)
    }

    private static func replaySignedOut(_ session: Session, _ scene: Scene, _ generator: Generator) async {
        guard let logout = scene.profile[.logout], !generator.isClosing else { return }
        let out = await generator.ask(logout, session.variables, of: scene, from: scene.userAddress(session.person))
        guard out.isSuccess else { return }
        await replay(session, scene, generator)
    }

    private static func replay(_ session: Session, _ scene: Scene, _ generator: Generator) async {
        guard !generator.isClosing else { return }
        let intended = MonotonicTime.now
        let thief = ClientAddresses(.bots, seed: scene.seed)[session.person]
        let answer = await generator.ask(
            scene.operation(.refresh), session.variables, of: scene, from: thief, intended: intended)
        let recorder = generator.recorder("replay")
        recorder.record(
            answer.attackFate, status: answer.status, intended: intended, sent: answer.sent, done: answer.done)
        if answer.end == .answered, answer.verdict == .success || answer.verdict == .refused {
            generator.tally?.replay(isAccepted: answer.verdict == .success)
        }
    }
}

/// How long a token is still taken after its session was signed out, on another node where there are several.
struct RevocationProbe {
    /// What one probe waits for at most, and how often it asks.
    private static let longestSeconds = 5.0
    private static let intervalSeconds = 0.002

    private let scene: Scene
    private let generator: Generator

    init(_ scene: Scene, _ generator: Generator) {
        self.scene = scene
        self.generator = generator
    }

    /// Signs out the scene's own sessions, evenly over `seconds` from `start`.
    func begin(start: MonotonicTime, seconds: Int) {
        guard scene.profile[.logout] != nil, !scene.ownSessions.isEmpty else { return }
        let (scene, gap) = (scene, Double(seconds) / Double(scene.ownSessions.count + 1))
        for (index, session) in scene.ownSessions.enumerated() {
            generator.spawn { generator in
                let wait = Double(start.nanoseconds(since: .now)) / 1e9 + gap * Double(index + 1)
                await generator.sleep(seconds: wait)
                await RevocationProbe.probe(session, index, scene, generator)
            }
        }
    }

    private static func probe(_ session: Session, _ index: Int, _ scene: Scene, _ generator: Generator) async {
        guard !generator.isClosing, let logout = scene.profile[.logout] else { return }
        let nodes = scene.endpoints.count
        let out = await generator.ask(
            logout, session.variables, of: scene, from: scene.userAddress(session.person), endpoint: index % nodes)
        guard out.isSuccess else { return }
        let deadline = out.done.adding(nanoseconds: UInt64(longestSeconds * 1e9))
        while MonotonicTime.now < deadline, !generator.isCutOff {
            let asked = await generator.ask(
                scene.operation(.verify), session.variables, of: scene, endpoint: (index + 1) % nodes)
            if asked.verdict == .refused {
                generator.tally?.revocation(lag: asked.done.nanoseconds(since: out.done))
                return
            }
            await generator.sleep(seconds: intervalSeconds)
        }
        if !generator.isCutOff { generator.tally?.revocationUnseen() }
    }
}
