/// The rates of the scenarios: those of the command line, else what the target was found to carry says.
struct RatePlan {
    /// Parts of the capacity.
    static let verifyInPeace = 0.5
    static let loginInPeace = 0.5
    /// Renewals cost a tenth of a login or less on servers that hash; these keep them far from being the load.
    static let refreshesALogin = 2.0
    static let mixedArrivals = 0.25
    static let verifyInSiege = 0.5
    static let verifyBesideAttack = 0.25
    static let realUsers = 0.15
    /// Of a low and slow attack, in attempts a second of the target's logins a second.
    static let lowAndSlow = 0.05
    static let churnOfVerify = 0.1
    /// Races a second.
    static let races = 4.0

    let capacity: Capacity
    let options: ScenarioOptions

    /// Whether one of the scenarios needs to know it.
    static func needsVerify(_ scenarios: [ScenarioName], _ options: ScenarioOptions) -> Bool {
        let isOpen = (verify: options.rates["verify"] == nil, attack: options.rates["attack"] == nil)
        return scenarios.contains { scenario in
            switch scenario {
            case .login, .refresh, .mixed: false
            case .attack(.connectionChurn): isOpen.verify || isOpen.attack
            default: isOpen.verify
            }
        }
    }

    static func needsLogin(_ scenarios: [ScenarioName], _ options: ScenarioOptions) -> Bool {
        scenarios.contains { scenario in
            switch scenario {
            case .verify: false
            case .login, .siege: options.rates["login"] == nil
            case .refresh: options.rates["refresh"] == nil
            case .mixed: options.rates["people"] == nil
            case .attack(let kind):
                options.rates["real"] == nil || kind.isGuessing && options.rates["attack"] == nil
            }
        }
    }

    private func rate(_ name: String, _ base: Double?, _ share: Double, least: Double = 1) -> Pacing {
        options.rates[name] ?? .constant(max(least, ((base ?? 0) * share).rounded()))
    }

    var verify: Pacing { rate("verify", capacity.verify, RatePlan.verifyInPeace) }
    var login: Pacing { rate("login", capacity.login, RatePlan.loginInPeace) }
    var refresh: Pacing { rate("refresh", capacity.login, RatePlan.refreshesALogin) }
    var mixed: Pacing { rate("people", capacity.login, RatePlan.mixedArrivals) }

    var siege: (verify: Pacing, login: Pacing) {
        (
            rate("verify", capacity.verify, RatePlan.verifyInSiege),
            rate("login", capacity.login, options.siegeFactor, least: 10)
        )
    }

    func attack(_ kind: AttackKind) -> AttackScenario.Rates {
        let attack =
            switch kind {
            case .stuffing, .spray, .brute, .lockout: rate("attack", capacity.login, options.attackFactor)
            case .lowAndSlow: rate("attack", capacity.login, RatePlan.lowAndSlow)
            case .refreshRace: options.rates["attack"] ?? .constant(RatePlan.races)
            case .connectionChurn: rate("attack", capacity.verify, RatePlan.churnOfVerify)
            case .refreshReplay, .slowloris: Pacing.constant(1)
            }
        return AttackScenario.Rates(
            attack: attack, real: rate("real", capacity.login, RatePlan.realUsers),
            verify: rate("verify", capacity.verify, RatePlan.verifyBesideAttack))
    }
}
