import OpenSSL

/// The page of `--html`: one file that needs no network. Its tables are there without scripts; the charts are drawn by
/// our own, which the page's policy names by its hash, so that nothing else in it could ever run.
package struct ReportPage: Sendable {
    private let report: RunReport
    private let names: ReportNames
    private let judgements: [Judgement]

    package init(_ report: RunReport, judgements: [Judgement] = []) {
        self.report = report
        names = report.names
        self.judgements = judgements
    }

    private static let style = PackageResources.page_css
    private static let script =
        PackageResources.scale_js + PackageResources.chart_js + PackageResources.percentiles_js
        + PackageResources.timeline_js + PackageResources.events_js + PackageResources.page_js

    package var bytes: [UInt8] {
        let data = PageData(report)
        let page: Markup = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="\(ReportPage.policy)">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title)</title>
            <style>\(embedding: ReportPage.style)</style>
            </head>
            <body>
            \(header)
            <main>
            \(report.scenarios.count > 1 ? overview(data) : "")
            \(report.scenarios.isEmpty ? "<p class=\"none\">No scenario was run.</p>" as Markup : "")
            \(report.scenarios.indices.map { PageScenario(report, $0, names, data).markup })
            </main>
            \(footer)
            <script type="application/json" id="data">\(embedding: data.bytes)</script>
            <script>\(embedding: ReportPage.script)</script>
            </body>
            </html>

            """
        return Array(page.html.utf8)
    }

    private static var policy: String {
        "default-src 'none'; script-src \(source(script)); style-src \(source(style)); "
            + "base-uri 'none'; form-action 'none'"
    }

    private static func source(_ content: [UInt8]) -> String {
        do throws(OpenSSLError) { return "'sha256-\(Base64.text(try SHA256.hash(content)))'" } catch {
            // OpenSSL has no memory left. All text is escaped: the report is worth more than the second lock.
            return "'unsafe-inline'"
        }
    }

    private var title: String {
        (report.isValid ? "" : "INVALID: ") + "\(report.profile), \(names.labels.joined(separator: ", "))"
    }

    private var header: Markup {
        let facts = [
            ("Started", Wording.instant(report.startedAt).replacing("T", with: " ").replacing("Z", with: " UTC")),
            ("Ran", Wording.span(seconds: report.seconds)), ("Generator threads", String(report.threads)),
        ]
        let invalid = report.invalidities.map { "<p>\($0)</p>" as Markup }
        return """
            <header>
            <p class="brand"><span aria-hidden="true"></span>loadtest report</p>
            <h1>\(report.profile) <span class="badge \(report.isValid ? "good" : "bad")">\
            \(report.isValid ? "valid run" : "invalid run")</span></h1>
            <p class="targets">\(report.targets.map { "<code>\($0)</code> " as Markup })</p>
            <dl class="facts">\(facts.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" as Markup })</dl>
            \(report.isValid ? "" : "<div class=\"banner bad\" role=\"alert\"><h2>This run is invalid</h2>" as Markup)
            \(invalid)\(report.isValid ? "" : "</div>" as Markup)
            \(report.isInterrupted ? ReportPage.interrupted : "")
            \(judgements.isEmpty ? "" : thresholds)
            </header>
            """
    }

    private static let interrupted: Markup = """
        <div class="banner fair"><h2>Interrupted</h2>
        <p>The run was ended before its time. What is here is what it had until then.</p></div>
        """

    private var thresholds: Markup {
        let met = judgements.count { $0.isMet }
        let rows = judgements.map { judgement -> Markup in
            """
            <tr><td><code>\(judgement.threshold.words)</code></td><td>\(judgement.subject)</td>\
            <td class="n">\(judgement.measured)</td>\
            <td class="verdict \(judgement.isMet ? "good" : "bad")">\(judgement.isMet ? "✓ met" : "✗ not met")</td></tr>
            """
        }
        return """
            <section class="thresholds"><h2>Thresholds <small>\(met) of \(judgements.count) met</small></h2>
            <div class="scroll" tabindex="0" role="group" aria-label="Thresholds"><table>
            <thead><tr><th>threshold</th><th>applies to</th><th class="n">measured</th><th>verdict</th></tr></thead>
            <tbody>\(rows)</tbody></table></div></section>
            """
    }

    private func overview(_ data: PageData) -> Markup {
        let tiles = report.scenarios.enumerated().map { index, scenario -> Markup in
            let rows = scenario.operations.prefix(5).map { operation -> Markup in
                """
                <tr><td><i class="key s\(data.color(of: operation))"></i>\(operation.name)</td>\
                <td class="n">\(operation.latency(.p99).map { Wording.duration(nanoseconds: $0) } ?? "no answer")</td>\
                <td class="n">\(operation.success.map(Wording.percent) ?? "-")</td></tr>
                """
            }
            return """
                <a class="tile\(scenario.isValid ? "" : " invalid")" href="#scenario-\(index)">
                <h3>\(names.labels[index])\(scenario.isValid ? "" : " <span class=\"badge bad\">invalid</span>" as Markup)</h3>
                <table><thead><tr><th></th><th class="n">p99</th><th class="n">success</th></tr></thead>
                <tbody>\(rows)</tbody></table></a>
                """
        }
        return "<nav class=\"tiles\" aria-label=\"Scenarios\">\(tiles)</nav>"
    }

    private let footer: Markup = """
        <footer>
        <p><b>Latency</b> counts from the moment a request should have gone to the last byte of its answer, so that a
        stalled target cannot hide what it delays. <b>Service time</b> counts from when it went. A timeout counts with the
        time after which it was given up. Warm-up is drawn and not counted. <b>Success</b> is the share of all requests
        that were due.</p>
        </footer>
        """
}

/// RFC 4648 section 4, with padding.
enum Base64 {
    static func text(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
            for place in 0..<4 {
                let digit = alphabet[Int(bits >> (18 - 6 * UInt32(place)) & 63)]
                text.append(place <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
