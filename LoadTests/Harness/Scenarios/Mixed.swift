import Reactor

/// A day's mix, in a minute: people come, most on a device that is known, some mistype; each does a few things with the
/// session, renews it, and some sign out.
package struct MixedScenario: Scenario {
    /// Of those who came.
    private static let logoutShare = 0.3
    /// What one does: checks of the token in rounds, with a renewal between them.
    private static let rounds = 3
    private static let checksARound = 5
    /// Between two requests of one person, in seconds, on average.
    private static let thinking = 0.2

    let scene: Scene
    let pacing: Pacing

    /// `pacing`: people who come, a second.
    package init(_ scene: Scene, _ pacing: Pacing) {
        self.scene = scene
        self.pacing = pacing
    }

    package func begin(on generator: Generator) {
        // Made here, so that their order is the same in every run.
        let names =
            ["login", "verify"] + [OperationName.refresh, .logout].filter { scene.profile[$0] != nil }.map(\.rawValue)
        let recorders = Recorders(names.map { generator.recorder($0) })
        generator.addStream(pacing) { turn in
            let scene = scene
            generator.spawn { generator in
                await MixedScenario.person(turn.index, turn.intended, scene, generator, recorders)
            }
            generator.finished(turn, isAnswered: true)
        }
    }

    /// The recorders of one loop, for its flows.
    private struct Recorders: @unchecked Sendable {
        // They go from a loop to tasks of that loop and nowhere else.
        let recorders: [OperationRecorder]

        init(_ recorders: [OperationRecorder]) { self.recorders = recorders }

        func of(_ name: OperationName) -> OperationRecorder? { recorders.first { $0.name == name.rawValue } }
    }

    private static func person(
        _ index: Int, _ intended: MonotonicTime, _ scene: Scene, _ generator: Generator, _ recorders: Recorders
    ) async {
        var random = SplitMix64(seed: scene.seed, stream: 65, index: UInt64(bitPattern: Int64(index)))
        let signIn = SignIn(index, of: scene)
        let outcome = await signIn.attempt(on: generator, of: scene, intended: intended)
        if let recorder = recorders.of(.login) { generator.record(outcome, intended: intended, in: recorder) }
        guard var session = outcome.session else { return }
        for round in 0..<rounds {
            for _ in 0..<checksARound {
                await generator.sleep(seconds: thinking * 2 * random.fraction())
                _ = await step(.verify, &session, nil, scene, generator, recorders)
            }
            if round < rounds - 1 {
                let isIn = await step(.refresh, &session, signIn.address, scene, generator, recorders)
                guard isIn else { return }
            }
        }
        if random.fraction() < logoutShare {
            _ = await step(.logout, &session, signIn.address, scene, generator, recorders)
        }
    }

    /// True when the person may go on. Nothing begins once the run is at its end.
    private static func step(
        _ name: OperationName, _ session: inout Session, _ address: SyntheticAddress?, _ scene: Scene,
        _ generator: Generator, _ recorders: Recorders
    ) async -> Bool {
        guard let operation = scene.profile[name], let recorder = recorders.of(name) else { return true }
        if generator.isClosing { return false }
        let intended = MonotonicTime.now
        let answer = await generator.ask(operation, session.variables, of: scene, from: address, intended: intended)
        generator.record(answer, intended: intended, in: recorder)
        if answer.isSuccess { session.variables = answer.variables }
        return answer.isSuccess
    }
}
