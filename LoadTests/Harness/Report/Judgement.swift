/// What a threshold came to for one operation or figure.
package struct Judgement: Sendable {
    package let threshold: Threshold
    /// Whose value it was, by its name in the report; empty when nothing had the name.
    package let subject: String
    /// In words, with its unit; why, when there was none.
    package let measured: String
    package let isMet: Bool
}

extension Threshold {
    /// One judgement for each operation or figure that has the name; one that is not met when none has it.
    ///
    /// In each scenario a figure goes before an operation, and an operation before a group. What was not measured is not
    /// met. Whether the run is valid at all is the report's to say.
    package func judge(_ report: RunReport) -> [Judgement] {
        let names = report.names
        var judgements: [Judgement] = []
        for (index, scenario) in report.scenarios.enumerated() {
            let spellings = [scenario.name, names.labels[index]]
            let figures = scenario.defence.filter { isNamed(figure: $0.name, of: spellings) }
            judgements += figures.map { judge($0, as: names.figure($0.name, of: index)) }
            guard figures.isEmpty else { continue }
            let itself = scenario.operations.filter { isNamed(operation: $0.name, of: spellings) == .itself }
            let group = scenario.operations.filter { isNamed(operation: $0.name, of: spellings) == .group }
            for operation in itself.isEmpty ? group : itself {
                judgements.append(judge(operation, scenario, as: names.operation(operation.name, of: index)))
            }
        }
        if judgements.isEmpty { judgements.append(judgement("", "nothing of that name was measured", false)) }
        return judgements
    }

    private func judgement(_ subject: String, _ measured: String, _ isMet: Bool) -> Judgement {
        Judgement(threshold: self, subject: subject, measured: measured, isMet: isMet)
    }

    private func isMet(_ value: Double, _ limit: Double) -> Bool {
        direction == .max ? value <= limit : value >= limit
    }

    private func judge(_ operation: OperationResult, _ scenario: ScenarioResult, as subject: String) -> Judgement {
        guard let (_, metric) = self.operation, let limit = comparable(to: metric) else {
            return judgement(subject, "not comparable with this value", false)
        }
        if operation.count == 0 && metric != .count { return judgement(subject, "nothing was due", false) }
        switch metric {
        case .latency(let quantile):
            guard let value = operation.latency(quantile) else {
                return judgement(subject, "not one request succeeded", false)
            }
            return judgement(subject, Wording.duration(nanoseconds: value), isMet(value, limit))
        case .success:
            let value = operation.success ?? 0
            return judgement(subject, Wording.percent(value), isMet(value, limit))
        case .rate:
            let value = operation.rate(over: scenario.seconds)
            return judgement(subject, Wording.significant(value) + "/s", isMet(value, limit))
        case .count: return judgement(subject, Wording.count(operation.count), isMet(Double(operation.count), limit))
        case .errors:
            return judgement(subject, Wording.count(operation.errors), isMet(Double(operation.errors), limit))
        }
    }

    private func judge(_ figure: Figure, as subject: String) -> Judgement {
        let words = figure.value.words
        switch (figure.value, bound) {
        case (.unknown, _): return judgement(subject, words, false)
        case (.never, _): return judgement(subject, "it did not come about", false)
        case (.count(let value), .number(let limit)): return judgement(subject, words, isMet(Double(value), limit))
        case (.ratio(let value), .number(let limit)): return judgement(subject, words, isMet(value, limit))
        case (.share(let value), .share(let limit)), (.share(let value), .number(let limit)):
            return judgement(subject, words, isMet(value, limit))
        case (.milliseconds(let value), .nanoseconds(let limit)):
            return judgement(subject, words, isMet(value * 1e6, limit))
        case (.seconds(let value), .nanoseconds(let limit)):
            return judgement(subject, words, isMet(value * 1e9, limit))
        default: return judgement(subject, "\(words): not in the unit of the bound", false)
        }
    }
}
