import Reactor

/// How a request ended.
package enum Fate: Sendable, Equatable {
    /// As the profile calls success.
    case ok
    /// Answered otherwise.
    case unexpected
    /// Given up: not answered in time.
    case timedOut
    /// There was no connection to be had; the `errno`.
    case refused(Int32)
    /// The connection ended before the answer did.
    case broken
    /// No HTTP, or not what the profile says.
    case malformed
    /// The run was cut off.
    case unfinished
}

/// What one thread saw of one operation. On its loop only.
package final class OperationRecorder {
    /// A second that is over, with its histogram, so that threads can be merged.
    package struct Second: Sendable {
        let second: Int
        var ok: UInt64 = 0
        var errors: UInt64 = 0
        var latency = LatencyHistogram(.coarse)
    }

    let name: String
    private(set) var result: OperationResult
    private let start: MonotonicTime
    private var statuses = [UInt64](repeating: 0, count: 600)
    private var current: Second
    private var finished: [Second] = []

    /// `start`: of the measured time. What was due before it is of the warm-up, and on the timeline alone.
    init(_ name: String, start: MonotonicTime) {
        self.name = name
        self.start = start
        result = OperationResult(name: name)
        current = Second(second: OperationRecorder.second(of: .now, start))
    }

    /// One request's end. `sent`: when its first byte went, if any did. `status`: 0 without an answer.
    func record(_ fate: Fate, status: UInt16, intended: MonotonicTime, sent: MonotonicTime?, done: MonotonicTime) {
        let latency = done.nanoseconds(since: intended)
        advance(to: OperationRecorder.second(of: done, start))
        if fate == .ok { current.ok += 1 } else { current.errors += 1 }
        if fate == .ok || fate == .timedOut { current.latency.record(latency) }
        guard intended >= start else { return }
        switch fate {
        case .ok:
            result.ok += 1
            result.latency.record(latency)
            if let sent { result.service.record(done.nanoseconds(since: sent)) }
        case .timedOut:
            result.timeouts += 1
            result.latency.record(latency)
        case .unexpected: result.unexpected += 1
        case .refused: result.refused += 1
        case .broken: result.broken += 1
        case .malformed: result.malformed += 1
        case .unfinished: result.unfinished += 1
        }
        if status > 0, Int(status) < statuses.count { statuses[Int(status)] += 1 }
    }

    /// The seconds that were over since it was last asked.
    func takeFinished(at now: MonotonicTime) -> [Second] {
        advance(to: OperationRecorder.second(of: now, start))
        defer { finished.removeAll() }
        return finished
    }

    /// All of it; the recorder is at its end.
    func finish() -> (OperationResult, [Second]) {
        result.statuses = statuses.enumerated().filter { $0.element > 0 }.map { (UInt16($0.offset), $0.element) }
        return (result, finished + [current])
    }

    private func advance(to second: Int) {
        guard second > current.second else { return }
        if current.ok + current.errors > 0 { finished.append(current) }
        current = Second(second: second)
    }

    /// Negative before the start.
    static func second(of time: MonotonicTime, _ start: MonotonicTime) -> Int {
        if time >= start { return Int(time.nanoseconds(since: start) / 1_000_000_000) }
        return -Int((start.nanoseconds(since: time) + 999_999_999) / 1_000_000_000)
    }
}
