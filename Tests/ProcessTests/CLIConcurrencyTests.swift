import Foundation
import Glibc
import JSON
import TestSupport
import Testing

extension ProcessTests {
    /// Commands beside servers and beside each other.
    struct CLIConcurrencyTests {
        @Test func `commands that come at once on a stopped server are all carried out`() async throws {
            let installation = try await Installation.stopped()
            let names = (0..<8).map { "user-\($0)" }
            let children = try names.map { try installation.command(["user", "add", $0]) }
            for child in children { #expect(await child.ended(within: 60) == .exit(0), "\(child.errorOutput)") }
            #expect(try await installation.usernames() == (["admin"] + names).sorted())
        }

        @Test func `of commands that make one name at once one does`() async throws {
            let installation = try await Installation.stopped()
            let children = try (0..<6).map { _ in try installation.command(["user", "add", "ada"]) }
            var ends: [End?] = []
            for child in children { ends.append(await child.ended(within: 60)) }
            #expect(ends.count { $0 == .exit(0) } == 1)
            #expect(ends.count { $0 == .exit(73) } == 5)
            #expect(try await installation.usernames() == ["ada", "admin"])
        }

        @Test func `a command that is killed wherever it is leaves the folder fine`() async throws {
            let installation = try await Installation.stopped()
            var generator = SeededGenerator(seed: 7)
            var made: [String] = []
            for round in 0..<12 {
                let child = try installation.command(["user", "add", "user-\(round)"])
                let moment = MonotonicMoment(after: Int.random(in: 0...160, using: &generator))
                await until { moment.isPast || child.reap() != nil }
                child.send(SIGKILL)
                if await child.ended() == .exit(0) { made.append("user-\(round)") }
                #expect(child.errorOutput.isEmpty)
            }
            let server = try await installation.start()
            let names = try await installation.usernames()
            #expect(Set(names).isSuperset(of: made))
            #expect(try server.client().login()?.status == 200)
            await server.child.stop()
        }

        @Test func `a server waits for a command that has its folder`() async throws {
            let installation = try await Installation.stopped()
            for round in 0..<4 {
                let command = try installation.command(["user", "add", "user-\(round)"])
                // Held by the command, which wrote its id into the lock.
                await until { command.reap() != nil || installation.lockHolder == command.processID }
                let server = try await installation.start()
                #expect(await command.ended() == .exit(0), "\(command.errorOutput)")
                #expect(try await installation.run("user", "show", "user-\(round)").code == 0)
                await server.child.stop()
            }
        }

        @Test func `a killed server's socket keeps no command and no server away`() async throws {
            let installation = try Installation()
            let first = try await installation.start()
            await first.child.killAtOnce()
            #expect(installation.mode(installation.data + "/control.sock") == 0o600)
            #expect(try await installation.usernames() == ["admin"])
            let second = try await installation.start()
            await second.child.killAtOnce()
            let third = try await installation.start()
            #expect(try await installation.usernames() == ["admin"])
            await third.child.stop()
            #expect(installation.mode(installation.data + "/control.sock") == 0)
        }

        @Test func `a server that does not answer is told of, not waited for without end`() async throws {
            let installation = try Installation()
            let server = try await installation.start()
            await server.child.freeze()
            let outcome = try await installation.run("user", "add", "ada")
            #expect(outcome.code == 75)
            #expect(outcome.errors.contains("did not answer") && outcome.errors.contains("not known whether"))
            server.child.thaw()
            await server.child.stop()
        }

        @Test func `what the command line revokes is refused on every loop when it has ended`() async throws {
            let installation = try Installation()
            let server = try await installation.start()
            let clients = try (0..<24).map { _ in try server.client() }
            #expect(Set(clients.map { $0.request(RawClient.keys)?.field("x-request-id")?.prefix(16) }).count == 2)
            let revocations: [(Tokens) throws -> [String]] = [
                { ["session", "end", try session(of: $0)] }, { _ in ["session", "end", "--user", "admin"] },
                { _ in ["session", "end", "--before", "2020-01-01T00:00:00Z"] },
                { _ in ["user", "set-roles", "admin", "admin", "other"] },
                { _ in
                    ["user", "set-password", "admin", "--password-file", try installation.file(Installation.password)]
                },
                { _ in ["key", "rotate", "--compromised"] },
            ]
            for revocation in revocations {
                let tokens = try #require(Tokens(try server.client().login()))
                for client in clients { #expect(client.verify(tokens.access) == 200) }
                let arguments = try revocation(tokens)
                let outcome = try await installation.run(arguments)
                #expect(outcome.code == 0, "\(arguments): \(outcome.errors)")
                for client in clients { #expect(client.verify(tokens.access) == 401, "\(arguments)") }
            }
            await server.child.stop()
        }

        /// The `sid` of an access token.
        private func session(of tokens: Tokens) throws -> String {
            let claims = String(tokens.access.split(separator: ".")[1])
            let base64 = claims.replacing("-", with: "+").replacing("_", with: "/")
            let padded = base64 + String(repeating: "=", count: (4 - base64.count % 4) % 4)
            let bytes = try #require(Data(base64Encoded: padded))
            return try #require(try JSONValue(parsing: Array(bytes)).object?["sid"]?.string)
        }

        @Test func `following the audit goes on across a stop and a start of the server`() async throws {
            let installation = try await Installation.stopped()
            let tail = try installation.command(["audit", "tail", "-f", "-n", "1", "--json"])
            await until { tail.output.contains("user.created") }
            let first = try await installation.start()
            #expect(try first.client().login()?.status == 200)
            await until { tail.output.contains("login.succeeded") }
            await first.child.stop()
            #expect(try await installation.run("user", "add", "ada").code == 0)
            let second = try await installation.start()
            #expect(try await installation.run("user", "disable", "ada").code == 0)
            await until { tail.output.contains("user.disabled") }
            tail.send(SIGTERM)
            #expect(await tail.ended() == .signal(SIGTERM))
            let ids = try tail.output.split(separator: "\n").map { line in
                try JSONValue(parsing: Array(line.utf8)).object?["id"]?.integer ?? -1
            }
            #expect(ids == Array(1...4), "none is missing, none comes twice")
            await second.child.stop()
        }
    }
}

/// A moment that comes.
private struct MonotonicMoment {
    private let end: ContinuousClock.Instant

    init(after milliseconds: Int) { end = .now + .milliseconds(milliseconds) }

    var isPast: Bool { ContinuousClock.now >= end }
}

extension Installation {
    /// The process whose id is in the lock file.
    fileprivate var lockHolder: pid_t? {
        let text =
            FileManager.default.contents(atPath: data + "/lock").map { String(decoding: $0, as: UTF8.self) } ?? ""
        return pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
