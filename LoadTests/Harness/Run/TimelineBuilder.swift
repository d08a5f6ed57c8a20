/// Puts the seconds of all loops together. Histograms of seconds that no loop can add to any more are made into
/// figures, so that a long run needs no more memory than a short one, for the most part.
struct TimelineBuilder {
    private struct Operation {
        var done: [Int: TimelineSecond] = [:]
        var pending: [Int: OperationRecorder.Second] = [:]
    }

    /// In the order in which they came.
    private(set) var names: [String] = []
    private var operations: [String: Operation] = [:]

    mutating func add(_ seconds: [OperationRecorder.Second], of name: String) {
        if operations[name] == nil {
            names.append(name)
            operations[name] = Operation()
        }
        for second in seconds {
            guard operations[name]?.pending[second.second] != nil else {
                operations[name]?.pending[second.second] = second
                continue
            }
            operations[name]?.pending[second.second]?.ok += second.ok
            operations[name]?.pending[second.second]?.errors += second.errors
            operations[name]?.pending[second.second]?.latency.merge(second.latency)
        }
    }

    mutating func compact(before second: Int) {
        for name in names {
            for (key, value) in operations[name]?.pending ?? [:] where key < second {
                operations[name]?.done[key] = TimelineBuilder.figures(value)
                operations[name]?.pending[key] = nil
            }
        }
    }

    /// Each operation in one second. What stands behind a `#` tells the waves of a siege apart, of which one is on.
    func progress(at second: Int) -> [ProgressSnapshot.Operation] {
        var shown: [ProgressSnapshot.Operation] = []
        for name in names {
            let found = operations[name]?.pending[second]
            let label = String(name.prefix { $0 != "#" })
            if let index = shown.firstIndex(where: { $0.name == label }) {
                if found == nil { continue }
                shown.remove(at: index)
            }
            shown.append(
                ProgressSnapshot.Operation(
                    name: label, rate: Double(found?.ok ?? 0),
                    p99: found.flatMap { $0.latency.isEmpty ? nil : $0.latency.percentile(99) },
                    errors: found?.errors ?? 0))
        }
        return shown
    }

    /// Where it begins, and every second from there on.
    mutating func finish(_ name: String) -> (start: Int, seconds: [TimelineSecond]) {
        compact(before: .max)
        guard let done = operations[name]?.done, let first = done.keys.min(), let last = done.keys.max() else {
            return (0, [])
        }
        return (first, (first...last).map { done[$0] ?? TimelineSecond() })
    }

    private static func figures(_ second: OperationRecorder.Second) -> TimelineSecond {
        var figures = TimelineSecond()
        figures.ok = second.ok
        figures.errors = second.errors
        figures.p50 = second.latency.percentile(50) / 1_000
        figures.p99 = second.latency.percentile(99) / 1_000
        figures.max = second.latency.max / 1_000
        return figures
    }
}
