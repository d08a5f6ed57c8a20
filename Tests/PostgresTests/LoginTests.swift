import Foundation
import Postgres
import Reactor
import TestSupport
import Testing

/// How a client gets to its server, and what keeps it away.
@Suite(.serialized) struct LoginTests {
    private func error(_ url: String) async throws -> PostgresError? {
        try await withClient(url) { client in
            await failure { () throws(PostgresError) in _ = try await client.run(SQL.one, []) }
        }
    }

    @Test func `a Unix socket serves`() async throws {
        #expect(try await error(try RealServers.shared().server("postgres").socketURL) == nil)
    }

    @Test func `a name is resolved off the loop`() async throws {
        let url = try RealServers.shared().databaseURL.replacingOccurrences(of: "@127.0.0.1:", with: "@localhost:")
        #expect(try await error(url) == nil)
    }

    @Test
    func `a name that does not exist, a port where nobody listens and a wrong password say so, without the password`()
        async throws
    {
        let server = try RealServers.shared().server("postgres")
        let password = server.url.split(separator: ":")[2].split(separator: "@")[0]
        let nobody = server.url.replacingOccurrences(of: ":\(server.port)/", with: ":1/")
        let nowhere = server.url.replacingOccurrences(of: "@127.0.0.1", with: "@no-such-host.invalid")
        let wrong = server.url.replacingOccurrences(of: String(password), with: "not-the-password")
        let refused = try await error(nobody)
        #expect(refused?.code == .unavailable)
        #expect(refused?.message.contains("127.0.0.1:1") == true)
        #expect(try await error(nowhere)?.message.contains("no-such-host.invalid") == true)
        let denied = try await error(wrong)
        #expect(denied?.code == .unavailable)
        #expect(denied?.message.contains("28P01") == true)
        #expect(denied?.message.contains("not-the-password") == false)
    }

    @Test func `an outage is answered at once after the first wait`() async throws {
        let server = try RealServers.shared().server("postgres")
        try await withClient(server.url.replacingOccurrences(of: ":\(server.port)/", with: ":1/")) { client in
            _ = await failure { () throws(PostgresError) in _ = try await client.run(SQL.one, []) }
            let start = MonotonicTime.now
            for _ in 0..<100 {
                let error = await failure { () throws(PostgresError) in _ = try await client.run(SQL.one, []) }
                #expect(error?.code == .unavailable)
            }
            #expect(milliseconds(since: start) < 300)
        }
    }

    @Test func `a server that accepts and says nothing is given up in time, and the next host serves`() async throws {
        let server = try RealServers.shared().server("postgres")
        let proxy = try Proxy(to: server.port)
        proxy.beSilent(true)
        defer { proxy.end() }
        let url = server.url.replacingOccurrences(
            of: "@127.0.0.1:\(server.port)/", with: "@127.0.0.1:\(proxy.port),127.0.0.1:\(server.port)/")
        try await withClient(
            url,
            {
                $0.connectMilliseconds = 300; $0.waitMilliseconds = 3000
            }
        ) { client in
            let start = MonotonicTime.now
            _ = try await client.run(SQL.one, [])
            #expect((290...2000).contains(milliseconds(since: start)))
            #expect(client.statistics.timeouts == 1)
        }
    }

    @Test func `TLS is verified against the CA and the host's name`() async throws {
        let certificates = try Certificates()
        defer { certificates.remove() }
        let servers = try RealServers.start(
            .postgres,
            postgres: ["ssl": "on", "ssl_cert_file": certificates.certificate, "ssl_key_file": certificates.key])
        let server = try servers.server("postgres")
        let byName = server.url.replacingOccurrences(of: "@127.0.0.1:", with: "@localhost:")
        let full = "?sslmode=verify-full&sslrootcert=\(certificates.authority)"
        let encrypted = Statement(
            "test_ssl", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", isReadOnly: true)
        let large = Statement(
            "test_tls_large", "SELECT repeat('x', 2000) FROM generate_series(1, $1)", isReadOnly: true)
        try await withClient(byName + full, { $0.statementMilliseconds = 5000 }) { client in
            let isEncrypted = try await client.run(encrypted, []).rows[0].bool(0)
            #expect(isEncrypted)
            // Records of every size, many reads: nothing stays behind in the TLS layer.
            for count in Array(Int64(1)...60) + [500, 2000] {
                let rows = try await client.run(large, [.integer(count)]).rows
                #expect(rows.count == Int(count))
            }
            #expect(client.statistics.connects == 1)
        }
        // The certificate is for localhost, not for the address.
        #expect(try await error(server.url + full)?.code == .unavailable)
        #expect(
            try await error(byName + "?sslmode=verify-full&sslrootcert=\(certificates.stranger)")?.code == .unavailable)
        #expect(try await error(byName + "?sslmode=require") == nil)
        try servers.end()
        let plain = try RealServers.shared().databaseURL
        #expect(try await error(plain + "?sslmode=require")?.message.contains("SSL") == true)
    }
}

/// A CA, a server's certificate for `localhost` by it, and a CA of nobody.
private struct Certificates {
    private let folder: String
    var authority: String { folder + "/ca.pem" }
    var stranger: String { folder + "/stranger.pem" }
    var certificate: String { folder + "/server.pem" }
    var key: String { folder + "/server.key" }

    init() throws {
        folder = NSTemporaryDirectory() + "portcullis-postgres-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let script = """
            set -eu
            cd "$1"
            for name in ca stranger; do
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.pem \
                    -days 2 -subj "/CN=$name"
            done
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=x
            printf 'subjectAltName=DNS:localhost\\n' >server.ext
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext \
                -out server.pem
            chmod 755 .
            # The server runs as nobody when we are root: then root's key may be read by its group.
            if [ "$(id -u)" = 0 ]; then chown 0:"$(id -g nobody)" server.key; chmod 640 server.key; else chmod 600 server.key; fi
            """
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", script, "sh", folder]
        shell.standardOutput = FileHandle.nullDevice
        shell.standardError = FileHandle.nullDevice
        try shell.run()
        shell.waitUntilExit()
        try #require(shell.terminationStatus == 0)
    }

    func remove() {
        do { try FileManager.default.removeItem(atPath: folder) } catch { Issue.record("\(error)") }
    }
}
