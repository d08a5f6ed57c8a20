import ArgumentParser
import AuthServer

/// A command of who owns the machine: it does its work in `execute`, and every failure comes to one line on standard
/// error and an exit code.
protocol OperatorCommand: ParsableCommand {
    func execute() throws
}

extension OperatorCommand {
    mutating func run() throws {
        ServerProcess.limitProcess()
        do {
            try execute()
        } catch is OutputClosed {
            return
        } catch let failure as CommandFailure {
            Console.error(failure.description)
            throw ExitCode(failure.code)
        } catch let failure as ControlFailure {
            Console.error(failure.description)
            throw ExitCode(failure.code.rawValue)
        } catch let error as ConfigurationError {
            for problem in error.problems { Console.error(problem) }
            throw ExitCode(StartupError.ExitCode.configuration.rawValue)
        }
    }
}

/// Which installation is meant.
struct InstallationOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Settings in a JSON file; the environment goes over it.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("The data folder, in place of PORTCULLIS_DATA.", valueName: "folder"))
    var data: String?

    var environment: SettingVariables {
        var environment = SettingVariables.ofProcess()
        if let data { environment.set("PORTCULLIS_DATA", to: data) }
        return environment
    }

    /// Talks to the server of the installation, or starts one without ports for as long as `body` runs.
    func withAdministration<Result>(_ body: (Administration) throws -> Result) throws -> Result {
        var configuration = try Configuration(environment: environment, file: config)
        configuration.loops = 1
        configuration.hashWorkers = 1
        let session = try ControlSession(configuration)
        defer { session.close() }
        return try body(Administration(session))
    }
}

/// How the answer is printed.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON, for scripts.") var json = false
}
