import Testing

@testable import LoadTests

@Suite("Siege and attack times")
struct SiegeTests {
    @Test("Every moment is of one half of one wave, those outside of the whole time included")
    func moments() {
        func moment(_ seconds: Double) -> SiegeScenario.Moment {
            SiegeScenario.moment(seconds, duration: 20, waves: 5)
        }
        #expect(moment(0) == SiegeScenario.Moment(wave: 0, isWave: false, isSettled: false))
        #expect(moment(0.5) == SiegeScenario.Moment(wave: 0, isWave: false, isSettled: true))
        #expect(moment(2.1) == SiegeScenario.Moment(wave: 0, isWave: true, isSettled: false))
        #expect(moment(3.9) == SiegeScenario.Moment(wave: 0, isWave: true, isSettled: true))
        #expect(moment(4) == SiegeScenario.Moment(wave: 1, isWave: false, isSettled: false))
        #expect(moment(19.9) == SiegeScenario.Moment(wave: 4, isWave: true, isSettled: true))
        #expect(moment(-3).wave == 0)
        #expect(moment(1_000).wave == 4)
        #expect(moment(1_000).isWave)
    }

    @Test("A half that is short settles for a quarter of it at most")
    func shortHalf() {
        let moment = SiegeScenario.moment(0.3, duration: 2, waves: 1)
        #expect(moment == SiegeScenario.Moment(wave: 0, isWave: false, isSettled: true))
    }

    private func operation(_ name: String, _ milliseconds: UInt64...) -> OperationResult {
        var operation = OperationResult(name: name)
        operation.ok = UInt64(milliseconds.count)
        for value in milliseconds { operation.latency.record(value * 1_000_000) }
        return operation
    }

    @Test("Without an answer the scoreboard of a siege says so")
    func emptyDigest() {
        let (operations, figures) = SiegeScenario.digest(
            [operation("verify.idle#0", 1), operation("verify#0")], waves: 1)
        #expect(operations.map(\.name) == ["verify", "verify.idle"])
        let values = figures.map(\.value)
        guard case .milliseconds = values[0] else { return #expect(Bool(false), "\(values[0])") }
        #expect(values[1] == .unknown("no verify was answered"))
        #expect(values[2] == .unknown("no verify was answered"))
    }

    @Test("The ratio of a siege is the median of its waves' own, and one bad wave does not make it")
    func digest() {
        let parts = [
            operation("verify.idle#0", 10), operation("verify#0", 20), operation("verify.idle#1", 10),
            operation("verify#1", 30), operation("verify.idle#2", 10), operation("verify#2", 900),
            operation("login", 7), operation(SiegeScenario.settlingName, 8),
        ]
        let (operations, figures) = SiegeScenario.digest(parts, waves: 3)
        #expect(operations.map(\.name) == ["verify", "verify.idle", "login", SiegeScenario.settlingName])
        #expect(operations.map(\.ok) == [3, 3, 1, 1])
        guard case .ratio(let ratio) = figures[2].value else { return #expect(Bool(false), "\(figures[2].value)") }
        #expect(abs(ratio - 3) < 0.01)
    }

    @Test("A siege in which verifies timed out at rest has no ratio: both sides would be the timeout")
    func timeoutsAtRest() {
        var quiet = operation("verify.idle#0", 10)
        quiet.timeouts = 1
        let (_, figures) = SiegeScenario.digest([quiet, operation("verify#0", 20)], waves: 1)
        #expect(figures[2].value == .unknown("verifies timed out at rest, too"))
    }

    @Test("Parts of an operation are added up with all that they hold")
    func merged() {
        var first = operation("a", 1, 2)
        (first.unexpected, first.timeouts, first.refused, first.broken) = (1, 2, 3, 4)
        (first.malformed, first.unfinished) = (5, 6)
        first.statuses = [(200, 2), (503, 1)]
        first.service.record(1_000)
        first.timelineStart = 2
        first.timeline = [TimelineSecond()]
        first.timeline[0].ok = 2
        first.timeline[0].p99 = 7
        var second = first
        second.statuses = [(100, 1), (200, 5)]
        second.timelineStart = 0
        second.timeline[0].p99 = 3
        let merged = [first, second, OperationResult(name: "empty")].merged("all")
        #expect(merged.name == "all")
        #expect(merged.count == 2 * first.count)
        #expect(merged.errors == 42)
        #expect(merged.statuses.map(\.status) == [100, 200, 503])
        #expect(merged.statuses.map(\.count) == [1, 7, 1])
        #expect(merged.latency.count == 4)
        #expect(merged.service.count == 2)
        #expect(merged.timelineStart == 0)
        #expect(merged.timeline.map(\.ok) == [2, 0, 2])
        #expect(merged.timeline.map(\.p99) == [3, 0, 7])
        let twice = [first, first].merged("all")
        #expect(twice.timeline.map(\.ok) == [4])
        #expect(twice.timeline.map(\.p99) == [7])
    }

    @Test(
        "An attack of any length has rest before it and time to recover after it",
        arguments: [0.1, 1, 8, 9.5, 12, 60, 3_600])
    func attackTimes(_ duration: Double) {
        let times = AttackTimes(duration: duration)
        #expect(times.end >= 8)
        #expect(Double(times.end) >= duration)
        #expect(times.attack.lowerBound >= 2)
        #expect(times.attack.count >= 3)
        #expect(times.end - times.attack.upperBound >= 3)
    }
}
