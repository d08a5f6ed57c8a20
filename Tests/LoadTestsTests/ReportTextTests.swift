import LoadTests
import Testing

@Suite("Text of a report")
struct ReportTextTests {
    @Test("A run without an answer has dashes and says so, and one without a scenario says that")
    func empty() {
        var report = ReportSample.verify()
        var refused = OperationResult(name: "login")
        refused.refused = 7
        report.scenarios[0].operations = [OperationResult(name: "verify"), refused]
        report.scenarios[0].generator = GeneratorResult()
        let text = ResultTable(report).text
        #expect(text.contains("nothing was due"))
        #expect(text.contains("errors: 7 refused"))
        #expect(text.contains("generator: lag not measured, 0.00 cores"))
        #expect(!text.contains("0 ns"))
        report.scenarios = []
        #expect(ResultTable(report).text.contains("No scenario was run."))
    }

    @Test("What others wrote cannot move the cursor or widen the table")
    func hostile() {
        var report = ReportSample.verify()
        report.scenarios[0].events = [RunEvent(at: 3, "fault: \u{1B}[2J\n" + String(repeating: "x", count: 300))]
        report.scenarios[0].settings = [("rate", String(repeating: "long ", count: 60))]
        report.scenarios[0].generator.invalidity = String(repeating: "late ", count: 50) + "\r"
        report.scenarios[0].defence = [Figure("x", "guesses", .unknown(String(repeating: "why ", count: 50) + "end"))]
        let text = ResultTable(report).text
        // A reason is wrapped and never cut.
        #expect(text.contains("why end)"))
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 || $0 == "\n" })
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 120 })
    }

    @Test("An invalid run and an interrupted one say so loudly")
    func loud() {
        var report = ReportSample.day(seconds: 5)
        report.isInterrupted = true
        report.scenarios[3].generator.invalidity = "the generator was 80 ms late"
        let text = ResultTable(report).text
        #expect(text.contains("\nINTERRUPTED: "))
        #expect(text.contains("\nsiege  INVALID\n"))
        #expect(text.contains("\nINVALID: siege: the generator was 80 ms late\n"))
    }

    @Test("A row has its numbers, a scoreboard its figures, and thresholds their verdict")
    func whole() throws {
        let report = ReportSample.day()
        let judgements = try [
            Threshold.parse("compromised=0", .max), Threshold.parse("stuffing.real.success=50%", .min),
        ].flatMap { $0.judge(report) }
        let lines = ResultTable(report, judgements: judgements).text.split(separator: "\n").map(String.init)
        #expect(lines.allSatisfy { $0.count <= 120 })
        let row = try #require(lines.first { $0.hasPrefix("  login ") }?.split(separator: " "))
        #expect(row.prefix(6) == ["login", "1,200", "20.0", "20.0", "100", "%"])
        #expect(
            lines.contains {
                $0.contains("guesses that reached") && $0.hasSuffix("unknown (the target shows no metrics)")
            })
        #expect(lines.contains { $0.hasPrefix("    time to recover ...") && $0.hasSuffix(" never") })
        #expect(
            lines.contains { $0.hasPrefix("    0:22 to 0:30") && $0.hasSuffix("fault: redis-cli shutdown (exit 0)") })
        #expect(lines.contains { $0.hasPrefix("--max compromised=0") && $0.hasSuffix("NOT MET") })
        #expect(lines.contains { $0.hasPrefix("--min stuffing.real.success=50%") && $0.hasSuffix("  met") })
    }

    @Test("Live progress is one line cut to the terminal, and a plain line each five seconds elsewhere")
    func progress() {
        var snapshot = ProgressSnapshot(
            scenario: "siege", elapsed: -2.5, total: 60,
            operations: [
                .init(name: "verify", rate: 1234, p99: 1_200_000, errors: 0),
                .init(name: "login", rate: 0, p99: nil, errors: 1),
            ])
        #expect(
            LiveProgress.line(snapshot)
                == "siege warm-up, 3 s to go | verify 1,234/s p99 1.20 ms | login 0.00/s no answer 1 error")
        snapshot.elapsed = 12
        snapshot.invalidity = "late"
        #expect(LiveProgress.line(snapshot).hasPrefix("siege 0:12 of 1:00, 48 s left | INVALID: late | verify"))
        var terminal = LiveProgress(isTerminal: true)
        let drawn = terminal.text(for: snapshot, width: 30)
        #expect(drawn == "\rsiege 0:12 of 1:00, 48 s lef…\u{1B}[K")
        var log = LiveProgress(isTerminal: false)
        var lines: [Double] = []
        for second in 0..<12 {
            snapshot.elapsed = Double(second)
            if !log.text(for: snapshot).isEmpty { lines.append(snapshot.elapsed) }
        }
        #expect(lines == [0, 5, 10])
        snapshot.scenario = "stuffing"
        #expect(log.text(for: snapshot).hasSuffix("\n"))
    }
}
