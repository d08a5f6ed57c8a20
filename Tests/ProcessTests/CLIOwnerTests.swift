import Foundation
import Glibc
import TestSupport
import Testing

extension ProcessTests {
    /// Whose the data folder is. Only root can be somebody else.
    @Suite(.enabled(if: geteuid() == 0)) struct CLIOwnerTests {
        static let other: uid_t = 65_534

        private func give(_ installation: Installation, to user: uid_t) throws {
            let names = try FileManager.default.contentsOfDirectory(atPath: installation.data)
            for path in [installation.data] + names.map({ installation.data + "/" + $0 }) {
                #expect(chown(path, user, user) == 0)
            }
        }

        private func owners(_ installation: Installation) throws -> Set<uid_t> {
            let names = try FileManager.default.contentsOfDirectory(atPath: installation.data)
            return Set(
                names.map { name in
                    var status = stat()
                    return lstat(installation.data + "/" + name, &status) == 0 ? status.st_uid : uid_t.max
                })
        }

        @Test func `root leaves the folder of another user that user's own`() async throws {
            let installation = try await Installation.stopped()
            try give(installation, to: CLIOwnerTests.other)
            #expect(try await installation.run("user", "add", "ada").code == 0)
            #expect(try owners(installation) == [CLIOwnerTests.other])
            let child = try installation.command(["user", "add", "bob"])
            await until { child.reap() != nil || installation.mode(installation.database + "-wal") != 0 }
            child.send(SIGKILL)
            _ = await child.ended()
            #expect(try owners(installation) == [CLIOwnerTests.other])
        }

        @Test func `somebody else than the owner and root is told whose it is`() async throws {
            let installation = try Installation()
            // Where the other user finds it: the build's own folder may be closed to it.
            let tool = installation.root + "/portcullis"
            try FileManager.default.copyItem(atPath: Child.executable, toPath: tool)
            let server = try await installation.start()
            #expect(chmod(installation.root, 0o755) == 0)
            for path in [installation.data, installation.data + "/nothing"] {
                let script = "setpriv --reuid=\(CLIOwnerTests.other) --clear-groups \(tool) user list --data \(path)"
                #expect(try Shell.outcome(script) == 77)
            }
            // Also when the modes of the folder and the socket would let them.
            #expect(chmod(installation.data, 0o755) == 0)
            #expect(chmod(installation.data + "/control.sock", 0o666) == 0)
            let script =
                "setpriv --reuid=\(CLIOwnerTests.other) --clear-groups \(tool) user list --data \(installation.data)"
            #expect(try Shell.outcome(script) != 0)
            #expect(try server.client().live() == 200)
        }
    }
}
