import Foundation
import Glibc
import OpenSSL
import TestSupport
import Testing

@testable import LoadTests

/// A server behind TLS that answers with the path it was asked for, a thousand times; with authorities made for the
/// test.
private final class TLSTarget {
    private static let program = """
        import http.server, os, ssl, sys, threading
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                body = self.path.encode() * 1000
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *words): pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
        print(server.server_port, flush=True)
        server.serve_forever()
        """

    let folder: URL
    let port: UInt16
    private let process = Process()
    /// Its end is the server's.
    private let lifeline = Pipe()

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("loadtest-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = { [folder] (name: String) in folder.appendingPathComponent(name).path }
        for name in ["server", "other"] {
            let openssl = Process()
            openssl.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
            openssl.arguments = [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=\(name)", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path("\(name).key"),
                "-out", path("\(name).pem"),
            ]
            openssl.standardError = FileHandle.nullDevice
            try openssl.run()
            openssl.waitUntilExit()
            try #require(openssl.terminationStatus == 0)
        }
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", TLSTarget.program, path("server.pem"), path("server.key")]
        process.standardInput = lifeline
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(UInt16(line.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    func end() throws {
        try lifeline.fileHandleForWriting.close()
        process.waitUntilExit()
        try FileManager.default.removeItem(at: folder)
    }

    func endpoint(trusting authority: String, name: String = "127.0.0.1") throws -> TLSEndpoint {
        let file = folder.appendingPathComponent("\(authority).pem").path
        return TLSEndpoint(name: name, context: try TLSClientContext(authorities: file))
    }
}

@Suite("Client over TLS", .timeLimit(.minutes(1)))
struct ClientTLSTests {
    @Test("A peer that is not trusted, or is another, is refused and sent nothing; one that is trusted answers")
    func certificates() async throws {
        let target = try TLSTarget()
        defer { do { try target.end() } catch { Issue.record(error) } }
        let wrong = [
            try target.endpoint(trusting: "other"), try target.endpoint(trusting: "server", name: "127.0.0.2"),
            try target.endpoint(trusting: "server", name: "localhost"),
        ]
        for endpoint in wrong {
            try await ClientBench.run(target.port, tls: endpoint) { bench in
                bench.send(3)
                await bench.wait(for: 3)
                #expect(bench.ends == Array(repeating: .refused(EPROTO), count: 3))
                #expect(bench.answers.allSatisfy { !$0.isSent })
            }
        }
        try await ClientBench.run(target.port, kept: 2, tls: try target.endpoint(trusting: "server")) { bench in
            bench.send(100)
            await bench.wait(for: 100)
            #expect(bench.answers.allSatisfy { $0.status == 200 })
            #expect(
                bench.answers.sorted { $0.number < $1.number }.map(\.body)
                    == (0..<100).map { String(repeating: "/\($0)", count: 1_000) })
        }
        // What does not fit into the socket at once goes out whole.
        try await ClientBench.run(target.port, tls: try target.endpoint(trusting: "server")) { bench in
            #expect(await bench.ask(7, lane: .own([]), size: 60_000)?.body.hasPrefix("/7/7") == true)
        }
    }

    @Test("A peer that speaks no TLS is refused")
    func plain() async throws {
        let other = try TLSTarget()
        defer { do { try other.end() } catch { Issue.record(error) } }
        let target = try ScriptedTarget { peer in
            peer.send(reply("plain"))
            peer.awaitEnd()
        }
        defer { target.end() }
        try await ClientBench.run(target.port, tls: try other.endpoint(trusting: "server")) { bench in
            bench.send(2)
            await bench.wait(for: 2)
            #expect(bench.ends == Array(repeating: .refused(EPROTO), count: 2))
        }
    }
}
