import Reactor
import Testing

@testable import LoadTests

/// A target that answers in 1 ms, but stalls for 100 ms in each second, as a pause of its garbage collector would. What
/// users see can be computed; a generator that waits for answers before it sends the next does not see it.
@Suite("Coordinated omission")
struct CorrectionTests {
    private static let seconds = 20
    private static let rate = 1_000
    private static let millisecond: UInt64 = 1_000_000
    private static let start = MonotonicTime.now.adding(milliseconds: 3_600_000)

    private static func at(_ milliseconds: Int) -> MonotonicTime {
        start.adding(nanoseconds: UInt64(milliseconds) * millisecond)
    }

    /// When a request that comes at this millisecond is answered, in milliseconds.
    private static func answer(_ due: Int) -> Int {
        let inside = due % 1_000
        return inside < 100 ? due - inside + 100 : due + 1
    }

    /// Of `latencies`, the smallest that so many thousandths of them are at most.
    private static func quantile(_ thousandths: Int, of latencies: [UInt64]) -> UInt64 {
        let rank = (thousandths * latencies.count + 999) / 1_000
        return latencies.sorted()[max(1, rank) - 1]
    }

    /// What was recorded is what is computed, to three digits.
    private func check(_ found: LatencyHistogram, _ latencies: [UInt64]) {
        #expect(found.count == latencies.count)
        for thousandths in [500, 900, 950, 990, 999, 1_000] {
            let expected = Double(Self.quantile(thousandths, of: latencies))
            let value = Double(found.percentile(Double(thousandths) / 10))
            #expect(value >= expected && value <= expected * 1.001, "\(thousandths): \(value), not \(expected)")
        }
    }

    @Test("All quantiles of a stalling target are those that are computed")
    func corrected() {
        let recorder = OperationRecorder("verify", start: Self.start)
        var latencies: [UInt64] = []
        let requests = (0..<(Self.seconds * Self.rate)).map { due in (due: due, done: Self.answer(due)) }
        for request in requests.sorted(by: { $0.done < $1.done }) {
            latencies.append(UInt64(request.done - request.due) * Self.millisecond)
            recorder.record(
                .ok, status: 200, intended: Self.at(request.due), sent: Self.at(request.due),
                done: Self.at(request.done))
        }
        let result = recorder.finish().0
        check(result.latency, latencies)
        // A tenth of them meets the stall, evenly from 1 to 100 ms.
        #expect(Self.quantile(950, of: latencies) == 50 * Self.millisecond)
        #expect(Self.quantile(990, of: latencies) == 90 * Self.millisecond)
        #expect(Self.quantile(1_000, of: latencies) == 100 * Self.millisecond)
    }

    @Test("On one connection the wait is in the latency, and service time does not show it")
    func oneConnection() {
        let recorder = OperationRecorder("verify", start: Self.start)
        var latencies: [UInt64] = []
        var free = 0
        for due in stride(from: 0, to: Self.seconds * 1_000, by: 4) {
            let sent = max(due, free)
            free = Self.answer(sent)
            latencies.append(UInt64(free - due) * Self.millisecond)
            recorder.record(
                .ok, status: 200, intended: Self.at(due), sent: Self.at(sent), done: Self.at(free))
        }
        let result = recorder.finish().0
        check(result.latency, latencies)
        #expect(result.latency.percentile(95) > 60 * Self.millisecond)
        // One request of the 250 in a second meets the stall itself.
        #expect(Double(result.service.percentile(99)) <= Double(Self.millisecond) * 1.001)
        #expect(result.service.max >= 99 * Self.millisecond)
    }
}
