/// What operations and figures of a run are called wherever they are shown, kept, compared or judged.
///
/// In a run of one scenario they have their own names. In a run of several the scenario's name stands before them
/// (`siege.verify`, `stuffing.compromised`), except that the operation a scenario is named after has that name alone.
/// A scenario that is run again is `verify#2`.
package struct ReportNames: Sendable {
    /// Members of a result file that are no operations.
    static let reserved = ["run", "defence", "defence_unknown", "defence_details"]

    private let scenarios: [String]
    /// Of each scenario, no two the same.
    package let labels: [String]

    /// The scenarios' names, in the order they ran.
    package init(scenarios: [String]) {
        self.scenarios = scenarios
        labels = scenarios.enumerated().map { index, name in
            let before = scenarios[..<index].filter { $0 == name }.count
            return before == 0 ? name : "\(name)#\(before + 1)"
        }
    }

    /// `scenario` counts from 0.
    package func operation(_ name: String, of scenario: Int) -> String {
        let label = labels[scenario]
        if scenarios.count > 1 && name == scenarios[scenario] { return label }
        return scenarios.count > 1 || ReportNames.reserved.contains(name) ? "\(label).\(name)" : name
    }

    package func figure(_ name: String, of scenario: Int) -> String {
        scenarios.count > 1 ? "\(labels[scenario]).\(name)" : name
    }
}

extension RunReport {
    package var names: ReportNames { ReportNames(scenarios: scenarios.map(\.name)) }

    /// Why the run counts for nothing, a sentence for each scenario whose generator fell behind.
    package var invalidities: [String] {
        zip(scenarios, names.labels).compactMap { scenario, label in
            guard let why = scenario.generator.invalidity else { return nil }
            return scenarios.count > 1 ? "\(label): \(why)" : why
        }
    }
}

/// What a latency distribution is summed up in.
package enum Quantile: String, Sendable, CaseIterable {
    case p50, p90, p95, p99, p999, max, mean

    /// In tables.
    var title: String { self == .p999 ? "p99.9" : rawValue }

    /// Nanoseconds; zero of an empty histogram.
    func nanoseconds(of histogram: LatencyHistogram) -> Double {
        switch self {
        case .p50: Double(histogram.percentile(50))
        case .p90: Double(histogram.percentile(90))
        case .p95: Double(histogram.percentile(95))
        case .p99: Double(histogram.percentile(99))
        case .p999: Double(histogram.percentile(99.9))
        case .max: Double(histogram.max)
        case .mean: histogram.mean
        }
    }
}

extension OperationResult {
    /// Nanoseconds; nil when not one request succeeded: a quantile of timeouts alone says nothing of the target.
    package func latency(_ quantile: Quantile) -> Double? {
        ok == 0 || latency.isEmpty ? nil : quantile.nanoseconds(of: latency)
    }

    package func service(_ quantile: Quantile) -> Double? {
        ok == 0 || service.isEmpty ? nil : quantile.nanoseconds(of: service)
    }

    /// Failures by their kind, as they are called in files and tables; those that did not occur included.
    package var errorsByKind: [(name: String, count: UInt64)] {
        [
            ("unexpected", unexpected), ("timeouts", timeouts), ("refused", refused), ("broken", broken),
            ("malformed", malformed), ("unfinished", unfinished),
        ]
    }

    /// Successes a second; 0 for a scenario that had no time.
    package func rate(over seconds: Double) -> Double { seconds > 0 ? Double(ok) / seconds : 0 }

    /// Requests that were due a second.
    package func offeredRate(over seconds: Double) -> Double { seconds > 0 ? Double(count) / seconds : 0 }
}
