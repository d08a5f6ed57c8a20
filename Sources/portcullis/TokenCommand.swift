import ArgumentParser
import HTTP
import JSON

struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Look into access tokens.", subcommands: [Inspect.self])

    struct Inspect: OperatorCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether an access token is good, why not, and what it claims.",
            discussion: """
                The token is read from a file or standard input: in the arguments every user of the machine could read it.

                EXAMPLES
                  portcullis token inspect token.txt
                  printf %s "$ACCESS_TOKEN" | portcullis token inspect
                """)

        /// More than a token may have.
        private static let maximumBytes = 32 * 1024

        @Argument(help: "The file, - for standard input.") var file = "-"
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func execute() throws {
            let bytes = try FileInput.read(file, maximumBytes: Inspect.maximumBytes)
            let isBlank: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
            let token = bytes.drop(while: isBlank).prefix { !isBlank($0) }
            guard !token.isEmpty, let text = String(validating: token, as: UTF8.self) else {
                throw CommandFailure(.data, "There is no token.")
            }
            let result = try installation.withAdministration { administration in
                try administration.request(.post, "/tokens/inspect", [("token", .string(text))])
            }
            if output.json { return try StandardOutput.line(result.json) }
            var properties = [("active", result.text("active"))]
            if let reason = result["reason"]?.string { properties.append(("reason", reason)) }
            for part in ["header", "claims"] {
                for member in result[part]?.object?.members ?? [] {
                    properties.append(("\(part) \(member.name)", shown(member)))
                }
            }
            try Table.print(properties)
        }

        private func shown(_ member: JSONObject.Member) -> String {
            if ["exp", "nbf", "iat", "auth_time"].contains(member.name), let seconds = member.value.integer {
                return "\(seconds) (\(ReadableTime.text(seconds: seconds)))"
            }
            if let text = member.value.string { return text }
            return String(decoding: member.value.json, as: UTF8.self)
        }
    }
}
