import ArgumentParser
import LoadTests

struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Set two result files side by side.",
        discussion: """
            EXAMPLES
              loadtest compare before.json after.json
              loadtest compare before.json after.json --worse-than 1.2
            """)

    @Argument(help: "A file of --json.") var before: String
    @Argument(help: "Another one.") var after: String
    @Option(help: "Fail when the p99 of an operation has become more than so many times the one before.")
    var worseThan: Double?

    func run() throws {
        if let worseThan, !(worseThan.isFinite && worseThan > 0) {
            throw failure("--worse-than must be a factor above 0.", 64)
        }
        let comparison: Comparison
        do throws(ResultFileError) {
            comparison = Comparison(try ResultSummary(path: before), try ResultSummary(path: after))
        } catch {
            throw failure(error.description, 65)
        }
        write(comparison.text, to: 1)
        guard let worseThan else { return }
        let regressions = comparison.regressions(worseThan: worseThan)
        for regression in regressions { write(regression + "\n", to: 2) }
        if !regressions.isEmpty { throw ExitCode(Outcome.missed) }
    }
}
