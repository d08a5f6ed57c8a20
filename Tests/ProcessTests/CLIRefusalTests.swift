import Foundation
import Glibc
import TestSupport
import Testing

extension ProcessTests {
    /// What commands refuse, and how they say so to scripts.
    struct CLIRefusalTests {
        @Test func `a data folder that is not there is neither used nor made`() async throws {
            let installation = try Installation()
            for command in [["user", "list"], ["user", "add", "ada"], ["key", "reseal"], ["audit", "tail"]] {
                let outcome = try await installation.run(command)
                #expect(outcome.code == 66)
                #expect(outcome.output.isEmpty)
                #expect(
                    outcome.errors.hasPrefix(
                        "portcullis: There is no data folder of Portcullis at \(installation.data)"))
                #expect(installation.mode(installation.data) == 0)
            }
        }

        @Test func `a folder in which no server ever ran stays as it is`() async throws {
            let installation = try Installation()
            try FileManager.default.createDirectory(
                atPath: installation.data, withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o700])
            #expect(try await installation.run("user", "list").code == 66)
            #expect(try installation.contents().isEmpty)
            let file = try installation.file("no folder")
            #expect(try await installation.run("user", "list", "--data", file).code == 66)
        }

        static let wrong: [(arguments: [String], code: Int32, message: String)] = [
            (["user", "show", "nobody"], 67, "no user nobody"),
            (["user", "show", " "], 67, "no user"),
            (["user", "show", "00000000-0000-7000-8000-000000000000"], 67, "no user 0000"),
            (["user", "disable", "nobody"], 67, "no user nobody"),
            (["user", "set-password", "nobody"], 67, "no user nobody"),
            (["session", "list", "nobody"], 67, "no user nobody"),
            (["audit", "tail", "--user", "nobody"], 67, "no user nobody"),
            (["user", "add", "ada", "--role", "Editor"], 65, "roles[0]"),
            (["user", "add", "ada", "--role", "a", "--role", "a"], 65, "roles[1] is there twice"),
            (["user", "add", "\u{200B}"], 65, "username must be"),
            (["user", "add", "ADMIN"], 73, "There is an account of that name"),
            (["user", "add", "ada", "--password-file", "/nowhere"], 66, "/nowhere cannot be read: No such file"),
            (["user", "add", "ada", "--password-file", "/dev/null"], 65, "The password is empty"),
            (["user", "add", "ada", "--password-file", "/dev/zero"], 65, "is larger than"),
            (["user", "set-roles", "admin", "viewer"], 77, "No enabled administrator would be left"),
            (["user", "disable", "admin"], 77, "No enabled administrator would be left"),
            (["user", "delete", "admin"], 77, "No enabled administrator would be left"),
            (["user", "set-password", "admin"], 64, "There is no terminal"),
            (["session", "end", "no-uuid"], 65, "portcullis: The session's id must be a UUID"),
            (["session", "end", "--before", "yesterday"], 65, "portcullis: --before must be a moment"),
            (
                ["session", "end", "--before", "2999-01-01T00:00:00Z"], 65,
                "portcullis: --before must not lie in the future"
            ),
            (["key", "rotate", "--purpose", "lookup"], 65, "portcullis: --purpose must be"),
            (["key", "rotate", "--compromised", "--kid", "no-such-key"], 65, "no such key"),
            (["token", "inspect"], 65, "There is no token"),
            (["audit", "tail", "--event", "no.event"], 65, "portcullis: --event must be"),
            (["audit", "tail", "--since", "noon"], 65, "portcullis: --since must be"),
            (["frobnicate"], 64, "frobnicate"),
            (["user", "frobnicate"], 64, "frobnicate"),
            (["help", "frobnicate"], 64, "There is no command frobnicate"),
            (["help", "user", "frobnicate"], 64, "There is no command user frobnicate"),
            (["user", "add"], 64, "name"),
            (["user", "add", "ada", "secret-in-the-arguments"], 64, "Unexpected argument"),
            (["user", "set-roles", "admin"], 64, "--none"),
            (["user", "set-password", "admin", "--one-time", "--password-file", "-"], 64, "one of"),
            (["session", "end"], 64, "one of"),
            (["audit", "tail", "-n", "-1"], 64, "-n"),
            (["config", "check", "--config", "/nowhere"], 78, "/nowhere"),
        ]

        @Test(arguments: [true, false])
        func `wrong input has its exit code and one sentence, and changes nothing`(_ running: Bool) async throws {
            let installation = try Installation()
            let server = try await installation.start()
            if !running { await server.child.stop() }
            for (arguments, code, message) in CLIRefusalTests.wrong {
                let outcome = try await installation.run(arguments)
                #expect(outcome.code == code, "\(arguments): \(outcome.errors)")
                #expect(outcome.errors.contains(message), "\(arguments): \(outcome.errors)")
                #expect(outcome.output.isEmpty, "\(arguments)")
            }
            #expect(try await installation.usernames() == ["admin"])
            #expect(try await installation.run("user", "show", "admin").output.contains("version          1\n"))
        }

        @Test(arguments: [("too-short", "at least 15 characters"), ("xxxxxxxxxxxxxxxxxxxx", "tried first")])
        func `a password against the rules is refused and not repeated`(_ password: String, _ why: String) async throws
        {
            let installation = try await Installation.stopped()
            for command in [["user", "add", "ada"], ["user", "set-password", "admin"]] {
                let outcome = try await installation.run(command + ["--password-file", "-"], input: password)
                #expect(outcome.code == 65)
                #expect(outcome.errors.contains(why) && !outcome.errors.contains(password))
            }
            let notText = try installation.file("")
            try Data([0x61, 0xFF, 0x62]).write(to: URL(fileURLWithPath: notText))
            let outcome = try await installation.run("user", "add", "ada", "--password-file", notText)
            #expect(outcome.code == 65 && outcome.errors.contains("not UTF-8"))
            #expect(try await installation.usernames() == ["admin"])
        }

        @Test func `settings that are wrong are named before anything is done`() async throws {
            let installation = try await Installation.stopped()
            for command in [["user", "list"], ["config", "check"]] {
                let outcome = try await installation.run(
                    command, settings: ["PORTCULLIS_LOOPS": "many", "PORTCULLIS_LOPS": "2"])
                #expect(outcome.code == 78)
                #expect(outcome.errors.split(separator: "\n").count == 2)
            }
        }

        @Test func `config check shows every setting and no secret`() async throws {
            let outcome = try await Installation().run("config", "check", "--data", "elsewhere")
            #expect(outcome.code == 0)
            #expect(!outcome.output.contains(Installation.password))
            let lines = outcome.output.split(separator: "\n")
            #expect(lines.contains { $0.hasPrefix("PORTCULLIS_DATA ") && $0.hasSuffix(" elsewhere") })
            #expect(lines.contains { $0.hasPrefix("PORTCULLIS_ADMIN_PASSWORD ") && $0.hasSuffix("(set, not shown)") })
        }

        @Test func `a damaged database is refused as the server refuses it`() async throws {
            let installation = try await Installation.stopped()
            try Data("nonsense".utf8).write(to: URL(fileURLWithPath: installation.database))
            let before = try installation.contents()
            let outcome = try await installation.run("user", "list")
            #expect(outcome.code == 65)
            #expect(outcome.errors.contains("is damaged"))
            #expect(try installation.contents() == before)
        }

        @Test func `who reads only the first line of the output makes no failure`() async throws {
            let installation = try await Installation.stopped()
            let script =
                "\(Child.executable) user list --data \(installation.data) 2>&1 | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}"
            for _ in 0..<3 { #expect(try bash(script) == 0) }
            let closed = "\(Child.executable) user list --data \(installation.data) 2>/dev/null >&-"
            #expect(try bash(closed) == 74)
            #expect(try bash("\(Child.executable) user list --data \(installation.data) 2>/dev/null >/dev/full") == 74)
        }

        private func bash(_ script: String) throws -> Int32 {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/bash")
            process.arguments = ["-c", script]
            process.environment = ["PATH": "/usr/bin:/bin"]
            try process.run()
            process.waitUntilExit()
            return process.terminationStatus
        }

        @Test func `help shows examples and exit codes`() async throws {
            let installation = try Installation()
            let root = try await installation.run("--help")
            #expect(root.code == 0 && root.output.contains("EXIT CODES") && root.output.contains("67  no such user"))
            for command in [["help"], ["help", "user", "add"], ["help", "serve"], ["help", "-h"]] {
                let help = try await installation.run(command)
                #expect(help.code == 0 && help.output.contains("USAGE"), "\(command)")
            }
            for command in ["user", "session", "key"] {
                let help = try await installation.run(command, "--help")
                #expect(help.code == 0 && help.output.contains("EXAMPLES"))
            }
        }
    }
}
