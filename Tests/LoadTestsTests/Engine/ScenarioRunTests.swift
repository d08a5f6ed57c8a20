import Testing

@testable import LoadTests

@Suite("Scenarios on a target", .timeLimit(.minutes(2)))
struct ScenarioRunTests {
    /// Without the thousand connections of slowloris, which a test's process may not have.
    private static let scenarios = ScenarioName.all.filter { $0 != .attack(.slowloris) }

    @Test("Each has the operations and figures that it names, and all that was due in one place", arguments: scenarios)
    func names(_ scenario: ScenarioName) async throws {
        try await SmallTarget.run { _, port in
            var settings = try RunBench.settings([scenario], port: port)
            settings.threads = 2
            settings.options.refreshGrace = 0
            settings.options.rates["people"] = .constant(10)
            let result = try await RunBench(settings).report().scenarios[0]
            let names = result.operations.map(\.name)
            #expect(Set(names).isSubset(of: scenario.operationNames), "\(names)")
            #expect(names.count == Set(names).count)
            #expect(!names.isEmpty)
            let figures = result.defence.map(\.name)
            #expect(Set(figures).isSubset(of: scenario.figureNames), "\(figures)")
            #expect(figures.isEmpty == scenario.figureNames.isEmpty)
            for operation in result.operations {
                #expect(operation.count == operation.ok + operation.errors)
                #expect(operation.unfinished == 0, "\(operation.name)")
            }
            #expect(result.operations.contains { $0.ok > 0 })
            #expect(result.generator.shed == 0)
        }
    }

    @Test("An undefended target's scoreboard shows each hit of a stuffing, and that nobody was turned away")
    func undefended() async throws {
        try await SmallTarget.run { target, port in
            var settings = try RunBench.settings([.attack(.stuffing)], port: port)
            settings.options.hitRate = 1
            settings.options.rates["attack"] = .constant(100)
            settings.warmUp = 0
            let result = try await RunBench(settings).report().scenarios[0]
            let times = AttackTimes(duration: 1)
            let attack = try #require(result.operations.first { $0.name == "attack" })
            #expect(attack.count == UInt64(100 * times.attack.count))
            #expect(attack.ok == attack.count)
            let verify = try #require(result.operations.first { $0.name == "verify" })
            #expect(verify.count == UInt64(50 * times.end))
            let real = try #require(result.operations.first { $0.name == "real" })
            #expect(real.count == UInt64(50 * times.end))
            #expect(real.ok == real.count)
            #expect(result.defence.first { $0.name == "compromised" }?.value == .count(20))
            #expect(result.defence.first { $0.name == "time_to_detect" }?.value == .never)
        }
    }
}
