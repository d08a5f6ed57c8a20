import Reactor

/// Before anything is measured: the target is there and consents, accounts are planted, people are signed in, and one
/// of each request that the scenarios make has been answered as the profile says. On one loop.
struct Preparation: Sendable {
    /// Logins, or plantings, at once: a queue of hashes takes them.
    private static let atOnce = 8
    /// Between two words on how far the planting is.
    private static let wordSeconds: UInt64 = 5

    let settings: RunSettings
    let generator: Generator
    /// Called on the loop, with what goes on.
    let tell: @Sendable (String) -> Void

    /// Plants and rehearses.
    func prepare(_ scene: Scene) async throws(RunError) -> Scene {
        var scene = scene
        if !settings.needsPeople {
            scene.sessions = [Session(person: 0, variables: scene.given)]
            try await rehearse(scene)
            return scene
        }
        try await plant(scene)
        scene.sessions = try await signIn(scene, count: min(settings.users, 64), what: "people")
        try await rehearse(scene)
        return scene
    }

    // MARK: Consent

    /// Asks every target that is beyond loopback.
    func askConsent(_ endpoints: [Endpoint]) async throws(RunError) {
        if let refusal = Consent.refusal(of: settings.targets, token: settings.consent) {
            throw .forbidden(refusal.description)
        }
        guard let consent = settings.consent else { return }
        for (number, target) in settings.targets.enumerated() where Consent.isNeeded(for: target) {
            let request = Consent.request(host: endpoints[number].host)
            let refusal = await withUnsafeContinuation { (continuation: UnsafeContinuation<RunError?, Never>) in
                generator.send(request, intended: .now, endpoint: number) { _, end, parser in
                    guard let parser else {
                        return continuation.resume(returning: .unavailable(target.cannot(end)))
                    }
                    do throws(ConsentError) {
                        try consent.judge(parser)
                        continuation.resume(returning: nil)
                    } catch {
                        continuation.resume(returning: .forbidden("\(target.url): \(error.description)"))
                    }
                }
            }
            if generator.isCutOff { throw .interrupted }
            if let refusal { throw refusal }
        }
    }

    // MARK: Accounts

    private func plant(_ scene: Scene) async throws(RunError) {
        guard let plant = scene.profile[.plant] else {
            throw .data("The profile \(scene.profile.name) has no operation plant, by which accounts are made.")
        }
        var planter = scene.given
        if let login = scene.profile[.plantLogin] {
            let answer = await persistently(login, scene.given, scene, scene.userAddress(0))
            try check(answer, "The planter's login")
            planter = answer.variables
        }
        let (given, count) = (planter, settings.users)
        tell("planting \(count) accounts")
        let words = Words(count: count, every: Preparation.wordSeconds, tell: tell)
        try await inParallel(count) { account throws(RunError) in
            var variables = given
            let own = scene.variables(ofAccount: account)
            variables["username"] = own["username"]
            variables["password"] = own["password"]
            let answer = await persistently(plant, variables, scene, scene.userAddress(account))
            // Refused: an earlier run with this seed has planted it.
            if answer.verdict != .refused { try check(answer, "The planting of \(own["username"] ?? "")") }
            words.count("accounts are planted")
        }
    }

    /// Signs in people with accounts from 0 on, each from the device and address that are theirs.
    func signIn(_ scene: Scene, count: Int, what: String) async throws(RunError) -> [Session] {
        tell("signing in \(count) \(what)")
        let login = scene.operation(.login)
        let found = SessionBox()
        try await inParallel(count) { account throws(RunError) in
            let answer = await persistently(
                login, scene.variables(ofAccount: account), scene, scene.userAddress(account))
            try check(answer, "The login of a planted account")
            found.sessions.append(Session(person: account, variables: answer.variables))
        }
        return found.sessions.sorted { $0.person < $1.person }
    }

    private func persistently(
        _ operation: OperationTemplate, _ variables: Variables, _ scene: Scene, _ address: SyntheticAddress
    ) async -> Answer {
        let deadline = MonotonicTime.now.adding(nanoseconds: UInt64(settings.preparationSeconds * 1e9))
        while true {
            let answer = await generator.ask(operation, variables, of: scene, from: address)
            let mayPass = answer.verdict == .throttled || answer.verdict == .unavailable
            guard mayPass, MonotonicTime.now < deadline, !generator.isCutOff else { return answer }
            await generator.sleep(seconds: min(answer.retryAfter ?? 0.2, 2))
        }
    }

    // MARK: Rehearsal

    private func rehearse(_ scene: Scene) async throws(RunError) {
        guard let session = scene.sessions.first, let verify = scene.profile[.verify] else { return }
        for endpoint in scene.endpoints.indices {
            let answer = await generator.ask(verify, session.variables, of: scene, endpoint: endpoint)
            try check(answer, "The verify of \(settings.needsPeople ? "a fresh" : "the given") token")
        }
    }

    private func check(_ answer: Answer, _ what: String) throws(RunError) {
        if generator.isCutOff { throw .interrupted }
        // Also of a request that could not be made.
        if let complaint = answer.complaint { throw .data(complaint) }
        guard answer.end == .answered else {
            throw .unavailable("\(what) was not answered: \(settings.targets[0].cannot(answer.end))")
        }
        guard answer.verdict != .success else { return }
        let meaning =
            switch answer.verdict {
            case .refused: "refused"
            case .throttled: "turned away by a limit"
            case .unavailable: "not carried out, since the target is overloaded or a store of its is away"
            default: "answered as the profile does not expect it"
            }
        let sentence = "\(what) was \(meaning) (status \(answer.status))."
        throw answer.verdict == .unavailable ? .unavailable(sentence) : .data(sentence)
    }

    /// Runs `body` for 0..<count, a few at a time; the first failure ends it.
    private func inParallel(
        _ count: Int, _ body: @escaping @Sendable (Int) async throws(RunError) -> Void
    ) async throws(RunError) {
        let work = Work()
        let workers = min(Preparation.atOnce, count)
        guard workers > 0 else { return }
        await withUnsafeContinuation { continuation in
            work.left = workers
            for _ in 0..<workers {
                generator.spawn { generator in
                    while work.failure == nil, work.next < count, !generator.isCutOff {
                        let index = work.next
                        work.next += 1
                        do throws(RunError) { try await body(index) } catch { work.failure = work.failure ?? error }
                    }
                    work.left -= 1
                    if work.left == 0 { continuation.resume() }
                }
            }
        }
        if let failure = work.failure { throw failure }
        if generator.isCutOff { throw .interrupted }
    }
}

/// `@unchecked Sendable`, as the two below: made by a flow and touched by flows of the same loop alone.
private final class Work: @unchecked Sendable {
    var next = 0
    var left = 0
    var failure: RunError?
}

private final class SessionBox: @unchecked Sendable {
    var sessions: [Session] = []
}

/// Tells how far a long preparation is, every few seconds.
private final class Words: @unchecked Sendable {
    private let all: Int
    private let interval: UInt64
    private let tell: @Sendable (String) -> Void
    private var done = 0
    private var last = MonotonicTime.now

    init(count: Int, every seconds: UInt64, tell: @escaping @Sendable (String) -> Void) {
        all = count
        interval = seconds * 1_000_000_000
        self.tell = tell
    }

    func count(_ what: String) {
        done += 1
        guard MonotonicTime.now.nanoseconds(since: last) >= interval else { return }
        last = .now
        tell("\(done) of \(all) \(what)")
    }
}

extension ResolvedTarget {
    /// Why there was no answer, in a sentence.
    func cannot(_ end: ExchangeEnd) -> String {
        switch end {
        case .answered: "\(url) answered."
        case .timedOut: "\(url) did not answer in time."
        case .refused(let code): "\(url) cannot be reached (\(SystemError("connect", code: code)))."
        case .broken: "\(url) ended the connection without an answer."
        case .malformed: "what \(url) answers is no HTTP/1.1."
        case .cutOff: "the run was interrupted."
        }
    }
}
