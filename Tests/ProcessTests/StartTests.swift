import Foundation
import Glibc
import TestSupport
import Testing

extension ProcessTests {
    /// The first start of an installation, the second, and two at once.
    struct StartTests {
        @Test func `the first start makes a closed data folder and prints the admin's password, the second does not`()
            async throws
        {
            let installation = try Installation()
            let settings = ["PORTCULLIS_ADMIN_PASSWORD": "", "PORTCULLIS_SIGNING_ALGORITHM": ""]
            let first = try await installation.start(settings)
            await until { first.child.output.contains("jwks.json") }
            #expect(installation.mode(installation.data) == 0o700)
            for (name, file) in try installation.contents() { #expect(file.mode == 0o600, "\(name)") }
            let output = first.child.output
            let password = try #require(output.firstMatch(of: /\n +admin +([a-z0-9]{6}(?:-[a-z0-9]{6}){3})\n/)?.1)
            let script = try #require(output.components(separatedBy: "Try it:\n").last)
            let answers = try Shell.run(script)
            #expect(answers.contains("HTTP/1.1 200 OK") && answers.contains("\"active\":true"))
            #expect(answers.contains("\"username\":\"admin\"") && answers.contains("\"keys\":["))
            let tokens = try #require(Tokens(try first.client().login(String(password))))
            #expect(try first.client().verify(tokens.access) == 200)
            await first.child.stop()

            let second = try await installation.start(settings)
            #expect(second.child.output.split(separator: "\n").count == 2)
            #expect(try second.client().verify(tokens.access) == 200)
            #expect(Tokens(try second.client().refresh(tokens.refresh)) != nil)
            #expect(Tokens(try second.client().login(String(password))) != nil)
            await second.child.stop()
        }

        @Test func `a given admin password is not printed, and changing it later changes nothing`() async throws {
            let installation = try Installation()
            let first = try await installation.start()
            #expect(first.child.output.split(separator: "\n").count == 2)
            #expect(!first.child.output.contains(Installation.password))
            #expect(try first.client().login()?.status == 200)
            await first.child.stop()

            let second = try await installation.start(["PORTCULLIS_ADMIN_PASSWORD": "another-password-altogether"])
            #expect(try second.client().login()?.status == 200)
            #expect(try second.client().login("another-password-altogether")?.status == 401)
            await second.child.stop()
        }

        @Test(arguments: [
            ("too-short", "must have at least 15 characters"), ("xxxxxxxxxxxxxxxxxxxx", "is among the passwords"),
            (String(repeating: "long", count: 257), "must be text of 1 to 1024 bytes"),
        ])
        func `an admin password against the rules is refused, and the next start goes on`(
            _ password: String, _ why: String
        )
            async throws
        {
            let installation = try Installation()
            let (code, message) = try await installation.startThatFails(["PORTCULLIS_ADMIN_PASSWORD": password])
            #expect(code == 78)
            #expect(message.hasPrefix("portcullis: PORTCULLIS_ADMIN_PASSWORD \(why)"))
            #expect(!message.contains(password))
            let server = try await installation.start()
            #expect(try server.client().login()?.status == 200)
        }

        @Test func `a second server on a data folder names the first and leaves it unharmed`() async throws {
            let installation = try Installation()
            let first = try await installation.start()
            let tokens = try #require(Tokens(try first.client().login()))
            // The server's own first upkeep ends with a second key.
            await until { (try? first.client().publishedKeys()) == 2 }
            let before = try installation.contents()
            let (code, message) = try await installation.startThatFails()
            #expect(code == 75)
            #expect(message.contains("in use by process \(first.child.processID)"))
            #expect(message.contains("PORTCULLIS_DATA"))
            #expect(try installation.contents() == before)
            #expect(Tokens(try first.client().refresh(tokens.refresh)) != nil)
            #expect(try first.client().login()?.status == 200)
            await first.child.stop()
        }

        @Test func `no core is dumped and no secret is printed, whatever comes`() async throws {
            let installation = try Installation()
            let server = try await installation.start()
            #expect(
                server.child.limit("Max core file size")?.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"])
            let client = try server.client()
            let first = try #require(Tokens(client.login()))
            let second = try #require(Tokens(client.refresh(first.refresh)))
            #expect(client.verify(second.access) == 200)
            #expect(client.verify(second.access + "x") == 401)
            #expect(client.login("a-wrong-password-for-tests")?.status == 401)
            #expect(client.refresh(second.refresh + "x")?.status == 401)
            #expect(client.request(RawClient.form("login?password=in-the-query", "username=admin"))?.status == 400)
            #expect(client.logout(second.refresh) == 204)
            #expect(
                client.request("GET /livez HTTP/1.1\r\nAuthorization: \(second.access)\u{1}\r\n\r\n")?.status == 400)
            await server.child.stop()

            let key =
                try String(contentsOfFile: installation.masterKey, encoding: .utf8).split(separator: "\n").last ?? ""
            let tokens = [first.access, first.refresh, second.access, second.refresh]
            // Tokens are told apart by their last part, which no two share.
            let secrets =
                tokens.map { String($0.suffix(20)) }
                + [Installation.password, "a-wrong-password-for-tests", "in-the-query", String(key)]
            for secret in secrets {
                #expect(!server.child.output.contains(secret))
                #expect(!server.child.errorOutput.contains(secret))
            }
        }
    }
}

/// The shell that people paste lines into.
enum Shell {
    /// The exit code of a command whose output nobody wants.
    static func outcome(_ script: String) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    static func run(_ script: String) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-eu", "-c", script]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: data, as: UTF8.self)
    }
}
