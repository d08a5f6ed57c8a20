/// One scenario on the page: its tables, and the places where the script draws its charts.
struct PageScenario {
    private let scenario: ScenarioResult
    private let index: Int
    private let names: ReportNames
    private let data: PageData

    init(_ report: RunReport, _ index: Int, _ names: ReportNames, _ data: PageData) {
        scenario = report.scenarios[index]
        self.index = index
        self.names = names
        self.data = data
    }

    var markup: Markup {
        let settings = scenario.settings + [("measured", Wording.span(seconds: scenario.seconds))]
        return """
            <section class="scenario" id="scenario-\(index)" data-scenario="\(index)">
            <h2>\(names.labels[index])\(scenario.isValid ? "" : " <span class=\"badge bad\">invalid</span>" as Markup)</h2>
            <dl class="settings">\(settings.map { "<div><dt>\($0.name)</dt><dd>\($0.value)</dd></div>" as Markup })</dl>
            \(scenario.generator.invalidity.map { "<p class=\"banner bad\">\($0)</p>" as Markup } ?? "")
            \(scenario.operations.isEmpty ? "" : operations)
            <div class="pair">\(scenario.operations.isEmpty ? "" : percentiles)\(scenario.defence.isEmpty ? "" : scoreboard)</div>
            \(scenario.operations.isEmpty ? "" : overTime)
            \(scenario.events.isEmpty ? "" : events)
            \(generator)
            </section>
            """
    }

    private static let quantiles: [Quantile] = [.p50, .p90, .p95, .p99, .p999, .max]

    private var operations: Markup {
        let headings = PageScenario.quantiles.map { "<th class=\"n\" scope=\"col\">\($0.title)</th>" as Markup }
        return """
            <div class="scroll" tabindex="0" role="group" aria-label="Operations of \(names.labels[index])">
            <table class="operations">
            <thead><tr><th scope="col">operation</th><th class="n" scope="col">count</th>
            <th class="n" scope="col">offered/s</th><th class="n" scope="col">ok/s</th>
            <th class="n" scope="col">success</th>\(headings)
            <th class="n" scope="col" title="p99 from when a request went">service p99</th></tr></thead>
            <tbody>\(scenario.operations.map(row))</tbody></table></div>
            """
    }

    private func row(_ operation: OperationResult) -> Markup {
        let cells = PageScenario.quantiles.map { quantile -> Markup in
            "<td class=\"n\">\(PageScenario.words(operation.latency(quantile)))</td>"
        }
        let success = operation.success.map(Wording.percent) ?? "-"
        let failures = notes(operation)
        return """
            <tr><th scope="row"><i class="key s\(data.color(of: operation))"></i>\(operation.name)</th>\
            <td class="n">\(Wording.count(operation.count))</td>\
            <td class="n">\(Wording.significant(operation.offeredRate(over: scenario.seconds)))</td>\
            <td class="n">\(Wording.significant(operation.rate(over: scenario.seconds)))</td>\
            <td class="n">\(success)</td>\(cells)<td class="n">\(PageScenario.words(operation.service(.p99)))</td></tr>
            \(failures.isEmpty ? "" : "<tr class=\"note\"><td colspan=\"12\">\(failures)</td></tr>" as Markup)
            """
    }

    private static func words(_ nanoseconds: Double?) -> String {
        nanoseconds.map { Wording.duration(nanoseconds: $0) } ?? "-"
    }

    /// Errors by kind and answers by status, where not all was answered alike.
    private func notes(_ operation: OperationResult) -> [Markup] {
        if operation.count == 0 { return ["nothing was due"] }
        guard operation.errors > 0 || operation.statuses.count > 1 else { return [] }
        let kinds = operation.errorsByKind.filter { $0.count > 0 }.map { kind -> Markup in
            "<span class=\"chip bad\"><b>\(Wording.count(kind.count))</b> \(kind.name)</span> "
        }
        let statuses = operation.statuses.map { status -> Markup in
            "<span class=\"chip\">\(String(status.status)) <b>\(Wording.count(status.count))</b></span> "
        }
        return kinds + statuses
    }

    private func figure(_ kind: String, _ title: String, _ about: String) -> Markup {
        """
        <figure class="chart" data-chart="\(kind)"><figcaption><b>\(title)</b> <span>\(about)</span></figcaption>
        <div class="plot"><p class="script">This chart is drawn by the page's script.</p></div></figure>
        """
    }

    private var percentiles: Markup {
        """
        <div class="charts">\(figure("percentiles", "Latency by percentile", "log scales; how long the slowest take"))\
        </div>
        """
    }

    private var overTime: Markup {
        """
        <div class="charts time">
        \(scenario.events.isEmpty ? "" : figure("events", "What happened", "on the time axis of the charts below"))
        \(figure("latency", "Latency over time", "log scale; thick p99, thin p50"))
        \(figure("rate", "Answers over time", "a second, stacked; errors hatched"))
        </div>
        """
    }

    private var scoreboard: Markup {
        let rows = scenario.defence.map { figure -> Markup in
            switch figure.value {
            case .unknown(let why):
                "<div class=\"unknown\"><dt>\(figure.title)<small>\(why)</small></dt><dd>unknown</dd></div>"
            case .never: "<div><dt>\(figure.title)</dt><dd>never</dd></div>"
            default: "<div><dt>\(figure.title)</dt><dd>\(figure.value.words)</dd></div>"
            }
        }
        return "<div class=\"scoreboard\"><h3>Scoreboard</h3><dl>\(rows)</dl></div>"
    }

    private var events: Markup {
        let rows = scenario.events.sorted { $0.at < $1.at }.map { event -> Markup in
            let until = event.until.map { " to \(Wording.clock(seconds: $0))" } ?? ""
            return "<tr><td class=\"n\">\(Wording.clock(seconds: event.at))\(until)</td><td>\(event.text)</td></tr>"
        }
        return """
            <details class="events"\(scenario.events.count <= 12 ? " open" : "")><summary>Events <small>\(scenario.events.count)</small></summary>
            <table><thead class="hidden"><tr><th>time</th><th>event</th></tr></thead><tbody>\(rows)</tbody></table></details>
            """
    }

    private var generator: Markup {
        let generator = scenario.generator
        let shed: Markup = generator.shed == 0 ? "" : ", <b>\(Wording.count(generator.shed))</b> requests shed"
        return """
            <p class="generator"><span class="dot \(scenario.isValid ? "good" : "bad")" aria-hidden="true"></span>
            The generator \(scenario.isValid ? "kept its pace" : "fell behind"): lag \(ResultTable.lag(generator.lag)), \
            \(Wording.decimal(generator.cores, 2)) cores\(shed).</p>
            """
    }
}
