import ArgumentParser
import HTTP
import JSON

struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Make, look at and change accounts.",
        discussion: """
            Accounts are named by their username or id.

            EXAMPLES
              portcullis user add ada --role editor
              portcullis user list
              portcullis user set-password ada
              portcullis user disable ada
            """,
        subcommands: [
            Add.self, List.self, Show.self, Enable.self, Disable.self, Delete.self, SetPassword.self, SetRoles.self,
            Unlock.self,
        ])

    struct List: OperatorCommand {
        static let configuration = CommandConfiguration(abstract: "List all accounts.")

        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func execute() throws {
            let users = try installation.withAdministration { try $0.items("/users") }
            if output.json { return try StandardOutput.line(JSONValue.array(users.map { .object($0) }).json) }
            var table = Table(["USERNAME", "STATE", "ROLES", "CREATED (UTC)", "ID"])
            for user in users {
                table.append([
                    user.text("username"), user.state, user.text("roles"), user.time("created_at"), user.text("id"),
                ])
            }
            try table.print()
        }
    }

    struct Show: OperatorCommand {
        static let configuration = CommandConfiguration(abstract: "Show one account.")

        @OptionGroup var account: AccountArgument
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func execute() throws {
            let user = try installation.withAdministration { administration in
                try administration.request(.get, "/users/\(administration.userID(account.user))")
            }
            if output.json { return try StandardOutput.line(user.json) }
            let attempts = user.text("failed_attempts") + (user["locked"]?.bool == true ? ", locked" : "")
            try Table.print([
                ("username", user.text("username")), ("id", user.text("id")), ("state", user.state),
                ("roles", user.text("roles")), ("created", user.time("created_at") + " UTC"),
                ("version", user.text("version")), ("failed attempts", attempts),
            ])
        }
    }
}

/// The account that a command is about.
struct AccountArgument: ParsableArguments {
    @Argument(help: "The username or the id.") var user: String
}

extension JSONObject {
    /// Of a user.
    var state: String { self["enabled"]?.bool == true ? "enabled" : "disabled" }
}
