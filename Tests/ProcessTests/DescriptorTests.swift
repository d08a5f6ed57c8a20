import Foundation
import Glibc
import TestSupport
import Testing

extension ProcessTests {
    /// Standard input, output and error that are not there, or take nothing.
    struct DescriptorTests {
        private static let notShown = "its password was not shown"

        /// A first start by a line of the shell, whose `$0` is the program and `$1` a folder, until the account is made
        /// and the server was ended. What came to its standard error.
        private func serve(_ installation: Installation, _ line: String) async throws -> String {
            let child = try Child(
                ["-c", line, Child.executable, installation.root], program: "/bin/sh",
                environment: installation.environment(["PORTCULLIS_ADMIN_PASSWORD": ""]),
                output: "\(installation.root)/\(UUID().uuidString)")
            await until("no server answers", seconds: 30) {
                child.reap() != nil || FileManager.default.fileExists(atPath: installation.data + "/control.sock")
            }
            for _ in 0..<100 where child.reap() == nil {
                if try await installation.usernames() == ["admin"] { break }
            }
            let lock = try String(contentsOfFile: installation.data + "/lock", encoding: .utf8)
            #expect(lock == "\(child.processID)\n", "\(line)")
            await child.stop()
            return child.errorOutput
        }

        @Test(arguments: [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
        func `a descriptor that is closed at start becomes no file of the data folder`(_ closed: String) async throws {
            let installation = try Installation()
            let errors = try await serve(installation, "exec \"$0\" serve \(closed)")
            for (name, file) in try installation.contents() {
                for text in ["admin  ", "curl", "serves on", "\"message\"", DescriptorTests.notShown] {
                    #expect(file.bytes.range(of: Data(text.utf8)) == nil, "\(closed): \(text) is in \(name)")
                }
            }
            #expect(errors.contains(DescriptorTests.notShown) == (closed == ">&-"), "\(closed): \(errors)")
        }

        @Test(arguments: [
            "exec \"$0\" serve >/dev/full", "exec \"$0\" serve >&-",
            // A pipe that nobody reads any more.
            "mkfifo \"$1/pipe\"; exec 3<>\"$1/pipe\" 4>\"$1/pipe\" 3>&-; exec \"$0\" serve >&4 4>&-",
        ])
        func `a made-up password that cannot be shown is said to be lost, with the way to another`(
            _ line: String
        ) async throws {
            let installation = try Installation()
            let errors = try await serve(installation, line)
            #expect(errors.contains(DescriptorTests.notShown), "\(errors)")
            #expect(errors.contains("portcullis user set-password admin --data \(installation.data)\n"))
            let file = try installation.file(Installation.password)
            let set = try await installation.run("user", "set-password", "admin", "--password-file", file)
            #expect(set.code == 0, "\(set.errors)")
            let server = try await installation.start()
            #expect(try server.client().login()?.status == 200)
            await server.child.stop()
        }

        @Test(arguments: [(">&-", 74), ("2>&-", 0), ("<&-", 0), ("<&- >&- 2>&-", 74)] as [(String, Int32)])
        func `a command whose descriptors are closed writes into no file of the data folder`(
            _ closed: String, _ code: Int32
        ) async throws {
            let installation = try await Installation.stopped()
            let child = try Child(
                ["-c", "exec \"$0\" user list \(closed)", Child.executable], program: "/bin/sh",
                environment: installation.environment(), output: "\(installation.root)/\(UUID().uuidString)")
            #expect(await child.ended() == .exit(code))
            let lock = try String(contentsOfFile: installation.data + "/lock", encoding: .utf8)
            #expect(lock == "\(child.processID)\n")
            #expect(try await installation.usernames() == ["admin"])
        }
    }
}
