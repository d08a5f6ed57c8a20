import LoadTests
import Testing

@Suite("Thresholds")
struct ThresholdTests {
    private func judge(_ text: String, _ direction: Threshold.Direction, _ report: RunReport) throws -> [Judgement] {
        try Threshold.parse(text, direction).judge(report)
    }

    @Test(
        "What is no threshold is refused in one sentence that repeats it",
        arguments: [
            "", "=", "login.p99", "login.p99=", "=3ms", "login.p99=300", "login.p99=300%", "login.p99=-3ms",
            "login.p99=3 ms", "login.p99=1e3ms", "login.p99=.5s", "login.p99=5.s", "login.p99=1.2.3s", "login.p99=nan",
            "login.p99=3min", "real.success=101%", "real.success=99", "real.success=3ms", "verify.errors=0%",
            "verify.rate=10s", "x y.p99=3ms", "verify.p99=99999999999999999ms", "défense=1",
        ])
    func malformed(text: String) {
        #expect {
            _ = try Threshold.parse(text, .max)
        } throws: { error in
            let words = "\(error)"
            return words.hasPrefix("--max \(text): ") && words.hasSuffix(".") && !words.contains("\n")
        }
    }

    @Test("A name that nothing in the run has is found before the run, and is not met after it")
    func typo() throws {
        let wrong = try Threshold.parse("logni.p99=300ms", .max)
        #expect(!wrong.mayConcern(scenarioNames: ["login"], operationNames: ["login"], figureNames: ["compromised"]))
        #expect(wrong.concernsNothing == "--max logni.p99=300ms: this run measures nothing of that name.")
        let judgements = wrong.judge(ReportSample.verify())
        #expect(judgements.map(\.isMet) == [false])
        #expect(judgements.first?.measured == "nothing of that name was measured")
        for text in ["login.p99=1s", "mixed.login.p99=1s", "compromised=0", "stuffing.compromised=0", "real.success=1"]
        {
            let right = try Threshold.parse(text, .max)
            #expect(
                right.mayConcern(
                    scenarioNames: ["mixed", "stuffing"], operationNames: ["login", "real.known"],
                    figureNames: ["compromised"]), "\(text)")
        }
    }

    @Test("What was not measured is not met, whichever the direction")
    func unmeasured() throws {
        var report = ReportSample.verify()
        report.scenarios[0].operations = [OperationResult(name: "verify"), OperationResult(name: "login")]
        report.scenarios[0].operations[1].timeouts = 5
        report.scenarios[0].defence = [
            Figure("guesses", "guesses", .unknown("no metrics")), Figure("detected", "time to detect", .never),
        ]
        for (text, reason) in [
            ("verify.p99=1s", "nothing was due"), ("verify.errors=0", "nothing was due"),
            ("login.p99=1s", "not one request succeeded"), ("guesses=100", "unknown (no metrics)"),
            ("detected=10s", "it did not come about"),
        ] {
            for direction in [Threshold.Direction.min, .max] {
                let judgements = try judge(text, direction, report)
                #expect(judgements.map(\.isMet) == [false], "\(text)")
                #expect(judgements.map(\.measured) == [reason])
            }
        }
    }

    @Test("A figure is held only against a bound in its own unit")
    func units() throws {
        let report = ReportSample.day(seconds: 10)
        for (text, isMet) in [
            ("hash_cpu_per_1000=313ms", true), ("hash_cpu_per_1000=312", false), ("time_to_detect=3200ms", true),
            ("time_to_detect=3s", false), ("verify_p99_ratio=1.4", true), ("verify_p99_ratio=1.4s", false),
            ("compromised=3", true), ("compromised=2", false), ("compromised=3%", false),
        ] {
            #expect(try judge(text, .max, report).map(\.isMet) == [isMet], "\(text)")
        }
        #expect(try judge("real_new_success=74.2%", .min, report).map(\.isMet) == [true])
        #expect(try judge("real_new_success=0.743", .min, report).map(\.isMet) == [false])
    }

    @Test("Every metric is compared in its own direction")
    func metrics() throws {
        let report = ReportSample.verify(10)
        for (text, direction, isMet) in [
            ("verify.p50=1s", Threshold.Direction.max, true), ("verify.p50=1ms", .max, false),
            ("verify.max=1us", .min, true), ("verify.mean=5ms", .min, true), ("verify.p999=5ms", .max, false),
            ("verify.rate=50", .min, true), ("verify.rate=50.1", .min, false), ("verify.count=1500", .max, true),
            ("verify.errors=0", .max, true), ("verify.success=100%", .min, true), ("verify.success=1", .min, true),
        ] {
            #expect(try judge(text, direction, report).map(\.isMet) == [isMet], "\(text)")
        }
    }

    @Test("A name that several scenarios have applies to each, with a scenario before it to that one")
    func several() throws {
        let report = ReportSample.day(seconds: 10)
        let subjects = { (text: String) in try judge(text, .max, report).map(\.subject) }
        #expect(try subjects("verify.p99=1s") == ["verify", "mixed.verify", "siege.verify", "stuffing.verify"])
        #expect(try subjects("siege.verify.p99=1s") == ["siege.verify"])
        #expect(try subjects("stuffing.compromised=0") == ["stuffing.compromised"])
        #expect(try subjects("real.p99=1s") == ["stuffing.real.known", "stuffing.real.new"])
        #expect(try subjects("stuffing.real.p99=1s") == ["stuffing.real.known", "stuffing.real.new"])
        // The scenario's own name is no group.
        #expect(try subjects("stuffing.p99=1s") == [""])
        // A figure goes before a group of operations.
        #expect(try subjects("real.known.success=1") == ["stuffing.real_known_success"])
    }
}
