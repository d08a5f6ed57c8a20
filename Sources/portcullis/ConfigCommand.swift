import ArgumentParser
import AuthServer

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Look at the settings.", subcommands: [Check.self])

    struct Check: OperatorCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every setting with its value and where that comes from; secrets are not shown.",
            discussion: """
                Names every setting that is wrong and ends with 78 then. Reads what serve would read, and changes nothing.

                EXAMPLES
                  portcullis config check
                  portcullis config check --config /etc/portcullis.json --json
                """)

        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func execute() throws {
            let report = try ConfigurationReport(environment: installation.environment, file: installation.config)
            if output.json { return try StandardOutput.line(report.json) }
            try StandardOutput.write(report.text)
        }
    }
}
