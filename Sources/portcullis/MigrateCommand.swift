import ArgumentParser
import AuthServer

struct MigrateCommand: OperatorCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the tables of a fleet's database up to date.",
        discussion: """
            Every node adds what its version needs when it starts, and nodes of the version before go on beside it: there \
            is nothing to run before an upgrade. Once no node of the version before is left, and none will be wanted \
            back, --contract takes away what only it needed.

            EXAMPLES
              portcullis migrate
              portcullis migrate --contract
            """)

    @Flag(help: "Also take away what earlier versions needed. Refused while a node of one runs.")
    var contract = false

    @OptionGroup var installation: InstallationOptions
    @OptionGroup var output: OutputOptions

    func execute() throws {
        let configuration = try Configuration(environment: installation.environment, file: installation.config)
        let state: PostgresMigration.State
        do { state = try SchemaMigration.run(configuration, contract: contract) } catch {
            throw CommandFailure(error)
        }
        let (version, oldest) = (state.version, state.minimumCompatible)
        if output.json {
            return try StandardOutput.line("{\"version\":\(version),\"min_compatible\":\(oldest)}")
        }
        try StandardOutput.line(
            "The schema is of version \(version); builds that know version \(oldest) go on with it.")
    }
}
