/// The table that ends a run in the terminal: at most 120 columns, without colours.
package struct ResultTable: Sendable {
    private let report: RunReport
    private let judgements: [Judgement]

    package init(_ report: RunReport, judgements: [Judgement] = []) {
        self.report = report
        self.judgements = judgements
    }

    /// With a newline at the end of each line.
    package var text: String {
        let names = report.names
        var lines = [header]
        if report.isInterrupted {
            lines.append("INTERRUPTED: the run ended before its time; what follows is what it had")
        }
        for index in report.scenarios.indices { lines += scenario(index, names) }
        if report.scenarios.isEmpty { lines += ["", "No scenario was run."] }
        if !judgements.isEmpty { lines += [""] + thresholds }
        for sentence in report.invalidities {
            lines += [""] + TextColumns.wrapped("INVALID: \(Wording.plain(sentence))", indent: 0)
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private var header: String {
        let targets = report.targets.map(Wording.plain).joined(separator: ", ")
        let text =
            "\(targets)  profile \(Wording.plain(report.profile))  \(Wording.instant(report.startedAt))  "
            + "\(Wording.span(seconds: report.seconds))  \(report.threads) thread\(report.threads == 1 ? "" : "s")"
        return TextColumns.cut(text, TextColumns.width)
    }

    private func scenario(_ index: Int, _ names: ReportNames) -> [String] {
        let scenario = report.scenarios[index]
        var lines = ["", Wording.plain(names.labels[index]) + (scenario.isValid ? "" : "  INVALID")]
        let settings = scenario.settings.map { "\(Wording.plain($0.name)) \(Wording.plain($0.value))" }
        lines += TextColumns.wrapped(
            (settings + ["measured \(Wording.span(seconds: scenario.seconds))"]).joined(separator: ", "), indent: 2)
        if !scenario.operations.isEmpty { lines += [""] + operations(scenario, index, names) }
        if !scenario.defence.isEmpty { lines += [""] + scoreboard(scenario.defence) }
        if !scenario.events.isEmpty { lines += [""] + events(scenario.events) }
        return lines + [""] + generator(scenario.generator)
    }

    private func operations(_ scenario: ScenarioResult, _ index: Int, _ names: ReportNames) -> [String] {
        let quantiles: [Quantile] = [.p50, .p90, .p95, .p99, .p999, .max]
        var columns = TextColumns(
            ["operation", "count", "offered/s", "ok/s", "success"] + quantiles.map(\.title))
        for operation in scenario.operations {
            let success = operation.success.map(Wording.percent) ?? "-"
            columns.add(
                [
                    Wording.plain(names.operation(operation.name, of: index)), Wording.count(operation.count),
                    Wording.significant(operation.offeredRate(over: scenario.seconds)),
                    Wording.significant(operation.rate(over: scenario.seconds)), success,
                ] + quantiles.map { operation.latency($0).map { Wording.duration(nanoseconds: $0) } ?? "-" })
            if let note = ResultTable.failures(of: operation) { columns.note(note) }
        }
        return columns.lines()
    }

    /// Errors by kind and answers by status; nil when all was answered alike.
    private static func failures(of operation: OperationResult) -> String? {
        if operation.count == 0 { return "nothing was due" }
        var parts: [String] = []
        if operation.errors > 0 {
            let kinds = operation.errorsByKind.filter { $0.count > 0 }.map { "\(Wording.count($0.count)) \($0.name)" }
            parts.append("errors: " + kinds.joined(separator: ", "))
        }
        if operation.errors > 0 || operation.statuses.count > 1 {
            let statuses = operation.statuses.map { "\($0.status) x \(Wording.count($0.count))" }
            if !statuses.isEmpty { parts.append("answers: " + statuses.joined(separator: ", ")) }
        }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    private func scoreboard(_ figures: [Figure]) -> [String] {
        let titles = figures.map { Wording.plain($0.title) }
        let width = min(titles.map(\.count).max() ?? 0, 70) + 3
        return ["  scoreboard"]
            + zip(figures, titles).flatMap { figure, title in
                let dots = String(repeating: ".", count: max(2, width - title.count))
                return TextColumns.wrapped("\(title) \(dots) \(figure.value.words)", indent: 4)
            }
    }

    private func events(_ events: [RunEvent]) -> [String] {
        ["  events"]
            + events.sorted { $0.at < $1.at }.map { event in
                let until = event.until.map { " to \(Wording.clock(seconds: $0))" } ?? ""
                let time = TextColumns.pad(Wording.clock(seconds: event.at) + until, 14)
                return TextColumns.cut("    \(time)  \(Wording.plain(event.text))", TextColumns.width)
            }
    }

    private func generator(_ generator: GeneratorResult) -> [String] {
        var parts = ["generator: lag " + ResultTable.lag(generator.lag)]
        parts.append("\(Wording.decimal(generator.cores, 2)) cores")
        if generator.shed > 0 { parts.append("\(Wording.count(generator.shed)) requests shed") }
        return TextColumns.wrapped(parts.joined(separator: ", "), indent: 2)
    }

    static func lag(_ lag: LatencyHistogram) -> String {
        if lag.isEmpty { return "not measured" }
        return [Quantile.p50, .p99, .max].map {
            "\($0.title) \(Wording.duration(nanoseconds: $0.nanoseconds(of: lag)))"
        }.joined(separator: " ")
    }

    private var thresholds: [String] {
        var columns = TextColumns(leading: 4, ["threshold", "", "measured", ""])
        for judgement in judgements {
            columns.add([
                judgement.threshold.words, Wording.plain(judgement.subject), Wording.plain(judgement.measured),
                judgement.isMet ? "met" : "NOT MET",
            ])
        }
        return columns.lines(indent: 0)
    }
}
