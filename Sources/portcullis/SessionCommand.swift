import ArgumentParser
import HTTP
import JSON

struct SessionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "Look at sessions and end them.",
        discussion: """
            EXAMPLES
              portcullis session list ada
              portcullis session end --user ada
              portcullis session end --before 2026-01-02T03:04:05Z
            """,
        subcommands: [List.self, End.self])

    struct List: OperatorCommand {
        static let configuration = CommandConfiguration(abstract: "List the sessions of an account.")

        @OptionGroup var account: AccountArgument
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func execute() throws {
            let sessions = try installation.withAdministration { administration in
                try administration.request(.get, "/users/\(administration.userID(account.user))/sessions")
            }.objects("items")
            if output.json { return try StandardOutput.line(JSONValue.array(sessions.map { .object($0) }).json) }
            var table = Table(["SESSION", "CREATED (UTC)", "LAST USED (UTC)", "EXPIRES (UTC)"])
            for session in sessions {
                table.append([
                    session.text("id"), session.time("created_at"), session.time("last_used_at"),
                    session.time("expires_at"),
                ])
            }
            try table.print()
        }
    }

    struct End: OperatorCommand {
        static let configuration = CommandConfiguration(
            abstract: "End one session, those of an account, or those made before a moment.",
            discussion: """
                Their tokens are refused from then on. --before ends every access token that was made until now, too: \
                sessions made later go on with new ones.
                """)

        @Argument(help: "The id of one session.") var session: String?
        @Option(help: "All sessions of this account, by username or id.") var user: String?
        @Option(help: ArgumentHelp("All sessions made before this moment (RFC 3339).", valueName: "time"))
        var before: String?
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard [session, user, before].compactMap(\.self).count == 1 else {
                throw ValidationError("Give one of a session's id, --user and --before.")
            }
        }

        func execute() throws {
            let result = try installation.withAdministration { administration in
                try administration.request(
                    .post, "/revocations", [target(administration)],
                    arguments: ["sid": "The session's id", "sessions_before": "--before"])
            }
            if output.json { return try StandardOutput.line(result.json) }
            let count = result["sessions_ended"]?.integer ?? 0
            try StandardOutput.line(count == 1 ? "1 session ended." : "\(count) sessions ended.")
        }

        private func target(_ administration: Administration) throws -> (name: String, value: JSONValue) {
            if let user { return ("sub", .string(try administration.userID(user))) }
            if let before { return ("sessions_before", .string(before)) }
            return ("sid", .string(session ?? ""))
        }
    }
}
