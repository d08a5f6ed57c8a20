import ArgumentParser

@main
struct LoadTest: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loadtest",
        abstract: "Measures authentication servers, and besieges them.",
        discussion: """
            EXAMPLES
              loadtest verify login --target http://127.0.0.1:8080 --var-file admin_password=FILE
              loadtest stuffing --duration 60s --html report.html --min real.success=99%
              loadtest compare before.json after.json

            EXIT CODES
              0 done, 1 a threshold was not met or a comparison is worse, 2 the run counts for nothing since the generator
              fell behind, 64 wrong command line, 65 the target does not answer as its profile says, 69 the target cannot
              be reached, 73 a report cannot be written, 77 the target has not consented, 130 interrupted
            """,
        subcommands: [Run.self, Compare.self, Profiles.self],
        defaultSubcommand: Run.self)
}

/// Exit codes besides those of `RunError`.
enum Outcome {
    static let missed: Int32 = 1
    static let invalid: Int32 = 2
    static let unwritable: Int32 = 73
    static let interrupted: Int32 = 130
}
