import Glibc
import HTTP
import OpenSSL
package import Reactor
import Synchronization

/// A whole run: consent, preparation, one scenario after the other. It blocks the thread that runs it; `interrupt` may
/// come from any other.
package final class LoadRun: Sendable {
    /// The measured time begins so long after the warm-up was laid out.
    static let leadMilliseconds: Int64 = 100
    /// Of a capacity, in seconds: verify, and login, of which there are fewer in a second.
    private static let verifyProbe = 2.0
    private static let loginProbe = 3.0
    /// Logins at once while their capacity is found out: as many as keep two cores' hash workers busy.
    private static let loginsAtOnce = 8

    let settings: RunSettings
    let tell: @Sendable (String) -> Void
    let progress: @Sendable (ProgressSnapshot) -> Void
    private let isEnding = Atomic<Bool>(false)
    private let preparing = Lock<Generator?>(nil)
    private let soFar = Lock<RunReport?>(nil)

    package init(
        _ settings: RunSettings, tell: @escaping @Sendable (String) -> Void,
        progress: @escaping @Sendable (ProgressSnapshot) -> Void
    ) {
        self.settings = settings
        self.tell = tell
        self.progress = progress
    }

    /// Ends the run soon; what was measured until then is reported.
    package func interrupt() {
        isEnding.store(true, ordering: .relaxed)
        if let generator = preparing.withLock({ $0 }) { generator.loop.execute { generator.close() } }
    }

    /// The scenarios that were measured before one could not be: when `run` has thrown, they are worth their report.
    package var measured: RunReport? { soFar.withLock { $0 } }

    var isInterrupted: Bool { isEnding.load(ordering: .relaxed) }

    package func run(on loops: [EventLoop]) throws(RunError) -> RunReport {
        let begun = MonotonicTime.now
        var report = RunReport(
            targets: settings.targets.map { $0.url.description }, profile: settings.profile.name,
            startedAt: wallClockMilliseconds(), seconds: 0, threads: loops.count)
        var scene = try scene()
        scene = try prepared(scene, on: loops[0])
        scene.capacity = try capacity(scene, loops)
        for scenario in settings.scenarios where !isInterrupted {
            do throws(RunError) {
                report.scenarios.append(try measure(scenario, scene, loops))
                report.seconds = Double(MonotonicTime.now.nanoseconds(since: begun)) / 1e9
                soFar.withLock { [report] in $0 = report }
            } catch {
                // Interrupted while it was prepared: what was measured before is worth its report.
                guard error == .interrupted, !report.scenarios.isEmpty else { throw error }
            }
        }
        if report.scenarios.isEmpty { throw .interrupted }
        report.isInterrupted = isInterrupted
        return report
    }

    // MARK: Before

    private func scene() throws(RunError) -> Scene {
        var context: TLSClientContext?
        if settings.targets.contains(where: \.url.isTLS) {
            do throws(OpenSSLError) {
                context = try TLSClientContext(authorities: settings.authorities)
            } catch {
                throw .usage("The certificates to trust cannot be read: \(error).")
            }
        }
        let gateway = ClientAddresses(.users, seed: settings.seed)[-1]
        let endpoints = settings.targets.map { target in
            let address = Reachability.first(of: target.addresses)
            var preface: [UInt8] = []
            if case .proxy(let version) = settings.carrier {
                preface = ProxyHeader.bytes(version, client: gateway, port: 40_000, destination: address)
            }
            let tls = target.url.isTLS ? context.map { TLSEndpoint(name: target.url.host, context: $0) } : nil
            return Endpoint(address, host: target.url.hostField, preface: preface, tls: tls)
        }
        return Scene(
            profile: settings.profile, endpoints: endpoints, basePath: settings.targets[0].url.basePath,
            carrier: settings.carrier, seed: settings.seed, given: settings.given,
            credentials: SyntheticCredentials(
                seed: settings.seed, passwordLength: settings.profile.passwordLength),
            accounts: settings.users, options: settings.options)
    }

    private func prepared(_ scene: Scene, on loop: EventLoop) throws(RunError) -> Scene {
        try onPreparation(of: scene, on: loop) { (preparation) -> Result<Scene, RunError> in
            do throws(RunError) {
                try await preparation.askConsent(scene.endpoints)
                return .success(try await preparation.prepare(scene))
            } catch {
                return .failure(error)
            }
        }
    }

    /// Runs `body` with a generator that has no pace and no end of its own.
    private func onPreparation<Value: Sendable>(
        of scene: Scene, on loop: EventLoop,
        _ body: @escaping @Sendable (Preparation) async -> Result<Value, RunError>
    ) throws(RunError) -> Value {
        let (settings, tell) = (settings, tell)
        let plan = Generator.Plan(
            endpoints: scene.endpoints, start: .now, duration: 86_400,
            timeoutMilliseconds: settings.timeoutMilliseconds, connections: settings.connections)
        let made: Result<Generator, SystemError> = loop.runAndWait {
            let generator = Generator(plan, share: 0, on: loop)
            do throws(SystemError) { try generator.begin() } catch { return .failure(error) }
            return .success(generator)
        }
        guard case .success(let generator) = made else { throw .system("The generator cannot keep time.") }
        preparing.withLock { $0 = generator }
        if isInterrupted { loop.runAndWait { generator.close() } }
        let result = loop.runAndWait { await body(Preparation(settings: settings, generator: generator, tell: tell)) }
        preparing.withLock { $0 = nil }
        loop.runAndWait { generator.close() }
        return try result.get()
    }

    // MARK: Capacity

    /// What the target carries, where the rates rest on it.
    private func capacity(_ scene: Scene, _ loops: [EventLoop]) throws(RunError) -> Capacity {
        var capacity = Capacity()
        if RatePlan.needsVerify(settings.scenarios, settings.options), !isInterrupted {
            tell("finding out how many verifies the target carries")
            capacity.verify = try saturated(
                VerifyScenario(scene, Pacing(.saturate)), scene, loops, LoadRun.verifyProbe,
                connections: settings.connections)
        }
        if RatePlan.needsLogin(settings.scenarios, settings.options), !isInterrupted {
            tell("finding out how many logins the target carries")
            capacity.login = try saturated(
                LoginScenario(scene, Pacing(.saturate)), scene, loops, LoadRun.loginProbe,
                connections: LoadRun.loginsAtOnce)
        }
        let shown = [("verify", capacity.verify), ("login", capacity.login)].compactMap { name, rate in
            rate.map { "\(name) \(Int($0))/s" }
        }
        if !shown.isEmpty { tell("capacity: " + shown.joined(separator: ", ")) }
        return capacity
    }

    private func saturated(
        _ scenario: any Scenario, _ scene: Scene, _ loops: [EventLoop], _ seconds: Double, connections: Int
    ) throws(RunError) -> Double {
        let measurement = measurement(scene, loops, "capacity", seconds, warmUp: 0, connections: connections)
        let outcome = try measurement.run(scenario)
        guard let operation = outcome.operations.first, operation.ok > 0, outcome.seconds > 0 else {
            if isInterrupted { return 0 }
            throw .unavailable("The target answered not one request as the profile expects it while it was tried out.")
        }
        return Double(operation.ok) / outcome.seconds
    }

    func measurement(
        _ scene: Scene, _ loops: [EventLoop], _ name: String, _ seconds: Double, warmUp: Double, connections: Int
    ) -> Measurement {
        let lead = LoadRun.leadMilliseconds + Int64(warmUp * 1_000)
        let plan = Generator.Plan(
            endpoints: scene.endpoints, start: MonotonicTime.now.adding(milliseconds: lead), duration: seconds,
            warmUp: warmUp, timeoutMilliseconds: settings.timeoutMilliseconds, connections: connections,
            shares: loops.count)
        return Measurement(
            loops: loops, plan: plan, name: name, maximumLagMilliseconds: settings.maximumLagMilliseconds,
            isInterrupted: { self.isInterrupted }, progress: progress)
    }

    /// Again, before each scenario: taking the token away ends a run.
    func askConsent(_ scene: Scene, on loop: EventLoop) throws(RunError) {
        try onPreparation(of: scene, on: loop) { (preparation) -> Result<Void, RunError> in
            do throws(RunError) {
                return .success(try await preparation.askConsent(scene.endpoints))
            } catch {
                return .failure(error)
            }
        }
    }

    /// People whose sessions one scenario alone uses.
    func signIn(_ scene: Scene, _ count: Int, on loop: EventLoop) throws(RunError) -> [Session] {
        try onPreparation(of: scene, on: loop) { (preparation) -> Result<[Session], RunError> in
            do throws(RunError) {
                return .success(try await preparation.signIn(scene, count: count, what: "people for it"))
            } catch {
                return .failure(error)
            }
        }
    }
}
