import JSON
import LoadTests
import Testing

@Suite("Result file")
struct ResultFileTests {
    private func object(_ report: RunReport) throws -> JSONObject {
        try #require(try JSONValue(parsing: ResultFile.bytes(report)).object)
    }

    @Test(
        "What is no result file is refused in a sentence",
        arguments: [
            ("", "it is no JSON (at byte 0)"), ("{\"run\":{}", "it is no JSON (at byte 9)"),
            ("[]", "it is no result of loadtest: `run` and `defence` are not in it"),
            ("{\"run\":{},\"defence\":{}}", "`run` in it is not what loadtest writes"),
            ("{\"run\":{},\"defence\":{\"x\":\"1\"}}", "`defence.x` in it is not what loadtest writes"),
            ("{\"run\":{},\"defence\":{},\"login\":7}", "`login` in it is not what loadtest writes"),
            (
                "{\"run\":{},\"defence\":{},\"login\":{\"count\":1,\"ok\":2,\"rate\":1}}",
                "`login` in it is not what loadtest writes"
            ),
            (
                "{\"run\":{},\"defence\":{},\"login\":{\"count\":1,\"ok\":1,\"rate\":1,\"p50_us\":\"x\"}}",
                "`login.p50_us` in it is not what loadtest writes"
            ),
        ])
    func foreign(text: String, sentence: String) {
        #expect {
            _ = try ResultSummary(parsing: Array(text.utf8))
        } throws: {
            "\($0)" == sentence
        }
    }

    @Test("A file that is not there, and a folder, are named")
    func missing() {
        for path in ["/nowhere/a.json", "/"] {
            #expect {
                _ = try ResultSummary(path: path)
            } throws: {
                "\($0)".hasPrefix("\(path) cannot be read: ")
            }
        }
    }

    @Test("An operation without a success has null quantiles, and one without requests counts zero")
    func nothing() throws {
        var report = ReportSample.verify()
        var login = OperationResult(name: "login")
        login.timeouts = 3
        for _ in 0..<3 { login.latency.record(10_000_000_000) }
        report.scenarios[0].operations = [login, OperationResult(name: "refresh")]
        let members = try object(report)
        for name in ["login", "refresh"] {
            let operation = try #require(members[name]?.object)
            for quantile in ["p50_us", "p90_us", "p95_us", "p99_us", "p999_us", "max_us", "mean_us"] {
                #expect(operation[quantile] == .null)
            }
        }
        #expect(members["login"]?.object?["errors"] == .integer(3))
        #expect(members["login"]?.object?["timeouts"] == .integer(3))
        #expect(members["refresh"]?.object?["count"] == .integer(0))
        let read = try ResultSummary(parsing: ResultFile.bytes(report))
        #expect(read.operations.map(\.quantiles) == [[:], [:]])
    }

    @Test("Figures that are not known are null and say why")
    func unknown() throws {
        var report = ReportSample.verify()
        report.scenarios[0].defence = [
            Figure("guesses", "guesses", .unknown("no metrics")), Figure("detected", "time to detect", .never),
            Figure("fallen", "accounts", .count(0)), Figure("share", "share", .share(0.25)),
        ]
        let members = try object(report)
        let figures = JSONObject(members: [
            .init(name: "guesses", value: .null), .init(name: "detected", value: .null),
            .init(name: "fallen", value: .integer(0)), .init(name: "share", value: .number(0.25)),
        ])
        #expect(members["defence"] == .object(figures))
        let reasons = JSONObject(members: [
            .init(name: "guesses", value: .string("no metrics")),
            .init(name: "detected", value: .string("did not come about")),
        ])
        #expect(members["defence_unknown"] == .object(reasons))
    }

    @Test("Names carry the scenario only where there are several, and none is there twice")
    func names() throws {
        #expect(try object(ReportSample.verify()).members.map(\.name).contains("verify"))
        var report = ReportSample.day(seconds: 5)
        report.scenarios.append(report.scenarios[0])
        let names = try object(report).members.map(\.name)
        let expected: Set = [
            "verify", "login", "mixed.login", "siege.verify", "stuffing.real.known", "stuffing.verify", "verify#2",
        ]
        #expect(expected.isSubset(of: names))
        #expect(try object(report)["defence"]?.object?["stuffing.compromised"] == .integer(3))
        var odd = ReportSample.verify()
        odd.scenarios[0].operations[0].name = "run"
        #expect(try object(odd)["verify.run"]?.object?["count"] == .integer(1500))
    }

    @Test("What was written is what is read")
    func roundTrip() throws {
        var report = ReportSample.day(seconds: 5)
        report.isInterrupted = true
        report.scenarios[3].generator.invalidity = "the generator was 80 ms late"
        let members = try object(report)
        let run = try #require(members["run"]?.object)
        #expect(run["valid"] == .bool(false))
        #expect(run["invalidity"] == .array([.string("siege: the generator was 80 ms late")]))
        #expect(run["started_at"] == .string("2026-11-28T15:14:07Z"))
        let timeline = try #require(members["login"]?.object?["timeline"]?.object)
        #expect(timeline["start"] == .integer(-5))
        #expect(timeline["ok"]?.array == Array(repeating: .integer(20), count: 10))
        let read = try ResultSummary(parsing: ResultFile.bytes(report))
        #expect(read.targets == report.targets)
        #expect(!read.isValid)
        #expect(read.isInterrupted)
        let verify = try #require(read.operations.first { $0.name == "verify" })
        let written = report.scenarios[0].operations[0]
        #expect(verify.count == written.count)
        #expect(verify.quantiles[.p99] == Double(written.latency.percentile(99)) / 1000)
        #expect(read.figures.first { $0.name == "stuffing.real_new_success" }?.value == 0.742)
    }
}
