import Glibc
import LoadTests
import Reactor

/// Makes a run's settings out of a command line, or says in one sentence what is wrong with it. Nothing is sent yet.
struct SettingsReader {
    let target: TargetOptions
    let load: LoadOptions

    func settings(_ names: [String]) throws(RunError) -> RunSettings {
        let scenarios = try scenarios(names)
        let (profile, given, carrier) = try profile()
        var settings = RunSettings(
            scenarios: scenarios, targets: try targets(target.target, "--target"), profile: profile, given: given,
            carrier: carrier, seed: load.seed ?? UInt64.random(in: 1...UInt64(UInt32.max)))
        settings.metrics = target.metrics.isEmpty ? [] : try targets(target.metrics, "--metrics")
        try checkTargets(settings)
        do throws(ProfileError) { try settings.checkOperations() } catch { throw .data(error.description) }
        settings.authorities = target.ca
        settings.processes = target.pid.isEmpty ? SettingsReader.processes(of: settings.targets) : target.pid
        if let token = target.consentToken {
            do throws(ConsentError) { settings.consent = try Consent(token: token) } catch {
                throw .usage(error.description)
            }
        }
        do throws(FaultError) { settings.faults = try Fault.schedule(load.fault) } catch {
            throw .usage(error.description)
        }
        try readNumbers(&settings)
        try readRates(&settings)
        try readDurations(&settings)
        return settings
    }

    private func scenarios(_ names: [String]) throws(RunError) -> [ScenarioName] {
        let all = ScenarioName.all.map(\.rawValue).joined(separator: ", ")
        guard !names.isEmpty else { throw .usage("Name a scenario: \(all).") }
        var scenarios: [ScenarioName] = []
        for name in names {
            guard let scenario = ScenarioName(rawValue: name) else {
                throw .usage("`\(name)` is no scenario; there are \(all).")
            }
            if scenarios.contains(scenario) { throw .usage("The scenario \(name) is named twice.") }
            scenarios.append(scenario)
        }
        return scenarios
    }

    private func profile() throws(RunError) -> (TargetProfile, Variables, ClientAddressCarrier) {
        let profile: TargetProfile
        do throws(ProfileError) { profile = try TargetProfile.named(target.profile) } catch {
            throw .data(error.description)
        }
        do throws(ProfileError) {
            let given = try profile.variables(given: target.variables, files: target.variableFiles)
            let carrier = try target.clientAddress.map(ClientAddressCarrier.init(argument:)) ?? profile.clientAddress
            return (profile, given, carrier)
        } catch {
            throw .usage(error.description)
        }
    }

    // MARK: Targets

    private func targets(_ texts: [String], _ option: String) throws(RunError) -> [ResolvedTarget] {
        guard !texts.isEmpty else {
            throw .usage("Say whom it is about, such as \(option) http://127.0.0.1:8080.")
        }
        let resolver: Resolver
        let loop: EventLoop
        do throws(SystemError) {
            resolver = try Resolver()
            loop = try EventLoop(name: "names")
            try loop.start()
        } catch {
            throw .system("Names cannot be looked up: \(error).")
        }
        defer {
            loop.stop()
            loop.join()
            resolver.stopAndJoin()
        }
        var targets: [ResolvedTarget] = []
        for text in texts {
            let url: TargetURL
            do throws(TargetError) { url = try TargetURL(parsing: text) } catch { throw .usage(error.description) }
            let found: Result<ResolvedTarget, TargetError> = loop.runAndWait {
                do throws(TargetError) {
                    return .success(try await ResolvedTarget(url, with: resolver))
                } catch {
                    return .failure(error)
                }
            }
            do { targets.append(try found.get()) } catch { throw .unavailable(error.description) }
        }
        return targets
    }

    private func checkTargets(_ settings: RunSettings) throws(RunError) {
        if Set(settings.targets.map(\.url.basePath)).count > 1 {
            throw .usage("Several targets are nodes of one service: their URLs must have the same path.")
        }
        if settings.metrics.contains(where: { $0.url.isTLS }) {
            throw .usage("Metrics are read over plain http.")
        }
        if settings.metrics.contains(where: { !$0.isLoopback }) {
            throw .forbidden("Metrics are read from this machine only.")
        }
    }

    /// Who listens on the targets' ports, where that can be seen.
    private static func processes(of targets: [ResolvedTarget]) -> [Int32] {
        var found: [Int32] = []
        for target in targets where target.isLoopback {
            for process in ProcessUsage.listening(on: target.url.port) ?? [] where !found.contains(process) {
                found.append(process)
            }
        }
        return found
    }

    // MARK: Numbers

    private func readNumbers(_ settings: inout RunSettings) throws(RunError) {
        func whole(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(RunError) -> Int {
            guard range.contains(value) else {
                throw .usage("--\(name) must be \(range.lowerBound) to \(range.upperBound).")
            }
            return value
        }
        settings.connections = try whole("connections", load.connections, 1...50_000)
        settings.threads = try whole("threads", load.threads, 1...64)
        settings.users = try whole("users", load.users, 1...1_000_000)
        settings.options.bots = try whole("bots", load.bots, 1...65_536)
        if let cap = load.accountCap { settings.options.accountCap = try whole("account-cap", cap, 1...1_000_000) }
        guard load.attackFactor.isFinite, (0.01...1_000).contains(load.attackFactor) else {
            throw .usage("--attack-factor must be 0.01 to 1000.")
        }
        settings.options.attackFactor = load.attackFactor
        guard load.hitRate.isFinite, (0...1).contains(load.hitRate) else { throw .usage("--hit-rate must be 0 to 1.") }
        settings.options.hitRate = load.hitRate
        settings.options.refreshGrace = try time("refresh-grace", load.refreshGrace, 0...3_600)
        settings.warmUp = try time("warm-up", load.warmUp, 0...3_600)
        settings.timeoutMilliseconds = Int64(try time("timeout", load.timeout, 0.01...600) * 1_000)
        settings.maximumLagMilliseconds = try time("max-lag", load.maxLag, 0.0001...60) * 1_000
    }

    private func time(_ name: String, _ text: String, _ range: ClosedRange<Double>) throws(RunError) -> Double {
        guard let seconds = Duration.seconds(parsing: text), range.contains(seconds) else {
            throw .usage("--\(name) `\(text)` is no time from \(range.lowerBound) s to \(range.upperBound) s.")
        }
        return seconds
    }

    private func readDurations(_ settings: inout RunSettings) throws(RunError) {
        for text in load.duration {
            let (name, value) = SettingsReader.split(text)
            let seconds = try time("duration", value, 1...86_400)
            if let name {
                guard settings.scenarios.contains(where: { $0.rawValue == name }) else {
                    throw .usage("--duration \(text): this run has no scenario \(name).")
                }
                settings.durations[name] = seconds
            } else {
                settings.duration = seconds
            }
        }
    }

    private func readRates(_ settings: inout RunSettings) throws(RunError) {
        let names = ["verify", "login", "refresh", "people", "real", "attack"]
        for text in load.rate {
            let (name, value) = SettingsReader.split(text)
            let pacing: Pacing
            do throws(UsageError) { pacing = try Pacing(value) } catch { throw .usage("--rate: \(error.description)") }
            if let name {
                guard names.contains(name) else {
                    throw .usage("--rate \(text): there are rates of \(names.joined(separator: ", ")).")
                }
                settings.options.rates[name] = pacing
            } else {
                guard settings.scenarios.count == 1 else {
                    throw .usage("--rate \(text): say of which, such as verify=\(text), in a run of several scenarios.")
                }
                settings.options.rates[settings.scenarios[0].mainRate] = pacing
            }
            // Others are more than one stream of requests, whose rates belong together.
            if pacing.shape == .saturate, !settings.scenarios.allSatisfy({ [.verify, .login, .refresh].contains($0) }) {
                throw .usage("--rate \(text): max is for runs of verify, login and refresh alone.")
            }
        }
    }

    /// `name=value`, or a value alone.
    private static func split(_ text: String) -> (name: String?, value: String) {
        guard let equals = text.firstIndex(of: "=") else { return (nil, text) }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }
}

extension ScenarioName {
    /// The rate that is meant when none is named.
    var mainRate: String {
        switch self {
        case .verify: "verify"
        case .login, .siege: "login"
        case .refresh: "refresh"
        case .mixed: "people"
        case .attack: "attack"
        }
    }
}
