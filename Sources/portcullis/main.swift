import ArgumentParser
import AuthServer
import Foundation

// Synchronous on purpose: an async `main` unblocks signals at its first suspension.
Portcullis.main()

struct Portcullis: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "portcullis", abstract: "An authentication server for APIs with much traffic.",
        discussion:
            "Settings are environment variables (PORTCULLIS_…). Without any, everything is kept in ./.portcullis.",
        subcommands: [Serve.self], defaultSubcommand: Serve.self)
}

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serve until SIGTERM or SIGINT.")

    @Option(help: ArgumentHelp("Settings in a JSON file; the environment goes over it.", valueName: "file"))
    var config: String?

    func run() throws {
        let code = ServerProcess.run(environment: ProcessInfo.processInfo.environment, file: config)
        guard code == 0 else { throw ExitCode(code) }
    }
}
