import Testing

@testable import LoadTests

@Suite("Rates of a run")
struct RatePlanTests {
    private func options(_ rates: [String: Double]) -> ScenarioOptions {
        var options = ScenarioOptions()
        options.rates = rates.mapValues(Pacing.constant)
        return options
    }

    private func plan(verify: Double?, login: Double?, _ options: ScenarioOptions = ScenarioOptions()) -> RatePlan {
        RatePlan(capacity: Capacity(verify: verify, login: login), options: options)
    }

    @Test("A target that carries next to nothing is asked for one request a second, and in a siege for ten logins")
    func least() {
        let plan = plan(verify: 0, login: 0.01)
        #expect(plan.verify == .constant(1))
        #expect(plan.login == .constant(1))
        #expect(plan.siege.login == .constant(10))
        #expect(plan.attack(.lowAndSlow).attack == .constant(1))
    }

    @Test("Rates follow from the capacity")
    func derived() {
        let plan = plan(verify: 10_000, login: 100)
        #expect(plan.verify == .constant(5_000))
        #expect(plan.login == .constant(50))
        #expect(plan.refresh == .constant(200))
        #expect(plan.mixed == .constant(25))
        #expect(plan.siege.verify == .constant(5_000))
        #expect(plan.siege.login == .constant(2_000))
        #expect(plan.attack(.stuffing).attack == .constant(1_000))
        #expect(plan.attack(.stuffing).real == .constant(15))
        #expect(plan.attack(.stuffing).verify == .constant(2_500))
        #expect(plan.attack(.connectionChurn).attack == .constant(1_000))
        #expect(plan.attack(.lowAndSlow).attack == .constant(5))
        #expect(plan.attack(.refreshRace).attack == .constant(4))
    }

    @Test("What the command line says goes over it")
    func given() {
        var options = options(["verify": 7, "login": 8, "refresh": 9, "people": 10, "real": 11, "attack": 12])
        options.attackFactor = 500
        let plan = plan(verify: 10_000, login: 100, options)
        #expect(
            [plan.verify, plan.login, plan.refresh, plan.mixed].map(\.shape)
                == [7, 8, 9, 10].map(Pacing.Shape.constant))
        for kind in AttackKind.allCases where kind != .slowloris && kind != .refreshReplay {
            let rates = plan.attack(kind)
            #expect(rates.attack == .constant(12), "\(kind)")
            #expect(rates.real == .constant(11))
            #expect(rates.verify == .constant(7))
        }
    }

    @Test("A capacity is asked for when a rate rests on it, and only then")
    func needs() {
        let none = ScenarioOptions()
        #expect(RatePlan.needsVerify([.verify], none))
        #expect(RatePlan.needsVerify([.login, .siege], none))
        #expect(!RatePlan.needsVerify([.login, .refresh, .mixed], none))
        #expect(!RatePlan.needsVerify([.verify, .siege, .attack(.spray)], options(["verify": 1])))
        #expect(!RatePlan.needsLogin([.verify], none))
        for scenario in [ScenarioName.login, .siege, .refresh, .mixed, .attack(.spray)] {
            #expect(RatePlan.needsLogin([.verify, scenario], none), "\(scenario)")
        }
        #expect(!RatePlan.needsLogin([.login, .siege], options(["login": 1])))
        #expect(!RatePlan.needsLogin([.refresh], options(["refresh": 1])))
        #expect(!RatePlan.needsLogin([.mixed], options(["people": 1])))
        #expect(RatePlan.needsLogin([.attack(.brute)], options(["real": 1])))
        #expect(!RatePlan.needsLogin([.attack(.brute)], options(["real": 1, "attack": 1])))
    }

    @Test("Connections that come and go take their rate from verify, whatever rate verify itself was given")
    func churn() {
        #expect(RatePlan.needsVerify([.attack(.connectionChurn)], options(["verify": 100])))
        #expect(!RatePlan.needsVerify([.attack(.connectionChurn)], options(["verify": 100, "attack": 5])))
    }

    @Test(
        "An attack whose rate is not of logins needs no capacity of them when real users have a rate",
        arguments: [AttackKind.connectionChurn, .refreshRace, .refreshReplay, .slowloris])
    func noLogins(_ kind: AttackKind) {
        #expect(!RatePlan.needsLogin([.attack(kind)], options(["real": 1])))
        #expect(RatePlan.needsLogin([.attack(kind)], options(["attack": 1])))
    }
}
