import AuthServer
import Foundation
import Glibc
import JSON
import Reactor
import TestSupport
import Testing

/// What a server writes about its requests.
@Suite(.timeLimit(.minutes(5))) struct AccessLogTests {
    /// Runs `body` with a server that logs into a file, and reads the file when the server has stopped.
    private func lines(
        _ change: (inout Configuration) -> Void = { _ in }, _ body: (APIServer) async throws -> Void
    ) async throws -> [JSONObject] {
        let folder = try TemporaryFolder()
        let path = folder.path + ".log"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0)
        defer {
            close(descriptor)
            unlink(path)
        }
        try await APIServer.run {
            $0.logDescriptor = descriptor
            change(&$0)
        } _: { server in
            try await body(server)
        }
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(bytes.isEmpty || bytes.last == UInt8(ascii: "\n"))
        return try bytes.split(separator: UInt8(ascii: "\n")).map { line in
            try #require(try JSONValue(parsing: Array(line)).object)
        }
    }

    private func requests(_ lines: [JSONObject]) -> [JSONObject] {
        lines.filter { $0["message"]?.string == "request" }
    }

    /// Method, route, status and outcome.
    private func summary(_ line: JSONObject) -> String {
        let parts = [line["method"]?.string ?? "-", line["route"]?.string, line["outcome"]?.string]
        return parts.compactMap { $0 }.joined(separator: " ") + " \(line["status"]?.integer ?? 0)"
    }

    @Test func `each request is a line with its route's template, its outcome and nothing that it sent`() async throws {
        let id = Lock("")
        let lines = try await lines {
            $0.logVerifySample = 1
        } _: { server in
            let client = try server.client()
            let tokens = try client.loginAsAdmin()
            _ = try client.tryLogin("x", "y")
            _ = try client.post("/api/v1/auth/login", json: "{")
            _ = try client.verify(tokens.access)
            _ = try client.verify("secret-token")
            _ = try client.get("/api/v1/auth/verify?access_token=secret-token")
            _ = try client.get("/api/v1/auth/verify/roles/secret-role/secret/path", token: tokens.access)
            _ = try client.get("/secret/path?secret=query")
            _ = try client.exchange("PUT", "/api/v1/me")
            _ = try client.exchange("SECRET", "/api/v1/me")
            id.withLock { $0 = (try? client.get("/livez").field("x-request-id")) ?? "" }
            _ = try server.client().request("GET /secret HTTP/3.0\r\n\r\n")
            _ = try server.client().request(
                "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n")
        }
        #expect(
            requests(lines).map(summary) == [
                "POST /api/v1/auth/login ok 200", "POST /api/v1/auth/login invalid-credentials 401",
                "POST /api/v1/auth/login invalid-body 400", "GET /api/v1/auth/verify ok 200",
                "GET /api/v1/auth/verify invalid-token 401", "GET /api/v1/auth/verify invalid-request 401",
                "GET /api/v1/auth/verify/roles/{roles}/… insufficient-scope 403", "GET none not-found 404",
                "PUT none method-not-allowed 405", "other none not-implemented 501", "GET /livez ok 200",
                "- none version-not-supported 505", "POST none content-too-large 413",
            ])
        #expect(
            lines.compactMap { $0["message"]?.string }.filter { $0 != "request" } == ["started", "draining", "stopped"])
        for line in requests(lines) {
            #expect(
                line.members.map(\.name) == [
                    "time", "level", "message", "request_id", "method", "route", "status", "outcome", "latency_us",
                    "client_network",
                ])
            #expect(line["client_network"]?.string == "127.0.0.0/24")
            #expect((1...10_000_000).contains(line["latency_us"]?.integer ?? 0))
            let status = line["status"]?.integer ?? 0
            #expect(line["level"]?.string == (status < 500 ? "info" : "warning"))
        }
        let requestID = id.withLock { $0 }
        #expect(requests(lines).contains { $0["request_id"]?.string == requestID })
        for line in lines {
            var writer = JSONWriter()
            writer.value(.object(line))
            #expect(!String(decoding: writer.bytes, as: UTF8.self).lowercased().contains("secret"))
        }
    }

    @Test func `each probe and scrape on the ops port is a line, and so is what it refuses`() async throws {
        let lines = try await lines { server in
            let client = try server.opsClient()
            for path in ["/livez", "/readyz?for=login", "/metrics", "/secret"] { _ = try client.get(path) }
            _ = try client.exchange("PUT", "/metrics")
            _ = try server.opsClient().request("GET /secret HTTP/3.0\r\n\r\n")
        }
        #expect(
            requests(lines).map(summary) == [
                "GET /livez ok 200", "GET /readyz ok 200", "GET /metrics ok 200", "GET none not-found 404",
                "PUT none method-not-allowed 405", "- none version-not-supported 505",
            ])
        #expect(requests(lines).allSatisfy { $0["client_network"]?.string == "127.0.0.0/24" })
    }

    @Test(arguments: [0, 3]) func `of verify one in so many is a line, refusals too`(_ sample: Int) async throws {
        let lines = try await lines {
            $0.logVerifySample = sample
            $0.loops = 1
        } _: { server in
            let client = try server.client()
            let tokens = try client.loginAsAdmin()
            for _ in 0..<7 { #expect(try client.verify(tokens.access) == 200) }
            for _ in 0..<7 { #expect(try client.verify("x") == 401) }
            for _ in 0..<7 { #expect(try client.get("/api/v1/auth/verify/any/x").status == 401) }
        }
        let sampled = requests(lines).filter { $0["route"]?.string?.hasPrefix("/api/v1/auth/verify") == true }
        #expect(sampled.map { $0["status"]?.integer } == (sample == 0 ? [] : [200, 200, 401, 401, 401, 401, 401]))
        #expect(sampled.allSatisfy { $0["sampled_one_in"]?.integer == Int64(sample) })
        #expect(requests(lines).count == sampled.count + 1)
    }

    @Test func `the level decides which lines there are`() async throws {
        for (level, messages) in [(LogLevel.off, 0), (.error, 0), (.warning, 1)] {
            let lines = try await lines {
                $0.logLevel = level
            } _: { server in
                let client = try server.client()
                #expect(try client.get("/none").status == 404)
                #expect(try client.exchange("SECRET", "/none").status == 501)
            }
            #expect(lines.count == messages, "\(level)")
        }
    }

    @Test func `a client's IPv6 network is its first 48 bits`() async throws {
        let lines = try await lines {
            $0.listen = SocketAddress("[::1]:0")!
        } _: { server in
            let answer = try answer(to: "GET /livez HTTP/1.0\r\n\r\n", onIPv6Port: server.port)
            #expect(answer.hasSuffix("\r\n\r\nok\n"))
        }
        #expect(requests(lines).map { $0["client_network"]?.string } == ["::/48"])
    }

    /// All that comes on a connection from ::1.
    private func answer(to request: String, onIPv6Port port: UInt16) throws -> String {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_addr = in6addr_loopback
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
        try #require(result == 0)
        _ = Array(request.utf8).withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: all, as: UTF8.self) }
            all += buffer[..<count]
        }
    }

    @Test func `requests are answered, counted and ended in time while nobody reads the log`() async throws {
        let pipe = try SmallPipe()
        try await APIServer.run {
            $0.logDescriptor = pipe.writing
        } _: { server in
            let client = try server.client()
            let tokens = try client.loginAsAdmin()
            let start = MonotonicTime.now
            // More than the pipe and both buffers hold: about 250 bytes each.
            for _ in 0..<200 {
                let many = String(repeating: "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", count: 100)
                client.send(many)
                for _ in 0..<100 { #expect(client.receive()?.status == 404) }
            }
            #expect(try client.verify(tokens.access) == 200)
            #expect(MonotonicTime.now.nanoseconds(since: start) < 60_000_000_000)
            let page = try server.opsClient().get("/metrics").text
            let dropped = try #require(page.firstMatch(of: /\nportcullis_log_lines_dropped_total (\d+)\n/))
            #expect(Int(dropped.1) ?? 0 > 0)
        }
        #expect(!pipe.read().isEmpty)
    }
}
