import Foundation
import TestSupport
import Testing

extension ProcessTests {
    /// The first account: once ever.
    struct BootstrapTests {
        @Test func `of two servers that start at the same moment one makes the account and serves`() async throws {
            for _ in 0..<4 {
                let installation = try Installation()
                let settings = ["PORTCULLIS_ADMIN_PASSWORD": ""]
                let children = try (0..<2).map { _ in try installation.command(["serve"], settings: settings) }
                await until("no server gave way") { children.contains { $0.reap() != nil } }
                let loser = try #require(children.first { $0.reap() != nil })
                let winner = try #require(children.first { $0.processID != loser.processID })
                #expect(loser.reap() == .exit(75))
                #expect(loser.output.isEmpty && loser.errorOutput.contains("in use by process \(winner.processID)"))
                await until { winner.output.contains("jwks.json") }
                let printed = winner.output.firstMatch(of: /\n +admin +([a-z0-9-]{27})\n/)
                let server = try #require(RunningServer(winner))
                #expect(try server.client().login(String(try #require(printed).1))?.status == 200)
                #expect(try await installation.usernames() == ["admin"])
                await winner.stop()
            }
        }

        @Test func `the account does not come back when it is deleted, and a password given later changes nothing`()
            async throws
        {
            let installation = try await Installation.stopped()
            let file = try installation.file("the-password-of-the-other")
            #expect(
                try await installation.run("user", "add", "other", "--role", "admin", "--password-file", file).code == 0
            )
            #expect(try await installation.run("user", "delete", "admin").code == 0)
            let server = try await installation.start(["PORTCULLIS_ADMIN_PASSWORD": "a-password-given-only-later"])
            #expect(try server.client().login("a-password-given-only-later")?.status == 401)
            #expect(try server.client().login()?.status == 401)
            #expect(try await installation.usernames() == ["other"])
            await server.child.stop()
            let second = try await installation.start(["PORTCULLIS_ADMIN_PASSWORD": ""])
            #expect(second.child.output.split(separator: "\n").count == 2, "no password is made up")
            #expect(try await installation.usernames() == ["other"])
        }
    }
}
