import Foundation
import Glibc
import TestSupport
import Testing

/// A change to a good installation, and how the server must refuse to start on it.
struct Harm: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let code: Int32
    /// Must be in the message, each of them: what is wrong and what to do.
    let messages: [String]
    let inflict: @Sendable (Installation) throws -> Void

    init(
        _ name: String, exit code: Int32, says messages: [String],
        _ inflict: @escaping @Sendable (Installation) throws -> Void
    ) {
        testDescription = name
        self.code = code
        self.messages = messages
        self.inflict = inflict
    }

    private static let backup = "Nothing was changed. Restore the data folder from a backup"

    static let all: [Harm] = [
        Harm("the database cut in half", exit: 65, says: ["portcullis.sqlite is damaged", backup]) {
            let handle = try FileHandle(forUpdating: URL(fileURLWithPath: $0.database))
            try handle.truncate(atOffset: try handle.seekToEnd() / 8192 * 4096)
        },
        Harm("the database empty", exit: 65, says: ["it has 0 bytes", backup]) {
            try Data().write(to: URL(fileURLWithPath: $0.database))
        },
        Harm("noise for a database", exit: 65, says: ["does not begin like an SQLite database", backup]) {
            var generator = SeededGenerator(seed: 7)
            let noise = (0..<40_960).map { _ in UInt8.random(in: 0...255, using: &generator) }
            try Data(noise).write(to: URL(fileURLWithPath: $0.database))
        },
        Harm("noise in the middle of the database", exit: 65, says: ["is damaged", backup]) {
            let handle = try FileHandle(forUpdating: URL(fileURLWithPath: $0.database))
            try handle.seek(toOffset: 8192)
            try handle.write(contentsOf: [UInt8](repeating: 0xA5, count: 16_384))
        },
        Harm("the database gone, the master key left", exit: 65, says: ["it is missing", backup]) {
            try FileManager.default.removeItem(atPath: $0.database)
        },
        Harm("the master key gone", exit: 65, says: ["master.key is missing", "Put it back from a backup"]) {
            try FileManager.default.removeItem(atPath: $0.masterKey)
        },
        Harm("the master key cut", exit: 65, says: ["line 2 of the master key file is not a key", "backup"]) {
            try FileHandle(forUpdating: URL(fileURLWithPath: $0.masterKey)).truncate(atOffset: 100)
        },
        Harm("the master key empty", exit: 65, says: ["holds no key", "backup"]) {
            try FileHandle(forUpdating: URL(fileURLWithPath: $0.masterKey)).truncate(atOffset: 0)
        },
        Harm("a master key that others may read", exit: 78, says: ["chmod 600", "master.key"]) {
            chmod($0.masterKey, 0o644)
        },
        Harm("a folder for a master key", exit: 78, says: ["master.key is not a regular file"]) {
            try FileManager.default.removeItem(atPath: $0.masterKey)
            try FileManager.default.createDirectory(atPath: $0.masterKey, withIntermediateDirectories: false)
        },
        Harm(
            "the master key of another installation", exit: 65,
            says: ["which the master key file does not hold", "Put that key back"]
        ) {
            let key = (0..<43).map { _ in "A" }.joined()
            try Data("\(key)\n".utf8).write(to: URL(fileURLWithPath: $0.masterKey))
            chmod($0.masterKey, 0o600)
        },
        Harm("a data folder that others may write to", exit: 73, says: ["other users may write to it", "chmod go-w"]) {
            chmod($0.data, 0o777)
        },
    ]
}

extension ProcessTests {
    /// Good data, harmed in one way.
    struct DamageTests {
        @Test(arguments: Harm.all)
        func `a damaged installation is refused with its reason and what to do, and nothing in it changes`(_ harm: Harm)
            async throws
        {
            let installation = try Installation()
            let server = try await installation.start()
            #expect(try server.client().login()?.status == 200)
            await server.child.stop()
            try harm.inflict(installation)
            let before = try installation.contents()
            for _ in 0..<2 {
                let (code, message) = try await installation.startThatFails()
                #expect(code == harm.code, "\(message)")
                for part in harm.messages { #expect(message.contains(part)) }
                #expect(try installation.contents() == before)
            }
        }

        @Test func `a database damaged after kill -9 is refused, its log and index untouched`() async throws {
            let installation = try Installation()
            let server = try await installation.start()
            #expect(try server.client().login()?.status == 200)
            await server.child.killAtOnce()
            #expect(try installation.contents().keys.contains("portcullis.sqlite-wal"))
            let handle = try FileHandle(forUpdating: URL(fileURLWithPath: installation.database))
            try handle.write(contentsOf: [UInt8](repeating: 0, count: 64))
            let before = try installation.contents()
            let (code, message) = try await installation.startThatFails()
            #expect(code == 65)
            #expect(message.contains("does not begin like an SQLite database"))
            #expect(try installation.contents() == before)
        }

        @Test func `a configured master key file must exist, and is not made`() async throws {
            let installation = try Installation()
            let path = installation.root + "/elsewhere.key"
            let (code, message) = try await installation.startThatFails(["PORTCULLIS_MASTER_KEY_FILE": path])
            #expect(code == 78)
            #expect(message.contains("\(path) does not exist"))
            #expect(installation.mode(path) == 0)
            #expect(try Set(installation.contents().keys) == ["lock"])
        }
    }
}
