import Auth
import Foundation
import Glibc
import JSON
import JWT
import Reactor
import StoreConformance
import TestSupport
import Testing

@testable import AuthServer

/// Another master key for a server that runs.
@Suite(.timeLimit(.minutes(5))) struct ResealTests {
    private static let other = String(decoding: Base64URL.encode([UInt8](repeating: 7, count: 32)), as: UTF8.self)

    /// A server with its master key file in the data folder.
    private struct Node {
        let server: APIServer
        var file: String { server.configuration.dataFolder + "/master.key" }
        var text: String { String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self) }
        /// The key that the file began with.
        var first: String { text.split(separator: "\n").last.map(String.init) ?? "" }

        func write(_ text: String, mode: mode_t = 0o600) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
            #expect(chmod(file, mode) == 0)
        }

        func stored() async throws -> [StoredKey] { try await server.application.store.update { _ in nil } }

        func reseal() async throws -> AdminResult<Int> {
            try await server.application.keyHub.reseal(
                at: UnixTime(milliseconds: wallClockMilliseconds()), as: .localOperator, from: .server)
        }

        /// What the refused reseal said; nothing is changed by it.
        func refusal(
            _ text: String?, mode: mode_t = 0o600, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws -> String {
            if let text { try write(text, mode: mode) } else { unlink(file) }
            let before = try await stored()
            var reason = ""
            do {
                _ = try await reseal()
                Issue.record("resealed", sourceLocation: sourceLocation)
            } catch KeyHubError.masterKeyFile(let text) {
                reason = text
            } catch KeyHubError.keys(let error) {
                reason = error.description
            }
            #expect(try await stored() == before, sourceLocation: sourceLocation)
            #expect(self.text == text ?? "", sourceLocation: sourceLocation)
            return reason
        }
    }

    private func run(_ body: (Node) async throws -> Void) async throws {
        try await APIServer.run({ $0.keyRing.publicationMilliseconds = 0 }) { try await body(Node(server: $0)) }
    }

    @Test func `a master key file that cannot be used is refused with its line, and nothing changes`() async throws {
        try await run { node in
            let tokens = try node.server.client().loginAsAdmin()
            let (good, first) = (node.text, node.first)
            let other = ResealTests.other
            let refused: [(text: String?, word: String)] = [
                (nil, "missing"), ("", "holds no key"), ("# none\n", "holds no key"), ("x\n\(first)\n", "line 1 "),
                ("# a\n\n\(other)=\n\(first)\n", "line 3 "), ("\(first)\n\(other)\n\(first)\n", "line 3 "),
                (String(repeating: "# long\n", count: 4000) + first, "larger"),
                // Well formed, and without the key that all are sealed under.
                ("\(other)\n", "is sealed under master key"),
            ]
            for (text, word) in refused {
                let reason = try await node.refusal(text)
                #expect(reason.contains(word) && !reason.contains(first) && !reason.contains(other), "\(reason)")
            }
            #expect(try await node.refusal(good, mode: 0o640).contains("chmod 600"))
            try node.write(good)
            #expect(try node.server.client().refresh(tokens.refresh).status == 200)
            #expect(try Administrator(node.server).get("audit?event=keys.resealed").items.isEmpty)
            try await node.server.restart()
            #expect(try node.server.client().verify(tokens.access) == 200)
        }
    }

    @Test func `after a reseal the old master key can go, and nobody is logged out`() async throws {
        try await run { node in
            let clients = try node.server.clientsOfBothLoops()
            let tokens = try clients[0].loginAsAdmin()
            let (first, other) = (node.first, ResealTests.other)
            try node.write("\(other)\n\(first)\n")
            let text = node.text
            #expect(try await node.reseal() == .done(7))
            #expect(try await node.reseal() == .done(0), "again changes nothing")
            #expect(node.text == text)
            for client in clients {
                #expect(try client.verify(tokens.access) == 200)
                #expect(try client.refresh(tokens.refresh).status == 200)
            }
            // Keys that are made from now on are sealed under the new one, too.
            let admin = try Administrator(node.server)
            try admin.rotated()
            try admin.rotated(#"{"purpose":"refresh"}"#)
            let entries = try admin.get("audit?event=keys.resealed").items
            #expect(entries.map { $0["actor"]?.string } == ["local-operator"])
            try node.write("\(other)\n")
            try await node.server.restart()
            let client = try node.server.client()
            #expect(try client.verify(tokens.access) == 200)
            #expect(try client.refresh(tokens.refresh).status == 200)
            await APIServer.stop(node.server.application)
            try node.write("\(first)\n")
            await #expect { try await APIServer.start(node.server.configuration) } throws: { error in
                (error as? StartupError)?.code == .dataDamaged
            }
            try node.write("\(other)\n")
            try await node.server.restart()
            #expect(try node.server.client().verify(tokens.access) == 200)
        }
    }

    @Test func `resealing and rotating at the same time leaves no key under the old master key`() async throws {
        try await run { node in
            let (first, other) = (node.first, ResealTests.other)
            try node.write("\(other)\n\(first)\n")
            let hub = node.server.application.keyHub
            let now = UnixTime(milliseconds: wallClockMilliseconds())
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<24 {
                    group.addTask {
                        do {
                            if index == 12 { _ = try await hub.reseal(at: now, as: .localOperator, from: .server) }
                            let active = try #require(hub.snapshot.activeID(of: .signing))
                            _ = try await hub.rotate(
                                .compromised(.signing, id: active), at: now, as: .localOperator, from: .server)
                        } catch {
                            Issue.record(error)
                        }
                    }
                }
            }
            let master = try MasterKeys(parsing: Array(other.utf8))
            let stored = try await node.stored()
            #expect(stored.count == 7 && stored.allSatisfy { master.isCurrent($0.sealed) })
            #expect(try KeyRingSnapshot(opening: stored, with: master).signing.keyID == hub.snapshot.signing.keyID)
        }
    }
}
