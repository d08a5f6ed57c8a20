import ArgumentParser
import HTTP
import JSON

extension UserCommand {
    struct Add: OperatorCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make an account.",
            discussion: """
                Without a password one is made up and shown this once: it is good for one login within a day, after \
                which the user must choose another. A password that is given lasts.

                EXAMPLES
                  portcullis user add ada
                  portcullis user add ada --role editor --role auditor --ask-password
                  portcullis user add robot --role ci --password-file /run/secrets/robot
                  pass show robot | portcullis user add robot --password-file -
                """)

        @Argument(help: "The username.") var name: String
        @Option(name: .customLong("role"), help: "A role; repeat it for more.") var roles: [String] = []
        @Flag(help: "Ask for the password on the terminal.") var askPassword = false
        @Option(
            help: ArgumentHelp("The password is the first line of this file, - for standard input.", valueName: "file"))
        var passwordFile: String?
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if askPassword, passwordFile != nil {
                throw ValidationError("Give one of --ask-password and --password-file.")
            }
        }

        func execute() throws {
            var body: [(name: String, value: JSONValue)] = [
                ("username", .string(name)), ("roles", .array(roles.map { .string($0) })),
            ]
            if let passwordFile {
                body.append(("password", .string(try PasswordInput.read(passwordFile))))
            } else if askPassword {
                body.append(("password", .string(try PasswordInput.prompt(for: name))))
            }
            let user = try installation.withAdministration { try $0.request(.post, "/users", body) }
            if output.json { return try StandardOutput.line(user.json) }
            try StandardOutput.line("\(user.text("username")) is made, with the id \(user.text("id")).")
            try MadePasswordNote.print(user)
        }
    }

    struct SetPassword: OperatorCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set another password, and end the account's sessions and tokens.",
            discussion: """
                Asks for the password on the terminal unless it is told otherwise.

                EXAMPLES
                  portcullis user set-password ada
                  portcullis user set-password ada --one-time
                  portcullis user set-password robot --password-file /run/secrets/robot
                """)

        @OptionGroup var account: AccountArgument
        @Flag(help: "Make one up that is good for one login within a day, and show it this once.") var oneTime = false
        @Option(
            help: ArgumentHelp("The password is the first line of this file, - for standard input.", valueName: "file"))
        var passwordFile: String?
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if oneTime, passwordFile != nil { throw ValidationError("Give one of --one-time and --password-file.") }
        }

        func execute() throws {
            // Before anybody is asked for a password; the folder is not held while somebody types.
            let id = try installation.withAdministration { try $0.userID(account.user) }
            var body: [(name: String, value: JSONValue)] = []
            if let passwordFile {
                body = [("password", .string(try PasswordInput.read(passwordFile)))]
            } else if !oneTime {
                body = [("password", .string(try PasswordInput.prompt(for: account.user)))]
            }
            let user = try installation.withAdministration { try $0.request(.post, "/users/\(id)/password", body) }
            if output.json { return try StandardOutput.line(user.json) }
            try StandardOutput.line("\(user.text("username")) has another password; its sessions and tokens are ended.")
            try MadePasswordNote.print(user)
        }
    }
}

/// What is said once about a password that the server made up.
private enum MadePasswordNote {
    static func print(_ user: JSONObject) throws {
        guard let password = user["password"]?.string else { return }
        try StandardOutput.line(
            """
            The password is shown this once. It is good for one login until \(user.time("password_expires_at")) UTC, and \
            must be changed then:

                \(password)

            """)
    }
}
