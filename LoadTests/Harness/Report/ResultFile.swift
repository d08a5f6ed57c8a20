import JSON

/// The file of `--json`: one member an operation under its name, the scoreboard under `defence`, the run under `run`.
///
/// Durations are microseconds, rates a second, shares 0...1. A quantile is null when not one request succeeded, a figure
/// when it is unknown or did not come about; `defence_unknown` then says why.
package enum ResultFile {
    /// One JSON object and a newline.
    package static func bytes(_ report: RunReport, judgements: [Judgement] = []) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 1 << 16)
        let names = report.names
        writer.beginObject()
        writer.key("run")
        run(report, names, judgements, &writer)
        for (index, scenario) in report.scenarios.enumerated() {
            for operation in scenario.operations {
                writer.key(names.operation(operation.name, of: index))
                write(operation, scenario, &writer)
            }
        }
        defence(report, names, &writer)
        writer.endObject()
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    private static func write(_ operation: OperationResult, _ scenario: ScenarioResult, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("count", operation.count)
        writer.member("ok", operation.ok)
        writer.member("errors", operation.errors)
        for quantile in Quantile.allCases {
            writer.member("\(quantile.rawValue)_us", operation.latency(quantile).map { $0 / 1000 })
        }
        writer.member("rate", operation.rate(over: scenario.seconds))
        writer.member("offered_rate", operation.offeredRate(over: scenario.seconds))
        for (name, count) in operation.errorsByKind { writer.member(name, count) }
        writer.key("statuses")
        writer.beginObject()
        for (status, count) in operation.statuses { writer.member(String(status), count) }
        writer.endObject()
        writer.key("service")
        writer.beginObject()
        for quantile in Quantile.allCases {
            writer.member("\(quantile.rawValue)_us", operation.service(quantile).map { $0 / 1000 })
        }
        writer.endObject()
        writer.key("timeline")
        timeline(operation, &writer)
        writer.endObject()
    }

    /// Columns, a second each.
    private static func timeline(_ operation: OperationResult, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("start")
        writer.integer(operation.timelineStart)
        let columns: [(String, KeyPath<TimelineSecond, UInt64>)] = [
            ("ok", \.ok), ("errors", \.errors), ("p50_us", \.p50), ("p99_us", \.p99), ("max_us", \.max),
        ]
        for (name, path) in columns {
            writer.key(name)
            writer.beginArray()
            for second in operation.timeline { writer.integer(second[keyPath: path]) }
            writer.endArray()
        }
        writer.endObject()
    }

    private static func defence(_ report: RunReport, _ names: ReportNames, _ writer: inout JSONWriter) {
        let figures = report.scenarios.enumerated().flatMap { index, scenario in
            scenario.defence.map { (name: names.figure($0.name, of: index), title: $0.title, value: $0.value) }
        }
        writer.key("defence")
        writer.beginObject()
        for figure in figures {
            writer.key(figure.name)
            switch figure.value {
            case .count(let value): writer.integer(value)
            case .share(let value), .ratio(let value), .milliseconds(let value), .seconds(let value):
                writer.number(value)
            case .never, .unknown: writer.null()
            }
        }
        writer.endObject()
        writer.key("defence_unknown")
        writer.beginObject()
        for figure in figures {
            if let why = figure.value.absence { writer.member(figure.name, why) }
        }
        writer.endObject()
        writer.key("defence_details")
        writer.beginObject()
        for figure in figures {
            writer.key(figure.name)
            writer.beginObject()
            writer.member("title", figure.title)
            writer.member("unit", figure.value.unit)
            writer.endObject()
        }
        writer.endObject()
    }
}

// MARK: - The run

extension ResultFile {
    private static func run(
        _ report: RunReport, _ names: ReportNames, _ judgements: [Judgement], _ writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.key("targets")
        writer.strings(report.targets)
        writer.member("profile", report.profile)
        writer.member("started_at", Wording.instant(report.startedAt))
        writer.member("seconds", report.seconds)
        writer.key("threads")
        writer.integer(report.threads)
        writer.key("valid")
        writer.bool(report.isValid)
        writer.key("invalidity")
        writer.strings(report.invalidities)
        writer.key("interrupted")
        writer.bool(report.isInterrupted)
        writer.key("scenarios")
        writer.beginArray()
        for (scenario, label) in zip(report.scenarios, names.labels) { write(scenario, label, &writer) }
        writer.endArray()
        writer.key("thresholds")
        writer.beginArray()
        for judgement in judgements {
            writer.beginObject()
            writer.member("threshold", judgement.threshold.words)
            writer.member("subject", judgement.subject)
            writer.member("measured", judgement.measured)
            writer.key("met")
            writer.bool(judgement.isMet)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }

    private static func write(_ scenario: ScenarioResult, _ label: String, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("name", label)
        writer.member("seconds", scenario.seconds)
        writer.key("settings")
        writer.beginArray()
        for (name, value) in scenario.settings {
            writer.beginObject()
            writer.member("name", name)
            writer.member("value", value)
            writer.endObject()
        }
        writer.endArray()
        writer.key("events")
        writer.beginArray()
        for event in scenario.events {
            writer.beginObject()
            writer.member("at", event.at)
            writer.member("until", event.until)
            writer.member("text", event.text)
            writer.endObject()
        }
        writer.endArray()
        writer.key("generator")
        let generator = scenario.generator
        writer.beginObject()
        for quantile in [Quantile.p50, .p99, .max] {
            let lag = generator.lag.isEmpty ? nil : quantile.nanoseconds(of: generator.lag) / 1000
            writer.member("lag_\(quantile.rawValue)_us", lag)
        }
        writer.member("cores", generator.cores)
        writer.member("shed", generator.shed)
        writer.member("invalidity", generator.invalidity)
        writer.endObject()
        writer.endObject()
    }
}

extension Figure.Value {
    /// Why there is no number; nil when there is.
    var absence: String? {
        switch self {
        case .never: "did not come about"
        case .unknown(let why): why
        default: nil
        }
    }

    /// Of the number in a file; nil of one that is not there, and of a count.
    var unit: String? {
        switch self {
        case .share: "share"
        case .ratio: "ratio"
        case .milliseconds: "ms"
        case .seconds: "s"
        case .count, .never, .unknown: nil
        }
    }
}

extension JSONWriter {
    mutating func member(_ name: String, _ value: String?) {
        key(name)
        if let value { string(value) } else { null() }
    }

    mutating func member(_ name: String, _ value: UInt64) {
        key(name)
        integer(value)
    }

    /// To three decimals, without a fraction when there is none.
    mutating func member(_ name: String, _ value: Double?) {
        key(name)
        guard let value else { return null() }
        let rounded = (value * 1000).rounded() / 1000
        if rounded == rounded.rounded(), abs(rounded) < 1e15 { integer(Int64(rounded)) } else { number(rounded) }
    }
}
