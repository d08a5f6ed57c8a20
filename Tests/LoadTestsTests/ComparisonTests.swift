import LoadTests
import Testing

@Suite("Comparison of two results")
struct ComparisonTests {
    private func summary(_ report: RunReport) throws -> ResultSummary {
        try ResultSummary(parsing: ResultFile.bytes(report))
    }

    private func compare(_ a: RunReport, _ b: RunReport) throws -> Comparison {
        Comparison(try summary(a), try summary(b))
    }

    @Test("Results that cannot be compared are never without a regression")
    func incomparable() throws {
        let fine = ReportSample.verify()
        var invalid = fine
        invalid.scenarios[0].generator.invalidity = "it was late"
        for (a, b) in [(invalid, fine), (fine, invalid)] {
            let comparison = try compare(a, b)
            #expect(comparison.regressions(worseThan: 9).count == 1)
            #expect(comparison.text.contains("INVALID: in "))
        }
        var other = fine
        other.scenarios[0].operations[0].name = "login"
        #expect(
            try compare(fine, other).regressions(worseThan: 9) == [
                "verify is gone: b has no such operation.", "No operation is in both files.",
            ])
        var failed = fine
        failed.scenarios[0].operations[0] = OperationResult(name: "verify")
        failed.scenarios[0].operations[0].refused = 10
        #expect(
            try compare(fine, failed).regressions(worseThan: 9) == ["verify: not one request succeeded in b."])
    }

    @Test("A p99 beyond the factor is a regression, one at it is none")
    func factor() throws {
        let comparison = try compare(ReportSample.verify(1), ReportSample.verify(1.5))
        let found = comparison.regressions(worseThan: 1.4)
        #expect(found.count == 1)
        #expect(found.first?.contains("1.50 times as long; 1.40 is allowed.") == true)
        #expect(comparison.regressions(worseThan: 1.51).isEmpty)
        #expect(try compare(ReportSample.verify(), ReportSample.verify()).regressions(worseThan: 1).isEmpty)
    }

    @Test("The text has both values, their ratio, what is only in one and what was set otherwise")
    func text() throws {
        let day = ReportSample.day(seconds: 5)
        var other = ReportSample.day(seconds: 5)
        other.targets = ["http://127.0.0.1:9000"]
        other.scenarios[4].settings[0].value = "100"
        other.scenarios[4].defence[0].value = .count(6)
        other.scenarios.removeFirst()
        let text = try compare(day, other).text
        #expect(text.contains("The targets differ."))
        #expect(text.contains("stuffing had other settings: addresses 50,000 in a, addresses 100 in b."))
        #expect(text.contains("only in a: verify"))
        let row = try #require(text.split(separator: "\n").first { $0.hasPrefix("stuffing.compromised ") })
        #expect(row.split(separator: " ") == ["stuffing.compromised", "3.00", "6.00", "2.00"])
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 120 })
    }
}
