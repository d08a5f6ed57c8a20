import HTTP
import Reactor

/// Something that a run does to a target for a time.
package protocol Scenario: Sendable {
    /// Lays out one loop's requests, before its generator begins.
    func begin(on generator: Generator)
}

/// Tokens of many people are checked, as a gateway does it: on connections that are kept.
package struct VerifyScenario: Scenario {
    let scene: Scene
    let pacing: Pacing

    package init(_ scene: Scene, _ pacing: Pacing) {
        self.scene = scene
        self.pacing = pacing
    }

    package func begin(on generator: Generator) {
        let recorder = generator.recorder("verify")
        let stream = VerifyStream(scene, generator)
        generator.addStream(pacing) { turn in
            stream.send(turn.index, intended: turn.intended) { answer in
                generator.end(turn, answer, in: recorder)
            }
        }
    }
}

/// Verifies of the scene's sessions in turn, each made into bytes once: the quickest way to send one.
final class VerifyStream {
    private let generator: Generator
    private let operation: OperationTemplate
    /// By endpoint, then by session.
    private let requests: [[[UInt8]]]

    init(_ scene: Scene, _ generator: Generator) {
        self.generator = generator
        let operation = scene.operation(.verify)
        self.operation = operation
        requests = scene.endpoints.map { endpoint in
            scene.sessions.map { session in
                do throws(TemplateError) {
                    return try operation.request(
                        host: endpoint.host, basePath: scene.basePath, variables: session.variables,
                        addressField: scene.carrier.field)
                } catch {
                    // The rehearsal has made one; what it captured is the same for all.
                    fatalError(error.description)
                }
            }
        }
    }

    func send(_ index: Int, intended: MonotonicTime, _ completion: @escaping (Answer) -> Void) {
        let endpoint = generator.takeEndpoint()
        let own = requests[endpoint]
        let request = own[Int(UInt(bitPattern: index) % UInt(own.count))]
        generator.send(request, intended: intended, endpoint: endpoint) { [operation] exchange, end, parser in
            var answer = Answer(end: end, variables: Variables())
            answer.sent = exchange.sent
            if let parser {
                answer.status = parser.status
                answer.verdict = operation.judge(parser)
            }
            completion(answer)
        }
    }
}

/// People sign in, each from an address of their own; nobody is known and nobody mistypes.
package struct LoginScenario: Scenario {
    let scene: Scene
    let pacing: Pacing

    package init(_ scene: Scene, _ pacing: Pacing) {
        self.scene = scene
        self.pacing = pacing
    }

    package func begin(on generator: Generator) {
        let recorder = generator.recorder("login")
        let login = scene.operation(.login)
        generator.addStream(pacing) { turn in
            // Their order is mixed, so that an account's next login is far from its last.
            let person = Int(UInt(bitPattern: turn.index) % UInt(scene.accounts))
            generator.ask(
                login, scene.variables(ofAccount: person), of: scene, from: scene.userAddress(turn.index),
                intended: turn.intended
            ) { answer in
                generator.end(turn, answer, in: recorder)
            }
        }
    }
}

/// Sessions are renewed, each with the token that its last renewal gave: of one session one at a time.
package struct RefreshScenario: Scenario {
    let scene: Scene
    let pacing: Pacing

    package init(_ scene: Scene, _ pacing: Pacing) {
        self.scene = scene
        self.pacing = pacing
    }

    package func begin(on generator: Generator) {
        let recorder = generator.recorder("refresh")
        let line = SessionLine(scene, generator)
        generator.addStream(pacing) { turn in
            line.refresh(intended: turn.intended) { answer in
                generator.end(turn, answer, in: recorder)
            }
        }
    }
}

/// Sessions of one loop that wait for their next refresh, the one longest ago first; when all are under way, turns wait
/// and their time runs.
private final class SessionLine {
    private let scene: Scene
    private let generator: Generator
    private let operation: OperationTemplate
    private var free = WaitingLine<Session>()
    private var waiting = WaitingLine<(MonotonicTime, (Answer) -> Void)>()
    private var isServing = false

    init(_ scene: Scene, _ generator: Generator) {
        self.scene = scene
        self.generator = generator
        operation = scene.operation(.refresh)
        for (index, session) in scene.ownSessions.enumerated() where index % generator.plan.shares == generator.share {
            free.append(session)
        }
        generator.addClosing { [self] in serve() }
    }

    func refresh(intended: MonotonicTime, _ completion: @escaping (Answer) -> Void) {
        generator.beginsWaiting()
        waiting.append((intended, completion))
        serve()
    }

    /// A loop and no recursion, for an answer may be there before `renew` returns: all that wait may be cut off at
    /// once.
    private func serve() {
        if isServing { return }
        isServing = true
        defer { isServing = false }
        while generator.isCutOff || free.first != nil, let (intended, completion) = waiting.popFirst() {
            generator.endsWaiting()
            if let session = free.popFirst() {
                renew(session, intended, completion)
            } else {
                completion(Answer(end: .cutOff, variables: Variables()))
            }
        }
    }

    private func renew(_ session: Session, _ intended: MonotonicTime, _ completion: @escaping (Answer) -> Void) {
        generator.ask(
            operation, session.variables, of: scene, from: scene.userAddress(session.person), intended: intended
        ) { [self] answer in
            var session = session
            if answer.isSuccess { session.variables = answer.variables }
            free.append(session)
            completion(answer)
            serve()
        }
    }
}
