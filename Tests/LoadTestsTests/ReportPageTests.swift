import Foundation
import JSON
import LoadTests
import Testing

@Suite("Report page")
struct ReportPageTests {
    private func page(_ report: RunReport, _ judgements: [Judgement] = []) -> String {
        String(decoding: ReportPage(report, judgements: judgements).bytes, as: UTF8.self)
    }

    /// What the script reads.
    private func data(_ page: String) throws -> JSONValue {
        let opened = try #require(page.range(of: "<script type=\"application/json\" id=\"data\">"))
        let closed = try #require(page.range(of: "</script>", range: opened.upperBound..<page.endIndex))
        return try JSONValue(parsing: Array(page[opened.upperBound..<closed.lowerBound].utf8))
    }

    @Test("Whatever names and commands hold, it is text: in the tables and in the script's data")
    func hostile() throws {
        let evil = "</script><script>alert(1)</script><img src=x onerror='1'>\"&<!--"
        var report = ReportSample.verify()
        report.profile = evil
        report.targets = [evil]
        report.scenarios[0].name = evil
        report.scenarios[0].operations[0].name = evil
        report.scenarios[0].settings = [(evil, evil)]
        report.scenarios[0].events = [RunEvent(at: 1, evil)]
        report.scenarios[0].defence = [Figure("x", evil, .unknown(evil))]
        report.scenarios[0].generator.invalidity = evil
        let page = page(report)
        // The data's and ours.
        #expect(page.components(separatedBy: "<script").count == 3)
        #expect(page.components(separatedBy: "</script").count == 3)
        #expect(!page.contains("<img") && !page.contains("<!--"))
        let scenario = try #require(try data(page).object?["scenarios"]?.array?.first?.object)
        #expect(scenario["name"] == .string(evil))
    }

    @Test("A run without an answer, and one without a scenario, still make a page")
    func empty() throws {
        var report = ReportSample.verify()
        var refused = OperationResult(name: "login")
        refused.refused = 7
        report.scenarios[0].operations = [OperationResult(name: "verify"), refused]
        #expect(page(report).contains("nothing was due"))
        let operations = try data(page(report)).object?["scenarios"]?.array?.first?.object?["operations"]?.array
        #expect(operations?.allSatisfy { $0.object?["curve"] == .array([.array([]), .array([])]) } == true)
        report.scenarios = []
        #expect(page(report).contains("No scenario was run."))
    }

    @Test("An invalid run says so in its title, at its top and in its scenario")
    func invalid() throws {
        var report = ReportSample.day(seconds: 5)
        report.isInterrupted = true
        report.scenarios[3].generator.invalidity = "the generator was 80 ms late"
        let page = page(report)
        #expect(page.contains("<title>INVALID: "))
        #expect(page.contains("<p>siege: the generator was 80 ms late</p>"))
        #expect(page.contains("<h2>Interrupted</h2>"))
        #expect(page.components(separatedBy: "The generator fell behind").count == 2)
    }

    @Test("The policy names the style and the script by their hashes and allows nothing else")
    func policy() throws {
        let page = page(ReportSample.verify())
        let found = try #require(
            page.range(
                of: "default-src &#39;none&#39;; script-src &#39;sha256-[A-Za-z0-9+/]{43}=&#39;; "
                    + "style-src &#39;sha256-[A-Za-z0-9+/]{43}=&#39;; base-uri &#39;none&#39;; form-action &#39;none&#39;",
                options: .regularExpression))
        #expect(!found.isEmpty)
        #expect(!page.contains("http-equiv=\"refresh\"") && !page.contains(" src=") && !page.contains("@import"))
    }

    @Test("Five scenarios of a minute are less than a megabyte, and a day is drawn with fewer points")
    func size() throws {
        let bytes = ReportPage(ReportSample.day()).bytes
        #expect(bytes.count < 1_000_000)
        var report = ReportSample.verify()
        var second = TimelineSecond()
        second.ok = 3
        (second.p50, second.p99) = (5, 9)
        report.scenarios[0].operations[0].timeline = Array(repeating: second, count: 86_400)
        report.scenarios[0].operations[0].timeline[700].p99 = 77
        let scenario = try #require(try data(page(report)).object?["scenarios"]?.array?.first?.object)
        let operation = try #require(scenario["operations"]?.array?.first?.object)
        #expect(scenario["bin"] == .integer(144))
        let answers = try #require(operation["ok"]?.array)
        #expect(answers == Array(repeating: .integer(432), count: 600))
        #expect(operation["p99"]?.array?[4] == .integer(77))
        #expect(operation["p50"]?.array?[4] == .integer(5))
    }

    @Test("Samples are written where the check in a browser asks for them")
    func samples() throws {
        let day = ReportSample.day()
        var invalid = ReportSample.day(seconds: 20)
        invalid.isInterrupted = true
        invalid.scenarios[3].generator.invalidity = "The generator was 80 ms late for 1.2 % of its requests."
        var silent = ReportSample.verify()
        silent.scenarios[0].operations = [OperationResult(name: "verify")]
        silent.scenarios[0].operations[0].refused = 900
        let judgements = try [
            Threshold.parse("login.p99=300ms", .max), Threshold.parse("stuffing.compromised=0", .max),
            Threshold.parse("real.success=99%", .min),
        ].flatMap { $0.judge(day) }
        let files = [
            ("day.html", ReportPage(day, judgements: judgements).bytes),
            ("invalid.html", ReportPage(invalid).bytes), ("silent.html", ReportPage(silent).bytes),
            ("day.json", ResultFile.bytes(day, judgements: judgements)),
            ("day.txt", Array(ResultTable(day, judgements: judgements).text.utf8)),
        ]
        let asked = ProcessInfo.processInfo.environment["LOADTEST_SAMPLES"]
        let folder = asked ?? NSTemporaryDirectory() + "loadtest-samples-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { if asked == nil { try? FileManager.default.removeItem(atPath: folder) } }
        for (name, bytes) in files {
            let path = "\(folder)/\(name)"
            try OutputFile(path).write(bytes)
            #expect(FileManager.default.contents(atPath: path) == Data(bytes))
        }
    }
}
