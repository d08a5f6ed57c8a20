import Foundation
import JSON
import TestSupport
import Testing

extension ProcessTests {
    /// What commands print of accounts that are gone or were locked.
    struct CLIAnswerTests {
        @Test(arguments: [true, false])
        func `the audit of a deleted account is found by its id`(_ running: Bool) async throws {
            let installation = try Installation()
            let server = try await installation.start()
            if !running { await server.child.stop() }
            let made = try await installation.run("user", "add", "ada", "--json").json()
            let id = try #require(made.object?["id"]?.string)
            let deleted = try await installation.run("user", "delete", "ada", "--json").json()
            #expect(deleted.object?["id"]?.string == id && deleted.object?["username"]?.string == "ada")
            for name in [id, id.uppercased()] {
                let tail = try await installation.run("audit", "tail", "--user", name, "--json")
                #expect(tail.code == 0, "\(tail.errors)")
                #expect(tail.output.contains("\"user.created\"") && tail.output.contains("\"user.deleted\""))
            }
            #expect(try await installation.run("audit", "tail", "--user", "ada").code == 67)
            let nobody = try await installation.run("audit", "tail", "--user", "00000000-0000-7000-8000-000000000000")
            #expect(nobody.code == 0 && nobody.output.isEmpty)
        }

        @Test func `unlock says what it does not unlock, and prints the account for scripts`() async throws {
            let installation = try await Installation.stopped()
            let said = try await installation.run("user", "unlock", "admin")
            #expect(said.code == 0 && said.output.hasPrefix("admin is unlocked. An address that guessed wrong"))
            #expect(said.output.contains("up to 150 seconds"))
            let account = try await installation.run("user", "unlock", "admin", "--json").json().object
            #expect(account?["username"]?.string == "admin")
            #expect(account?["failed_attempts"]?.integer == 0 && account?["locked"]?.bool == false)
            let help = try await installation.run("user", "unlock", "--help").output
            #expect(help.replacing(/\s+/, with: " ").contains("up to 150 seconds"))
        }

        @Test func `what a command asks a server is a line of its log, without what it said`() async throws {
            let installation = try Installation()
            let server = try await installation.start()
            let file = try installation.file("a-password-for-the-robot")
            #expect(try await installation.run("user", "add", "robot", "--password-file", file).code == 0)
            #expect(try await installation.run("user", "show", "nobody").code == 67)
            #expect(try await installation.run("key", "rotate", "--purpose", "lookup").code == 65)
            await server.child.stop()
            let lines = try server.child.errorOutput.split(separator: "\n").map {
                try #require(try JSONValue(parsing: Array($0.utf8)).object)
            }.filter { $0["message"]?.string == "request" }
            #expect(lines.allSatisfy { $0["client_network"]?.string == "local" })
            let said = lines.map { line in
                ["method", "route", "outcome"].map { line[$0]?.string ?? "-" }.joined(separator: " ")
                    + " \(line["status"]?.integer ?? 0)"
            }
            #expect(
                said == [
                    "POST /api/v1/admin/users ok 201", "GET /api/v1/admin/users ok 200",
                    "POST /api/v1/admin/keys/rotate invalid-body 400",
                ])
            for secret in ["robot", "nobody", "lookup"] { #expect(!server.child.errorOutput.contains(secret)) }
        }
    }
}
