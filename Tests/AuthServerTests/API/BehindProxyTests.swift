import Auth
import AuthServer
import Foundation
import Glibc
import HTTPServer
import JSON
import Reactor
import TestSupport
import Testing

/// Behind a balancer: limits, audit and log go by the client that it names, and by nothing that the client says itself.
/// All connections come from 127.0.0.1, where the balancer is.
@Suite(.timeLimit(.minutes(2))) struct BehindProxyTests {
    private func login(_ fields: String) -> String {
        let body = "username=admin&password=wrong"
        return "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            + "\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private func status(_ client: RawClient, _ fields: String) -> Int? { client.request(login(fields))?.status }

    /// Two failures of an address an hour.
    private static func configure(_ configuration: inout Configuration, _ proxies: [String]) {
        configuration.clients.proxies = TrustedProxies(proxies) ?? .none
        configuration.throttle[.address] = GCRA(burst: 2, intervalMilliseconds: 3_600_000)
    }

    @Test func `limits go by the client that a trusted proxy names`() async throws {
        try await APIServer.run {
            BehindProxyTests.configure(&$0, ["127.0.0.1"])
        } _: { server in
            let client = try server.client()
            for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
                let statuses = (0..<3).map { _ in status(client, "X-Forwarded-For: \(address)\r\n") }
                #expect(statuses == [401, 401, 429], "\(address)")
            }
            // What the first of them puts before its address buys it nothing.
            for spoof in ["198.51.100.1", "127.0.0.1", "\"", "for=198.51.100.1", ","] {
                #expect(status(client, "X-Forwarded-For: \(spoof), 192.0.2.1\r\n") == 429, "\(spoof)")
                let both = "Forwarded: for=\"\(spoof)\"\r\nX-Forwarded-For: 192.0.2.1\r\n"
                #expect(status(client, both) == 429, "\(spoof)")
            }
        }
    }

    @Test(arguments: [[], ["127.0.0.2"]])
    func `limits go by the connection when it is nobody's that is trusted`(_ proxies: [String]) async throws {
        try await APIServer.run {
            BehindProxyTests.configure(&$0, proxies)
        } _: { server in
            let client = try server.client()
            let statuses = (1...3).map { status(client, "X-Forwarded-For: 192.0.2.\($0)\r\n") }
            #expect(statuses == [401, 401, 429])
        }
    }

    @Test func `limits go by the client that a PROXY header names, and the ops port wants none`() async throws {
        try await APIServer.run {
            BehindProxyTests.configure(&$0, ["127.0.0.1"])
            $0.clients.proxyProtocol = .v1
        } _: { server in
            for address in ["192.0.2.1", "192.0.2.2"] {
                let statuses = try (0..<3).map { _ in
                    let client = try server.client()
                    client.send("PROXY TCP4 \(address) 127.0.0.1 1 2\r\n")
                    return status(client, "X-Forwarded-For: 198.51.100.1\r\n")
                }
                #expect(statuses == [401, 401, 429])
            }
            #expect(try server.opsClient().get("/readyz").status == 200)
            #expect(try server.client().request(login("")) == nil)
            let page = try server.opsClient().get("/metrics").text
            #expect(page.contains("\nportcullis_proxy_refused_total 1\n"))
        }
    }

    @Test func `audit and log name client and request as the proxy does`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + ".log"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0)
        defer {
            close(descriptor)
            unlink(path)
        }
        try await APIServer.run {
            BehindProxyTests.configure(&$0, ["127.0.0.1"])
            $0.auditDelayMilliseconds = 1
            $0.logDescriptor = descriptor
        } _: { server in
            let client = try server.client()
            #expect(status(client, "X-Forwarded-For: 6.6.6.6, 192.0.2.7\r\nX-Request-Id: edge-1\r\n") == 401)
            let admin = try Administrator(server)
            var entries = ""
            await until {
                entries = (try? admin.ask("GET", "audit?event=login.failed").text) ?? ""
                return entries.contains("edge-1")
            }
            #expect(entries.contains("\"192.0.2.7\""))
        }
        let lines = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
        let line = lines.split(separator: "\n").first { $0.contains("\"request_id\":\"edge-1\"") }
        #expect(line?.contains("\"client_network\":\"192.0.2.0/24\"") == true)
    }
}
