import Foundation
import TestSupport
import Testing

extension ProcessTests {
    /// A folder whose first start failed, for commands and for the next start.
    struct FailedStartTests {
        @Test func `commands make no account where no server has served, and the next start makes the admin`()
            async throws
        {
            let installation = try Installation()
            // Of a network that is no machine's own (RFC 5737).
            let failed = try await installation.startThatFails(["PORTCULLIS_LISTEN": "192.0.2.1:1"])
            #expect(failed.code == 71)
            let file = try installation.file("the-password-of-the-first")
            for command in [["user", "add", "first", "--password-file", file], ["user", "list"], ["key", "list"]] {
                let outcome = try await installation.run(command)
                #expect(outcome.code == 66, "\(command): \(outcome.errors)")
                #expect(outcome.output.isEmpty)
                #expect(outcome.errors.contains("No server has served here yet"), "\(outcome.errors)")
            }
            let server = try await installation.start()
            #expect(try server.client().login()?.status == 200)
            #expect(try await installation.usernames() == ["admin"])
            await server.child.stop()
        }

        @Test func `a master key file that is not there yet is made by the command that the message names`()
            async throws
        {
            let installation = try Installation()
            let path = installation.root + "/a new key"
            let settings = ["PORTCULLIS_MASTER_KEY_FILE": path]
            let failed = try await installation.startThatFails(settings)
            #expect(failed.code == 78)
            #expect(failed.message.contains("\(path) does not exist") && !failed.message.contains("backup"))
            let command = try #require(failed.message.firstMatch(of: /Make it with: (.+)\n/)?.1)
            _ = try Shell.run(String(command))
            #expect(installation.mode(path) == 0o600)
            let server = try await installation.start(settings)
            #expect(try server.client().login()?.status == 200)
            await server.child.stop()

            try FileManager.default.removeItem(atPath: path)
            let lost = try await installation.startThatFails(settings)
            #expect(lost.code == 78)
            #expect(lost.message.contains("Put it back from a backup") && !lost.message.contains("openssl"))
        }

        @Test(arguments: [true, false])
        func `a malformed master key file is refused alike by a server that runs and by a command alone`(
            _ running: Bool
        ) async throws {
            let installation = try Installation()
            let server = try await installation.start()
            if !running { await server.child.stop() }
            let content = try String(contentsOfFile: installation.masterKey, encoding: .utf8)
            let file = FileHandle(forWritingAtPath: installation.masterKey)
            try file?.write(contentsOf: Data("no key\n".utf8))
            let outcome = try await installation.run("key", "reseal")
            #expect(outcome.code == 65, "\(outcome.errors)")
            #expect(outcome.errors.contains("master.key") && outcome.output.isEmpty)
            try file?.seek(toOffset: 0)
            try file?.write(contentsOf: Data(content.utf8))
            #expect(try await installation.run("key", "reseal").code == 0)
        }
    }
}
