import Foundation
import Glibc
import Reactor
import TestSupport
import Testing

@testable import Redis

/// A real Redis behind TLS, with authorities made for the test.
@Suite struct RedisTLSTests {
    /// A folder with an authority, certificates that it signed, and another authority.
    private struct Certificates {
        let folder: URL

        init() throws {
            folder = FileManager.default.temporaryDirectory.appendingPathComponent(
                "portcullis-tls-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            // The server is another user.
            chmod(folder.path, 0o755)
            for name in ["ca", "other"] {
                try openssl(
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=\(name)", "-keyout", path("\(name).key"), "-out", path("\(name).pem"))
            }
            try openssl(
                "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=redis",
                "-keyout", path("server.key"), "-out", path("server.csr"))
            // For the name alone: the address is another host.
            try Data("subjectAltName=DNS:localhost\n".utf8).write(to: folder.appendingPathComponent("extensions"))
            try openssl(
                "x509", "-req", "-in", path("server.csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
                "-CAcreateserial", "-days", "1", "-extfile", path("extensions"), "-out", path("server.pem"))
            chmod(path("server.key"), 0o644)
        }

        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

        func remove() { do { try FileManager.default.removeItem(at: folder) } catch { Issue.record(error) } }

        private func openssl(_ arguments: String...) throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
            process.arguments = arguments
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
        }
    }

    private func freePort() throws -> UInt16 {
        let socket = try Socket.listen(on: try #require(SocketAddress("127.0.0.1:0")), .alone)
        let port = socket.localAddress()?.port
        socket.close()
        return try #require(port)
    }

    private func lastFailure(_ url: String) async throws -> String {
        try await withClient(url, connectMilliseconds: 2000) { client async throws in
            await until { client.statistics.isBreakerOpen }
            #expect(!client.isAvailable)
            return try #require(client.lastFailure)
        }
    }

    @Test func `the server's certificate must be of a trusted authority and for its host`() async throws {
        let certificates = try Certificates()
        defer { certificates.remove() }
        let port = try freePort()
        let servers = try RealServers.start(
            .redis,
            redis: [
                "tls-port": "\(port)", "tls-cert-file": certificates.path("server.pem"),
                "tls-key-file": certificates.path("server.key"), "tls-ca-cert-file": certificates.path("ca.pem"),
                "tls-auth-clients": "no",
            ])
        defer { end(servers) }
        let plain = try servers.server("redis")
        let secure = plain.url.replacingOccurrences(of: "redis://", with: "rediss://")
            .replacingOccurrences(of: ":\(plain.port)/", with: ":\(port)/")
        let named = secure.replacingOccurrences(of: "127.0.0.1", with: "localhost")
        let authority = "?ca=\(certificates.path("ca.pem"))"

        try await withClient(named + authority, commandMilliseconds: 10_000, connectMilliseconds: 10_000) {
            client async throws in
            let value = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            _ = try await client.send(RedisCommand([Array("SET".utf8), [0x61], value]))
            #expect(try await client.send(RedisCommand("GET", "a")) == .bytes(value))
            let commands = (0..<10_000).map { RedisCommand("ECHO", "\($0)") }
            #expect(try await client.pipeline(commands) == (0..<10_000).map { RedisValue("\($0)") })
        }
        #expect(try await lastFailure(secure + authority).contains("certificate verify failed"))
        #expect(
            try await lastFailure(named + "?ca=\(certificates.path("other.pem"))").contains("certificate verify failed")
        )
        #expect(try await lastFailure(named).contains("certificate verify failed"))
        // The plain port does not speak TLS; the secure one nothing else.
        let wrongPort = named.replacingOccurrences(of: ":\(port)/", with: ":\(plain.port)/")
        #expect(try await lastFailure(wrongPort + authority).isEmpty == false)
        let wrongScheme = named.replacingOccurrences(of: "rediss://", with: "redis://")
        #expect(try await lastFailure(wrongScheme).isEmpty == false)
    }

    @Test func `a peer that is silent, or sends rubbish, while shaking hands ends at the deadline of connecting`()
        async throws
    {
        let certificates = try Certificates()
        defer { certificates.remove() }
        let authority = "?ca=\(certificates.path("ca.pem"))"
        for rubbish in ["", "\u{16}\u{3}\u{3}", String(repeating: "x", count: 100_000)] {
            let server = try ScriptedServer { peer in
                peer.send(rubbish)
                peer.awaitEnd()
            }
            defer { server.end() }
            try await withClient("rediss://127.0.0.1:\(server.port)\(authority)", connectMilliseconds: 100) {
                client async throws in
                let took = await milliseconds { await until { client.statistics.isBreakerOpen } }
                #expect(took < 3000)
            }
        }
    }
}
