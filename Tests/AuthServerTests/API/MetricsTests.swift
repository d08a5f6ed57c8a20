import Auth
import AuthServer
import Foundation
import HTTPServer
import Reactor
import TestSupport
import Testing

/// A page in Prometheus' text format (version 0.0.4), read strictly.
struct MetricsText {
    private(set) var samples: [String: Double] = [:]
    private(set) var types: [String: String] = [:]

    init(_ text: String) throws {
        #expect(text.hasSuffix("\n"))
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if let help = line.wholeMatch(of: #/# HELP ([a-z_]+) (\S.*)/#) {
                guard types[String(help.1)] == nil else { throw UnexpectedReply("twice: \(line)") }
            } else if let type = line.wholeMatch(of: #/# TYPE ([a-z_]+) (counter|gauge|histogram)/#) {
                guard types.updateValue(String(type.2), forKey: String(type.1)) == nil else {
                    throw UnexpectedReply("twice: \(line)")
                }
            } else {
                let pattern = #/(([a-z_]+)(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})?) ([0-9.e+-]+)/#
                guard let sample = line.wholeMatch(of: pattern), let value = Double(sample.5), value >= 0,
                    samples.updateValue(value, forKey: String(sample.1)) == nil, isDeclared(String(sample.2))
                else { throw UnexpectedReply("no sample: \(line)") }
            }
        }
    }

    private func isDeclared(_ name: String) -> Bool {
        if let type = types[name] { return type != "histogram" }
        for suffix in ["_bucket", "_sum", "_count"] where name.hasSuffix(suffix) {
            return types[String(name.dropLast(suffix.count))] == "histogram"
        }
        return false
    }

    subscript(_ name: String) -> Double { samples["portcullis_" + name] ?? 0 }

    func requests(_ route: String, _ status: Int) -> Double {
        self["http_requests_total{route=\"\(route)\",status=\"\(status)\"}"]
    }
}

@Suite(.timeLimit(.minutes(5))) struct MetricsTests {
    private func metrics(_ server: APIServer) throws -> MetricsText {
        let reply = try server.opsClient().get("/metrics")
        #expect(reply.status == 200)
        #expect(reply.field("content-type") == "text/plain; version=0.0.4; charset=utf-8")
        return try MetricsText(reply.text)
    }

    @Test func `requests are counted by route and status, and timed`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let tokens = try client.loginAsAdmin()
            for _ in 0..<3 { #expect(try client.tryLogin("x", "y").status == 401) }
            _ = try client.post("/api/v1/auth/login", json: "{")
            for _ in 0..<5 { #expect(try client.verify(tokens.access) == 200) }
            _ = try client.get("/api/v1/auth/verify?roles=x", token: tokens.access)
            _ = try client.get("/api/v1/auth/verify/any/a/b", token: tokens.access)
            _ = try client.get("/api/v1/auth/verify/roles/admin/a", token: tokens.access)
            _ = try client.refresh(tokens.refresh)
            let tag = try #require(try client.get("/.well-known/jwks.json").field("etag"))
            _ = try client.get("/.well-known/jwks.json", ["If-None-Match: \(tag)"])
            _ = try client.get("/none")
            _ = try client.exchange("PUT", "/api/v1/me")
            _ = try client.exchange("OPTIONS", "/api/v1/me")
            _ = try client.post("/api/v1/auth/logout", token: tokens.access)
            _ = try server.client().request("GET / HTTP/3.0\r\n\r\n")
            let page = try metrics(server)
            for (route, status, count) in [
                ("/api/v1/auth/login", 200, 1.0), ("/api/v1/auth/login", 401, 3), ("/api/v1/auth/login", 400, 1),
                ("/api/v1/auth/verify", 200, 5), ("/api/v1/auth/verify", 403, 1), ("/api/v1/auth/verify/any/…", 200, 1),
                ("/api/v1/auth/verify/roles/{roles}/…", 200, 1), ("/api/v1/auth/refresh", 200, 1),
                ("/.well-known/jwks.json", 200, 1), ("/.well-known/jwks.json", 304, 1), ("/api/v1/auth/logout", 204, 1),
                ("none", 404, 1), ("none", 405, 1), ("none", 204, 1), ("none", 505, 1),
            ] { #expect(page.requests(route, status) == count, "\(route) \(status)") }
            #expect(page["password_hashes_total"] == 4)
            checkHistograms(page)
        }
    }

    /// Buckets grow, and the last holds what was counted.
    private func checkHistograms(_ page: MetricsText) {
        let name = "portcullis_http_request_duration_seconds"
        var routes: [String: [(bound: Double, count: Double)]] = [:]
        for (sample, count) in page.samples {
            guard let match = sample.wholeMatch(of: #/([a-z_]+)_bucket\{route="([^"]*)",le="([^"]*)"\}/#) else {
                continue
            }
            #expect(match.1 == name)
            let bound = match.3 == "+Inf" ? Double.infinity : Double(match.3) ?? -1
            routes[String(match.2), default: []].append((bound, count))
        }
        #expect(routes.count >= 6)
        for (route, buckets) in routes {
            let counts = buckets.sorted { $0.bound < $1.bound }.map(\.count)
            #expect(counts == counts.sorted(), "\(route)")
            #expect(counts.last == page.samples["\(name)_count{route=\"\(route)\"}"], "\(route)")
            #expect(page.samples["\(name)_sum{route=\"\(route)\"}"] ?? 0 > 0)
            let total = page.samples.filter { $0.key.hasPrefix("portcullis_http_requests_total{route=\"\(route)\",") }
            #expect(total.values.reduce(0, +) == counts.last, "\(route)")
        }
    }

    @Test func `cache hits, hashes, refusals and revocations show`() async throws {
        try await APIServer.run {
            $0.throttle[.accountAndAddress] = GCRA(burst: 1, intervalMilliseconds: 60_000)
        } _: { server in
            let client = try server.client()
            let tokens = try client.loginAsAdmin()
            for _ in 0..<10 { #expect(try client.verify(tokens.access) == 200) }
            #expect(try client.verify("x") == 401)
            #expect(try client.tryLogin("x", "y").status == 401)
            #expect(try client.tryLogin("x", "y").status == 429)
            // The loops hand in their figures once a second.
            await until {
                guard let page = try? metrics(server) else { return true }
                return page["token_cache_hits_total"] == 9 && page["token_cache_misses_total"] == 2
            }
            #expect(try client.post("/api/v1/auth/logout", token: tokens.access).status == 204)
            let page = try metrics(server)
            #expect(page["token_cache_hits_total"] >= 9)
            #expect(page["login_throttled_total{rule=\"accountAndAddress\"}"] == 1)
            #expect(page["password_hashes_total"] == 2)
            #expect(page["revocations"] == 1)
            #expect(page["connections_open"] == 1)
            #expect(page["store_commits_total"] > 0)
            #expect(page["login_queue_refused_total"] == 0)
        }
    }

    @Test func `both ports say that the server lives and is ready, for logins too`() async throws {
        try await APIServer.run { server in
            for client in [try server.client(), try server.opsClient()] {
                for target in ["/livez", "/readyz", "/readyz?for=login", "/readyz?for=x", "/livez?x"] {
                    let reply = try client.get(target)
                    #expect(reply.status == 200)
                    #expect(reply.text == "ok\n")
                    #expect(reply.field("cache-control") == "no-store")
                }
            }
        }
    }

    @Test func `the ops port answers whatever the loops do`() async throws {
        try await APIServer.run { server in
            let gate = Lock(false)
            let started = Lock(false)
            server.application.loops[0].execute {
                started.withLock { $0 = true }
                gate.wait { $0 ? () : nil }
            }
            defer {
                gate.withLock { $0 = true }
                gate.signal()
            }
            await until { started.withLock { $0 } }
            let ops = try server.opsClient()
            #expect(try ops.get("/readyz").status == 200)
            #expect(try ops.get("/metrics").status == 200)
        }
    }
}
