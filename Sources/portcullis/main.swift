import ArgumentParser
import AuthServer
import Foundation

// Before anything opens a file.
ServerProcess.holdStandardDescriptors()
// The parser answers with the help of everything instead.
if let name = Portcullis.unknownCommand(inHelpOf: CommandLine.arguments.dropFirst()) {
    Console.error("There is no command \(Table.printable(name)).")
    exit(CommandFailure.Code.usage.rawValue)
}
// Synchronous on purpose: an async `main` unblocks signals at its first suspension.
Portcullis.main()

struct Portcullis: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "portcullis", abstract: "An authentication server for APIs with much traffic.",
        discussion: """
            Settings are environment variables (PORTCULLIS_…) or a file (--config). Without any, everything is kept in \
            ./.portcullis; `portcullis config check` lists them all.

            user, session, key, token and audit work on the installation in the data folder, whether its server runs or \
            not; who may write to the folder may use them.

            EXIT CODES
              0   done
              64  the command line is wrong
              65  what was given is wrong: a role, a password against the rules; or the data folder is damaged
              66  no such data folder or input file
              67  no such user
              69  the store or the terminal is not available
              70  an error inside Portcullis
              71  the operating system refused: a port in use
              73  it cannot be made: a username that is taken; the data folder
              74  output cannot be written
              75  not now, try again: in use, overloaded, too early
              77  not allowed: another user's folder; what would leave no enabled administrator
              78  a setting is wrong
            """,
        subcommands: [
            Serve.self, UserCommand.self, SessionCommand.self, KeyCommand.self, TokenCommand.self, AuditCommand.self,
            ConfigCommand.self, MigrateCommand.self,
        ], defaultSubcommand: Serve.self)

    /// What `help …` asks for when that is no command; nil for anything else.
    static func unknownCommand(inHelpOf arguments: ArraySlice<String>) -> String? {
        guard arguments.first == "help" else { return nil }
        let names = arguments.dropFirst().prefix { !$0.hasPrefix("-") }
        var command: any ParsableCommand.Type = Portcullis.self
        for name in names {
            if command == Portcullis.self, name == "help" { return nil }
            guard let next = command.configuration.subcommands.first(where: { $0._commandName == name }) else {
                return names.joined(separator: " ")
            }
            command = next
        }
        return nil
    }
}
