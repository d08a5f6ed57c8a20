import ArgumentParser
import HTTP
import JSON

extension UserCommand {
    struct Enable: OperatorCommand {
        static let configuration = CommandConfiguration(abstract: "Let a disabled account log in again.")

        @OptionGroup var account: AccountArgument
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func execute() throws {
            try UserCommand.change(account, installation, output, "enabled", .bool(true)) { "\($0) is enabled." }
        }
    }

    struct Disable: OperatorCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep an account from logging in, and end its sessions and tokens.")

        @OptionGroup var account: AccountArgument
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func execute() throws {
            try UserCommand.change(account, installation, output, "enabled", .bool(false)) {
                "\($0) is disabled; its sessions and tokens are ended."
            }
        }
    }

    struct SetRoles: OperatorCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give an account these roles and no others.",
            discussion: """
                Tokens with the old roles end at once; the sessions live on and get tokens with the new ones.

                EXAMPLES
                  portcullis user set-roles ada editor auditor
                  portcullis user set-roles ada --none
                """)

        @OptionGroup var account: AccountArgument
        @Argument(help: "The roles, each [a-z0-9][a-z0-9_.:-]*.") var roles: [String] = []
        @Flag(help: "Take all roles away.") var none = false
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard roles.isEmpty == none else { throw ValidationError("Name the roles, or none with --none.") }
        }

        func execute() throws {
            let value = JSONValue.array(roles.map { .string($0) })
            try UserCommand.change(account, installation, output, "roles", value) { name in
                none ? "\(name) has no roles." : "\(name) has the roles \(roles.joined(separator: ", "))."
            }
        }
    }

    struct Delete: OperatorCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete an account with its sessions and tokens, for good. Asks first on a terminal.",
            discussion: "With --json the account is printed as it was.")

        @OptionGroup var account: AccountArgument
        @Flag(help: "Do not ask.") var yes = false
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func execute() throws {
            try Confirmation.ask("Delete \(account.user) for good?", unless: yes)
            try installation.withAdministration { administration in
                let user = try administration.user(account.user)
                try administration.request(.delete, "/users/\(user.text("id"))")
                if output.json { return try StandardOutput.line(user.json) }
                try StandardOutput.line("\(user.text("username")) is deleted.")
            }
        }
    }

    struct Unlock: OperatorCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget the failed attempts to log in that lock an account.",
            discussion: """
                An address from which the account's password was guessed wrong may still have to wait, up to 150 seconds. \
                With --json the account is printed as it is then.
                """)

        @OptionGroup var account: AccountArgument
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func execute() throws {
            try installation.withAdministration { administration in
                let user = try administration.user(account.user)
                let path = "/users/\(user.text("id"))"
                try administration.request(.delete, path + "/lock")
                if output.json { return try StandardOutput.line(administration.request(.get, path).json) }
                try StandardOutput.line(
                    "\(user.text("username")) is unlocked. An address that guessed wrong may have to wait up to 150 seconds "
                        + "more.")
            }
        }
    }

    private static func change(
        _ account: AccountArgument, _ installation: InstallationOptions, _ output: OutputOptions, _ member: String,
        _ value: JSONValue, _ sentence: (String) -> String
    ) throws {
        let user = try installation.withAdministration { administration in
            try administration.request(
                .patch, "/users/\(administration.userID(account.user))", [(name: member, value: value)])
        }
        try StandardOutput.line(output.json ? user.json : Array(sentence(user.text("username")).utf8))
    }
}

/// A question before what cannot be undone.
enum Confirmation {
    /// A script is not asked: it has no terminal as its input.
    static func ask(_ question: String, unless isSure: Bool) throws {
        guard !isSure, StandardInput.isTerminal, let terminal = Terminal() else { return }
        defer { terminal.close() }
        guard terminal.confirms(question) else { throw CommandFailure(.temporaryFailure, "Nothing was changed.") }
    }
}
