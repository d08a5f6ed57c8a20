import ArgumentParser
import HTTP
import JSON

struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Look at the keys, rotate and reseal them.",
        discussion: """
            EXAMPLES
              portcullis key list
              portcullis key rotate
              portcullis key rotate --compromised
              portcullis key reseal
            """,
        subcommands: [List.self, Rotate.self, Reseal.self])

    struct List: OperatorCommand {
        static let configuration = CommandConfiguration(abstract: "List all keys, without their secrets.")

        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func execute() throws {
            let keys = try installation.withAdministration { try $0.request(.get, "/keys") }.objects("items")
            try KeyCommand.print(keys, output)
        }
    }

    struct Rotate: OperatorCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take the next key of a ring into use.",
            discussion: """
                A planned rotation logs nobody out: the old key verifies for as long as its tokens live, and the next one \
                was published beforehand. After --compromised the old key is trusted no more: its access tokens are \
                refused at once, and clients get new ones by their refresh tokens; of a compromised refresh key all \
                sessions that rest on it end, and of a compromised device key all devices are new ones at their next \
                login. Asks first on a terminal then.

                EXAMPLES
                  portcullis key rotate
                  portcullis key rotate --purpose refresh
                  portcullis key rotate --compromised --kid 0197…
                """)

        @Flag(help: "Somebody else may have the key.") var compromised = false
        @Option(help: "The ring: signing, refresh or device.") var purpose = "signing"
        @Option(help: "The key's id; the active one unless told.") var kid: String?
        @Flag(help: "Do not ask.") var yes = false
        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func execute() throws {
            if compromised {
                try Confirmation.ask("Refuse from now on what the \(purpose) key \(kid ?? "in use") made?", unless: yes)
            }
            var body: [(name: String, value: JSONValue)] = [
                ("purpose", .string(purpose)), ("compromised", .bool(compromised)),
            ]
            if let kid { body.append(("kid", .string(kid))) }
            let result = try installation.withAdministration {
                try $0.request(
                    .post, "/keys/rotate", body, arguments: ["purpose": "--purpose", "kid": "--kid"])
            }
            if output.json { return try StandardOutput.line(result.json) }
            let isChanged = result["rotated"]?.bool ?? false
            try StandardOutput.line(isChanged ? "The \(purpose) keys are rotated." : "It was rotated already.")
            try KeyCommand.print(result.objects("items"), output)
        }
    }

    struct Reseal: OperatorCommand {
        static let configuration = CommandConfiguration(
            abstract: "Seal all keys with the first master key of the master key file.",
            discussion: """
                To rotate the master key: add the new one as the first line of the file, reseal, remove the old line. \
                Nobody is logged out.
                """)

        @OptionGroup var installation: InstallationOptions
        @OptionGroup var output: OutputOptions

        func execute() throws {
            let result = try installation.withAdministration { try $0.request(.post, "/keys/reseal") }
            if output.json { return try StandardOutput.line(result.json) }
            let count = result["resealed"]?.integer ?? 0
            try StandardOutput.line(
                count == 0
                    ? "All keys are sealed with it already."
                    : count == 1 ? "1 key is resealed." : "\(count) keys are resealed.")
        }
    }

    private static func print(_ keys: [JSONObject], _ output: OutputOptions) throws {
        if output.json { return try StandardOutput.line(JSONValue.array(keys.map { .object($0) }).json) }
        var table = Table(["PURPOSE", "STATE", "ALGORITHM", "CREATED (UTC)", "CHANGED (UTC)", "KEY"])
        for key in keys {
            table.append([
                key.text("purpose"), key.text("state"), key.text("alg"), key.time("created_at"),
                key.time("changed_at"), key.text("kid"),
            ])
        }
        try table.print()
    }
}
