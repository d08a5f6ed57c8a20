import Foundation
import JSON
import TestSupport
import Testing

extension ProcessTests {
    /// The commands about accounts, on a running server and on a stopped one alike.
    struct CLIUserTests {
        static let password = "another-password-for-tests"

        @Test(arguments: [true, false])
        func `an account is made, listed, shown, changed and deleted`(_ running: Bool) async throws {
            let installation = try Installation()
            let first = try await installation.start()
            if !running { await first.child.stop() }
            let file = try installation.file(CLIUserTests.password)
            let made = try await installation.run(
                "user", "add", "Ada", "--role", "editor", "--role", "auditor", "--password-file", file)
            #expect(made.code == 0)
            #expect(made.output.hasPrefix("ada is made, with the id "))
            #expect(!made.output.contains("password"))
            #expect(try await installation.usernames() == ["ada", "admin"])
            let list = try await installation.run("user", "list").output.split(separator: "\n")
            #expect(list.count == 3)
            #expect(list.first?.hasPrefix("USERNAME  STATE    ROLES") == true)
            #expect(list.contains { $0.hasPrefix("ada       enabled  editor, auditor  ") })

            #expect(try await installation.run("user", "set-roles", "ada", "viewer").code == 0)
            let shown = try await installation.run("user", "show", "ADA", "--json").json()
            #expect(shown.object?["roles"]?.array == [.string("viewer")])
            let id = try #require(shown.object?["id"]?.string)
            let byID = try await installation.run("user", "show", id)
            #expect(byID.code == 0 && byID.output.contains("username         ada\n"))
            #expect(byID.output.contains("failed attempts  0\n"))

            #expect(try await installation.run("user", "add", "gone").code == 0)
            #expect(try await installation.run("user", "delete", "gone").output == "gone is deleted.\n")
            #expect(try await installation.run("user", "delete", "gone").code == 67)
            #expect(try await installation.run("user", "unlock", "ada").code == 0)
            let server = running ? first : try await installation.start()
            #expect(try server.client().login("ada", CLIUserTests.password)?.status == 200)
            #expect(try server.client().login("gone", CLIUserTests.password)?.status == 401)
            await server.child.stop()
        }

        @Test(arguments: [true, false])
        func `a disabled account cannot log in until it is enabled`(_ running: Bool) async throws {
            let installation = try Installation()
            let first = try await installation.start()
            if !running { await first.child.stop() }
            for name in ["ada", "bob"] {
                let made = try await installation.run(
                    "user", "add", name, "--password-file", "-", input: CLIUserTests.password + "\r\nmore")
                #expect(made.code == 0)
                #expect(try await installation.run("user", "disable", name).code == 0)
            }
            let shown = try await installation.run("user", "show", "ada")
            #expect(shown.output.contains("state            disabled"))
            #expect(try await installation.run("user", "enable", "bob").output == "bob is enabled.\n")
            let server = running ? first : try await installation.start()
            #expect(try server.client().login("ada", CLIUserTests.password)?.status == 401)
            #expect(try server.client().login("bob", CLIUserTests.password)?.status == 200)
            await server.child.stop()
        }

        @Test(arguments: [true, false])
        func `a made-up password is shown once and good for one login`(_ running: Bool) async throws {
            var passwords: [String: String] = [:]
            let installation = try Installation()
            let first = try await installation.start()
            if !running { await first.child.stop() }
            let made = try await installation.run("user", "add", "ada")
            passwords["ada"] = made.output.firstMatch(of: /\n +([a-z0-9]{6}(?:-[a-z0-9]{6}){3})\n/).map {
                String($0.1)
            }
            let bob = try await installation.run(
                "user", "add", "bob", "--password-file", "-", input: "x" + Self.password)
            #expect(bob.code == 0)
            let reset = try await installation.run("user", "set-password", "bob", "--one-time", "--json").json()
            passwords["bob"] = reset.object?["password"]?.string
            let server = running ? first : try await installation.start()
            for name in ["ada", "bob"] {
                let password = try #require(passwords[name])
                #expect(try server.client().login(name, password)?.status == 200)
            }
            #expect(try server.client().login("bob", "x" + Self.password)?.status == 401)
            await server.child.stop()
        }

        @Test(arguments: [true, false])
        func `a password from a file replaces the old one, and is in nothing that is printed`(
            _ running: Bool
        )
            async throws
        {
            let installation = try Installation()
            let first = try await installation.start()
            if !running { await first.child.stop() }
            let file = try installation.file(CLIUserTests.password)
            let outcome = try await installation.run("user", "set-password", "admin", "--password-file", file)
            #expect(outcome.code == 0)
            #expect(!outcome.output.contains(CLIUserTests.password) && outcome.errors.isEmpty)
            let audit = try await installation.run("audit", "tail")
            #expect(audit.output.contains("password.reset"))
            #expect(!audit.output.contains(CLIUserTests.password))
            let server = running ? first : try await installation.start()
            #expect(try server.client().login("admin", CLIUserTests.password)?.status == 200)
            #expect(try server.client().login("admin", Installation.password)?.status == 401)
            await server.child.stop()
        }
    }
}
