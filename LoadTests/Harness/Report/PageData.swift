import Glibc
import JSON

/// What the page's script draws from: columns of numbers, as JSON that can stand inside an element of HTML.
///
/// A chart has at most 600 points a line, so that a page of hours opens as fast as one of minutes: then one point stands
/// for several seconds, with their worst p99 and the p50 of the middle one.
struct PageData {
    private static let points = 600

    private let report: RunReport
    private let names: ReportNames
    /// Of each operation by its own name, so that `verify` looks the same in each scenario.
    private let colors: [String: Int]
    static let colorCount = 8

    init(_ report: RunReport) {
        self.report = report
        names = report.names
        var colors: [String: Int] = [:]
        for operation in report.scenarios.flatMap(\.operations) where colors[operation.name] == nil {
            colors[operation.name] = colors.count % PageData.colorCount
        }
        self.colors = colors
    }

    func color(of operation: OperationResult) -> Int { colors[operation.name] ?? 0 }

    var bytes: [UInt8] {
        var writer = JSONWriter(reservingCapacity: 1 << 16)
        writer.beginObject()
        writer.key("scenarios")
        writer.beginArray()
        for index in report.scenarios.indices { write(index, &writer) }
        writer.endArray()
        writer.endObject()
        // The one byte that could begin a tag or a comment; in JSON it stands in strings alone.
        return writer.bytes.flatMap { $0 == UInt8(ascii: "<") ? Array("\\u003c".utf8) : [$0] }
    }

    private func write(_ index: Int, _ writer: inout JSONWriter) {
        let scenario = report.scenarios[index]
        let longest = scenario.operations.map(\.timeline.count).max() ?? 0
        let bin = max(1, (longest + PageData.points - 1) / PageData.points)
        writer.beginObject()
        writer.member("name", names.labels[index])
        writer.key("start")
        writer.integer(min(0, scenario.operations.map(\.timelineStart).min() ?? 0))
        // Answers that came after the measured time have their place, too.
        let last = scenario.operations.map { $0.timelineStart + $0.timeline.count }.max() ?? 0
        writer.member("end", max(scenario.seconds, Double(last)))
        writer.key("bin")
        writer.integer(bin)
        writer.key("operations")
        writer.beginArray()
        for operation in scenario.operations { write(operation, bin, &writer) }
        writer.endArray()
        writer.key("events")
        writer.beginArray()
        for event in scenario.events.sorted(by: { $0.at < $1.at }) {
            writer.beginObject()
            writer.member("at", event.at)
            writer.member("until", event.until)
            writer.member("text", Wording.plain(event.text))
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }

    private func write(_ operation: OperationResult, _ bin: Int, _ writer: inout JSONWriter) {
        let bins = stride(from: 0, to: operation.timeline.count, by: bin).map { first in
            operation.timeline[first..<min(first + bin, operation.timeline.count)]
        }
        writer.beginObject()
        writer.member("name", operation.name)
        writer.key("color")
        writer.integer(color(of: operation))
        writer.key("start")
        writer.integer(operation.timelineStart)
        PageData.column("ok", bins.map { $0.reduce(0) { $0 + $1.ok } }, &writer)
        PageData.column("errors", bins.map { $0.reduce(0) { $0 + $1.errors } }, &writer)
        PageData.column("p50", bins.map(PageData.middle), &writer)
        PageData.column("p99", bins.map { $0.map(\.p99).max() ?? 0 }, &writer)
        writer.key("curve")
        PageData.curve(operation.ok == 0 ? nil : operation.latency, &writer)
        writer.key("service")
        PageData.curve(operation.ok == 0 ? nil : operation.service, &writer)
        writer.endObject()
    }

    /// The p50 of the middle second among those that have one; 0 when none has.
    private static func middle(_ seconds: ArraySlice<TimelineSecond>) -> UInt64 {
        let values = seconds.map(\.p50).filter { $0 > 0 }.sorted()
        return values.isEmpty ? 0 : values[values.count / 2]
    }

    private static func column(_ name: String, _ values: [UInt64], _ writer: inout JSONWriter) {
        writer.key(name)
        writer.beginArray()
        for value in values { writer.integer(value) }
        writer.endArray()
    }

    /// Two columns: how many nines (99.9 % is 3), and microseconds. The greatest value stands at one of all.
    private static func curve(_ histogram: LatencyHistogram?, _ writer: inout JSONWriter) {
        let points = histogram?.curve() ?? []
        let last = log10(Double(max(1, histogram?.count ?? 1)))
        writer.beginArray()
        writer.beginArray()
        for (percent, _) in points {
            let nines = percent >= 100 ? last : min(last, -log10(1 - percent / 100))
            writer.number((nines * 1000).rounded() / 1000 + 0)
        }
        writer.endArray()
        writer.beginArray()
        for (_, nanoseconds) in points { writer.number((Double(nanoseconds) / 100).rounded() / 10) }
        writer.endArray()
        writer.endArray()
    }
}
