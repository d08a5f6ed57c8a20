import Reactor
import Testing

@testable import LoadTests

@Suite("Operation recorder")
struct OperationRecorderTests {
    /// Seconds are made up; the recorder's begin when it is made, so they lie ahead of that.
    private let start = MonotonicTime.now.adding(milliseconds: 3_600_000)

    private func at(_ seconds: Double) -> MonotonicTime {
        seconds >= 0
            ? start.adding(nanoseconds: UInt64(seconds * 1e9))
            : MonotonicTime(nanoseconds: start.nanoseconds - UInt64(-seconds * 1e9))
    }

    private func record(
        _ recorder: OperationRecorder, _ fate: Fate, _ status: UInt16 = 0, due: Double, took: Double = 0.1
    ) {
        recorder.record(fate, status: status, intended: at(due), sent: at(due), done: at(due + took))
    }

    @Test("Each way to end is counted in one place, and all of them add up")
    func fates() {
        let recorder = OperationRecorder("login", start: start)
        let fates: [Fate] = [.unexpected, .timedOut, .refused(111), .broken, .malformed, .unfinished, .ok]
        for (index, fate) in fates.enumerated() {
            for _ in 0...index { record(recorder, fate, fate == .ok ? 200 : fate == .unexpected ? 401 : 0, due: 1) }
        }
        let result = recorder.finish().0
        #expect(result.unexpected == 1)
        #expect(result.timeouts == 2)
        #expect(result.refused == 3)
        #expect(result.broken == 4)
        #expect(result.malformed == 5)
        #expect(result.unfinished == 6)
        #expect(result.ok == 7)
        #expect(result.count == 28)
        #expect(result.statuses.map(\.status) == [200, 401])
        #expect(result.statuses.map(\.count) == [7, 1])
    }

    @Test(
        "Latency is that of answers and timeouts, from when they were due; service that of answers, from when they went"
    )
    func latencies() {
        let recorder = OperationRecorder("login", start: start)
        for fate in [Fate.unexpected, .refused(111), .broken, .malformed, .unfinished] {
            record(recorder, fate, due: 1)
        }
        #expect(recorder.result.latency.isEmpty)
        recorder.record(.timedOut, status: 0, intended: at(1), sent: nil, done: at(11))
        recorder.record(.ok, status: 200, intended: at(1), sent: at(3), done: at(4))
        // A success that nobody can say of when it went.
        recorder.record(.ok, status: 200, intended: at(1), sent: nil, done: at(2))
        let result = recorder.finish().0
        #expect(result.latency.count == 3)
        #expect(abs(Double(result.latency.max) - 10e9) < 10e6)
        #expect(result.service.count == 1)
        #expect(abs(Double(result.service.max) - 1e9) < 1e6)
    }

    @Test("A status that is none is not counted as one")
    func statuses() {
        let recorder = OperationRecorder("login", start: start)
        record(recorder, .unexpected, 999, due: 1)
        record(recorder, .unexpected, 0, due: 1)
        #expect(recorder.finish().0.statuses.isEmpty)
    }

    @Test("What was due in the warm-up is on the timeline alone, even when it is answered after it")
    func warmUp() {
        let recorder = OperationRecorder("login", start: start)
        record(recorder, .ok, 200, due: -1.5)
        record(recorder, .timedOut, due: -0.5, took: 2)
        record(recorder, .ok, 200, due: 1.6)
        let (result, seconds) = recorder.finish()
        #expect(result.count == 1)
        #expect(result.timeouts == 0)
        #expect(result.latency.count == 1)
        #expect(result.statuses.map(\.count) == [1])
        #expect(seconds.map(\.second) == [-2, 1])
        #expect(seconds.map(\.ok) == [1, 1])
        #expect(seconds.map(\.errors) == [0, 1])
    }

    @Test("A second of the timeline is given once, when it is over")
    func seconds() {
        let recorder = OperationRecorder("login", start: start)
        record(recorder, .ok, 200, due: 0.1)
        record(recorder, .broken, due: 0.2)
        record(recorder, .ok, 200, due: 2.0)
        #expect(recorder.takeFinished(at: at(2.5)).map(\.second) == [0])
        #expect(recorder.takeFinished(at: at(2.9)).isEmpty)
        let rest = recorder.finish().1
        #expect(rest.map(\.second) == [2])
        #expect(rest[0].ok == 1)
        #expect(rest[0].latency.count == 1)
    }

    @Test("The last nanosecond before the start is of second -1, and the start of second 0")
    func edges() {
        #expect(OperationRecorder.second(of: MonotonicTime(nanoseconds: start.nanoseconds - 1), start) == -1)
        #expect(OperationRecorder.second(of: at(-1), start) == -1)
        #expect(OperationRecorder.second(of: MonotonicTime(nanoseconds: at(-1).nanoseconds - 1), start) == -2)
        #expect(OperationRecorder.second(of: start, start) == 0)
        #expect(OperationRecorder.second(of: at(1), start) == 1)
    }
}
