import Reactor
import TestSupport
import Testing

@testable import LoadTests

@Suite("A whole run", .timeLimit(.minutes(1)))
struct LoadRunTests {
    /// Every answer has its place, and every request that was due has one.
    private func expectWhole(
        _ operation: OperationResult, _ count: UInt64, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(operation.count == count, "\(operation.name)", sourceLocation: sourceLocation)
        #expect(operation.ok + operation.errors == count, sourceLocation: sourceLocation)
        #expect(
            operation.statuses.reduce(0) { $0 + $1.count } == operation.ok + operation.unexpected,
            sourceLocation: sourceLocation)
        #expect(operation.latency.count == operation.ok + operation.timeouts, sourceLocation: sourceLocation)
        #expect(operation.service.count == operation.ok, sourceLocation: sourceLocation)
    }

    @Test("Verify, login and refresh have as many results as their pace has requests", arguments: [1, 3])
    func counts(_ threads: Int) async throws {
        try await SmallTarget.run { target, port in
            var settings = try RunBench.settings([.verify, .login, .refresh], port: port)
            settings.threads = threads
            settings.options.rates["verify"] = try Pacing("0..600")
            settings.options.rates["login"] = try Pacing("40@200ms")
            settings.options.rates["refresh"] = try Pacing("30,0,90")
            let bench = RunBench(settings)
            let report = try await bench.report()
            #expect(!report.isInterrupted)
            #expect(report.scenarios.map(\.name) == ["verify", "login", "refresh"])
            for (scenario, count) in zip(report.scenarios, [300, 200, 40] as [UInt64]) {
                #expect(scenario.operations.map(\.name) == [scenario.name])
                expectWhole(scenario.operations[0], count)
                #expect(scenario.operations[0].ok == count)
                #expect(scenario.generator.lag.count >= count)
                #expect(scenario.generator.shed == 0)
                #expect(scenario.isValid)
                let timeline = scenario.operations[0].timeline
                #expect(timeline.reduce(0) { $0 + $1.ok } >= count)
                #expect(scenario.operations[0].timelineStart <= 0)
            }
            #expect(bench.told.withLock { $0.contains("planting 20 accounts") })
            #expect(bench.snapshots.withLock { $0.contains { $0.scenario == "login" } })
        }
    }

    @Test("Answers that are no success are counted by their status, and are none of the latency")
    func unexpected() async throws {
        try await SmallTarget.run { target, port in
            let bench = RunBench(try RunBench.settings([.verify], port: port)) { text in
                if text == "verify for 1 s" { target.answer("/verify", 401, times: 30) }
            }
            let operation = try await bench.report().scenarios[0].operations[0]
            expectWhole(operation, 50)
            // The first ten were the warm-up's.
            #expect(operation.unexpected == 20)
            #expect(operation.statuses.map(\.status) == [200, 401])
            #expect(operation.statuses.map(\.count) == [30, 20])
        }
    }

    @Test("What is not answered in time is a timeout at the age at which it was given up")
    func timeouts() async throws {
        try await SmallTarget.run { target, port in
            var settings = try RunBench.settings([.login], port: port)
            settings.timeoutMilliseconds = 200
            let bench = RunBench(settings) { text in
                if text == "login for 1 s" { target.state.withLock { $0.silent = ["/login"] } }
            }
            let operation = try await bench.report().scenarios[0].operations[0]
            expectWhole(operation, 50)
            #expect(operation.timeouts == 50)
            #expect(operation.latency.min >= 199_000_000)
        }
    }

    @Test("A run in which the target ends has its refused connections counted")
    func refused() async throws {
        let running = Lock<(RunBench, Task<RunReport, any Error>)?>(nil)
        try await SmallTarget.run { target, port in
            var settings = try RunBench.settings([.verify], port: port)
            settings.duration = 600
            let bench = RunBench(settings)
            running.withLock { $0 = (bench, Task { try await bench.report() }) }
            await until { target.count("/verify") >= 20 }
        }
        let (bench, task) = try #require(running.withLock { $0 })
        // More than the four whose connections broke.
        await until { bench.snapshots.withLock { $0.contains { $0.operations.contains { $0.errors >= 10 } } } }
        bench.run.interrupt()
        let operation = try await task.value.scenarios[0].operations[0]
        expectWhole(operation, operation.count)
        #expect(operation.refused >= 5)
    }

    @Test("Renewals that wait for a session when the run is cut off are all counted")
    func waitingRenewals() async throws {
        try await SmallTarget.run { target, port in
            var settings = try RunBench.settings([.refresh], port: port)
            // One of the threads has no session at all.
            (settings.users, settings.threads) = (1, 2)
            settings.warmUp = 0
            settings.duration = 600
            settings.options.rates["refresh"] = .constant(10_000)
            let bench = RunBench(settings) { text in
                if text == "refresh for 600 s" { target.state.withLock { $0.silent = ["/refresh"] } }
            }
            async let report = bench.report()
            await until { bench.snapshots.withLock { $0.contains { $0.elapsed >= 1 } } }
            bench.run.interrupt()
            let found = try await report
            let operation = found.scenarios[0].operations[0]
            #expect(found.isInterrupted)
            #expect(operation.count >= UInt64(found.scenarios[0].seconds * 10_000))
            #expect(operation.unfinished == operation.count)
            #expect(target.count("/refresh") == 1)
        }
    }

    @Test("An interrupted run is reported with what was under way as unfinished, and the next scenario is not begun")
    func interrupted() async throws {
        try await SmallTarget.run { target, port in
            var settings = try RunBench.settings([.login, .verify], port: port)
            settings.duration = 600
            let bench = RunBench(settings)
            async let report = bench.report()
            await until { bench.snapshots.withLock { $0.contains { $0.elapsed >= 1 } } }
            target.state.withLock { $0.silent = ["/login"] }
            let before = target.count("/login")
            await until { target.count("/login") > before + 2 }
            bench.run.interrupt()
            let found = try await report
            #expect(found.isInterrupted)
            #expect(found.scenarios.map(\.name) == ["login"])
            let operation = found.scenarios[0].operations[0]
            #expect(operation.unfinished > 0)
            #expect(operation.ok > 0)
            #expect((1..<60).contains(found.scenarios[0].seconds))
            #expect(operation.count == operation.ok + operation.errors)
        }
    }

    @Test("What was measured before an interruption between two scenarios is reported")
    func interruptedBetween() async throws {
        try await SmallTarget.run { target, port in
            // The sign-ins that the refresh scenario begins with are never answered.
            let bench = RunBench(try RunBench.settings([.verify, .refresh], port: port)) { text in
                if text == "signing in 20 people for it" { target.state.withLock { $0.silent = ["/login"] } }
            }
            async let report = bench.report()
            await until { bench.told.withLock { $0.contains("signing in 20 people for it") } }
            bench.run.interrupt()
            let found = try await report
            #expect(found.isInterrupted)
            #expect(found.scenarios.map(\.name) == ["verify"])
            #expect(found.scenarios[0].operations[0].ok == 50)
        }
    }

    @Test("A token that is given is checked without anybody being planted")
    func bearer() async throws {
        try await SmallTarget.run { target, port in
            var settings = try RunBench.settings([.verify], port: port)
            settings.profile = try TargetProfile(
                parsing: Array(
                    String(decoding: PackageResources.bearer_json, as: UTF8.self)
                        .replacing("\"path\": \"/\"", with: "\"path\": \"/verify\"").utf8))
            settings.given["access_token"] = "good-one"
            expectWhole(try await RunBench(settings).report().scenarios[0].operations[0], 50)
            #expect(target.count("/plant") == 0)
            settings.given["access_token"] = "bad"
            let error = try await RunBench.failure(settings)
            #expect(error == .data("The verify of the given token was refused (status 401)."))
        }
    }

    @Test("A rate follows from the capacity that is found out, and what carries nothing ends the run")
    func capacity() async throws {
        try await SmallTarget.run { target, port in
            var settings = try RunBench.settings([.login], port: port)
            settings.options.rates = [:]
            let bench = RunBench(settings)
            async let report = bench.report()
            let scenario = try await report.scenarios[0]
            expectWhole(scenario.operations[0], scenario.operations[0].count)
            let told = try #require(bench.told.withLock { $0.first { $0.hasPrefix("capacity: login ") } })
            let carried = try #require(Int(told.dropFirst("capacity: login ".count).prefix { $0.isNumber }))
            #expect(abs(Int(scenario.operations[0].count) - carried / 2) <= 2)
            let without = RunBench(settings) { text in
                if text == "finding out how many logins the target carries" { target.answer("/login", 503) }
            }
            let error = try await without.failure()
            #expect(error.exitCode == 69)
            #expect(error.description.contains("not one request"))
        }
    }
}
