/// What a run is asked for, after everything was checked.
package struct RunSettings: Sendable {
    package var scenarios: [ScenarioName]
    package var targets: [ResolvedTarget]
    package var profile: TargetProfile
    /// From the command line.
    package var given: Variables
    package var carrier: ClientAddressCarrier
    package var consent: Consent?
    /// PEM file of whom TLS trusts; nil: the system's.
    package var authorities: String?
    package var metrics: [ResolvedTarget] = []
    package var processes: [Int32] = []
    package var faults: [Fault] = []
    package var options = ScenarioOptions()
    /// Accounts to plant.
    package var users = 200
    package var seed: UInt64
    /// Seconds of each scenario, by its name; of the others `duration`.
    package var durations: [String: Double] = [:]
    package var duration = 30.0
    package var warmUp = 2.0
    package var connections = 64
    package var threads = 1
    package var timeoutMilliseconds: Int64 = 10_000
    /// A planting or a sign-in that is turned away before anything is measured is repeated for so long.
    package var preparationSeconds = 30.0
    /// Beyond so much lag at the 99th percentile a scenario counts for nothing.
    package var maximumLagMilliseconds = 10.0

    package init(
        scenarios: [ScenarioName], targets: [ResolvedTarget], profile: TargetProfile, given: Variables,
        carrier: ClientAddressCarrier, seed: UInt64
    ) {
        self.scenarios = scenarios
        self.targets = targets
        self.profile = profile
        self.given = given
        self.carrier = carrier
        self.seed = seed
    }

    /// False when tokens are checked that were given: then nobody need be planted.
    var needsPeople: Bool {
        guard scenarios == [.verify], let verify = profile[.verify] else { return true }
        return !verify.requiredVariables.allSatisfy { given[$0] != nil }
    }

    /// What the profile lacks for the scenarios, or the command line for the profile.
    package func checkOperations() throws(ProfileError) {
        var needed = scenarios.flatMap(\.operations)
        if needsPeople {
            needed += [.login, .plant]
        } else {
            needed = [.verify]
        }
        if profile[.plantLogin] != nil, needsPeople { needed.append(.plantLogin) }
        for name in needed { _ = try profile.operation(name, given: given) }
    }

    package func seconds(of scenario: ScenarioName) -> Double { durations[scenario.rawValue] ?? duration }
}

/// What a run can do, by the name on the command line.
package enum ScenarioName: Sendable, Equatable, Hashable {
    case verify, login, refresh, mixed, siege
    case attack(AttackKind)

    package static let all: [ScenarioName] =
        [.verify, .login, .refresh, .mixed, .siege] + AttackKind.allCases.map(ScenarioName.attack)

    package init?(rawValue: String) {
        guard let found = ScenarioName.all.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = found
    }

    package var rawValue: String {
        switch self {
        case .verify: "verify"
        case .login: "login"
        case .refresh: "refresh"
        case .mixed: "mixed"
        case .siege: "siege"
        case .attack(let kind): kind.rawValue
        }
    }

    /// What the profile must have for it.
    var operations: [OperationName] {
        switch self {
        case .login: [.login]
        case .refresh, .attack(.refreshRace), .attack(.refreshReplay): [.login, .verify, .refresh]
        default: [.login, .verify]
        }
    }

    /// The operations of its result.
    package var operationNames: [String] {
        switch self {
        case .verify: ["verify"]
        case .login: ["login"]
        case .refresh: ["refresh"]
        case .mixed: ["login", "verify", "refresh", "logout"]
        case .siege: ["verify", "verify.idle", SiegeScenario.settlingName, "login"]
        case .attack(let kind):
            ["verify", "real", "real.known", "real.new"]
                + (kind == .refreshRace ? ["race"] : kind == .refreshReplay ? ["replay"] : ["attack"])
        }
    }

    /// The figures of its scoreboard.
    package var figureNames: [String] {
        switch self {
        case .verify, .login, .refresh, .mixed: []
        case .siege: SiegeScenario.digest([], waves: 0).1.map(\.name) + ["cpu_per_verify_ratio"]
        case .attack(let kind):
            // The names do not depend on what was found, but for those that need the profile's word.
            Scoreboard(tally: AttackTally(attack: 0..<1), end: 1).figures(kind.groups).map(\.name)
                + ["guess_budget", "beyond_budget", "cpu_per_verify_ratio"]
                + (kind == .slowloris ? ["time_to_detect"] : [])
        }
    }

    /// Sign-ins that it needs for itself, of so many planted accounts.
    func ownSessions(accounts: Int, seconds: Double) -> Int {
        switch self {
        case .verify, .login, .mixed, .siege: 0
        case .refresh: min(64, accounts)
        case .attack(let kind):
            switch kind {
            case .refreshRace, .refreshReplay: min(24, accounts)
            case _ where kind.groups.contains(.revocation): min(10, max(2, Int(seconds / 3)), accounts)
            default: 0
            }
        }
    }
}
