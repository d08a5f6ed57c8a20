import ArgumentParser
import AuthServer
import Foundation

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve until SIGTERM, SIGINT or SIGHUP.",
        discussion: """
            EXAMPLES
              portcullis serve
              PORTCULLIS_LISTEN=0.0.0.0:8080 portcullis serve --config /etc/portcullis.json
            """)

    @OptionGroup var installation: InstallationOptions

    func run() throws {
        let code = ServerProcess.run(environment: installation.environment, file: installation.config)
        guard code == 0 else { throw ExitCode(code) }
    }
}
