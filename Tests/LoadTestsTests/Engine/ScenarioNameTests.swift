import Testing

@testable import LoadTests

@Suite("Names of scenarios")
struct ScenarioNameTests {
    @Test("What is no scenario has no name", arguments: ["", "Verify", "verify ", "attack", "lowAndSlow"])
    func unknown(_ text: String) { #expect(ScenarioName(rawValue: text) == nil) }

    @Test("Every scenario is found by its name, and no two have the same")
    func names() {
        for scenario in ScenarioName.all { #expect(ScenarioName(rawValue: scenario.rawValue) == scenario) }
        #expect(Set(ScenarioName.all.map(\.rawValue)).count == ScenarioName.all.count)
        #expect(ScenarioName.all.count == 5 + AttackKind.allCases.count)
    }

    @Test(
        "Operations and figures of a scenario have names of their own, and a threshold finds each",
        arguments: ScenarioName.all)
    func thresholds(_ scenario: ScenarioName) throws {
        let (operations, figures) = (scenario.operationNames, scenario.figureNames)
        #expect(!operations.isEmpty)
        #expect(Set(operations + figures).count == operations.count + figures.count)
        for text in operations.map({ "\($0).p99=1s" }) + figures.map({ "\($0)=1" }) {
            let threshold = try Threshold.parse(text, .max)
            let isKnown = threshold.mayConcern(
                scenarioNames: [scenario.rawValue], operationNames: operations, figureNames: figures)
            #expect(isKnown, "\(text)")
        }
    }

    @Test("A run needs people unless the token to verify was given")
    func people() throws {
        var token = Variables()
        token["access_token"] = "t"
        for (scenarios, given, needs) in [
            ([ScenarioName.verify], token, false), ([.verify], Variables(), true), ([.verify, .siege], token, true),
        ] {
            let settings = RunSettings(
                scenarios: scenarios, targets: [], profile: try TargetProfile.named("bearer"), given: given,
                carrier: .none, seed: 1)
            #expect(settings.needsPeople == needs)
        }
    }

    @Test("Sign-ins of a scenario's own never exceed the accounts", arguments: ScenarioName.all)
    func ownSessions(_ scenario: ScenarioName) {
        #expect(scenario.ownSessions(accounts: 1, seconds: 3_600) <= 1)
        #expect(scenario.ownSessions(accounts: 1_000_000, seconds: 3_600) <= 64)
    }
}
