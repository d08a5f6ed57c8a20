import Auth
import AuthServer
import HTTPServer
import Passwords
import TestSupport
import Testing

/// CORS (Fetch standard): the answers for pages of allowed origins, and that nobody else gets them.
@Suite(.timeLimit(.minutes(5))) struct CrossOriginTests {
    private static let origins = ["https://app.example", "http://localhost:3000"]
    private static let forPages = [
        ("POST", "/api/v1/auth/login"), ("POST", "/api/v1/auth/refresh"), ("POST", "/api/v1/auth/logout"),
        ("POST", "/api/v1/auth/logout-all"), ("POST", "/api/v1/auth/register"), ("POST", "/api/v1/auth/password"),
        ("GET", "/api/v1/me"),
    ]
    private static let others = [
        ("GET", "/api/v1/auth/verify"), ("GET", "/api/v1/auth/verify/any"), ("GET", "/api/v1/auth/verify/roles/a/x"),
        ("GET", "/.well-known/jwks.json"), ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/nowhere"),
    ]
    private static let ask = "Access-Control-Request-Method: POST"

    private func run(_ change: (inout Configuration) -> Void = { _ in }, _ body: (APIServer) throws -> Void)
        async throws
    {
        try await APIServer.run {
            $0.allowedOrigins = CrossOriginTests.origins
            $0.registration = .open
            change(&$0)
        } _: {
            try body($0)
        }
    }

    /// Every field of CORS in a reply.
    private func fields(_ reply: RawClient.Reply) -> [String: String] {
        Dictionary(
            reply.fields.filter { $0.name.hasPrefix("access-control-") }.map { ($0.name, $0.value) },
            uniquingKeysWith: { $0 + " AND " + $1 })
    }

    private func expectReadable(
        _ reply: RawClient.Reply, by origin: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(
            fields(reply) == [
                "access-control-allow-origin": origin, "access-control-allow-credentials": "true",
                "access-control-expose-headers": "Retry-After, WWW-Authenticate, X-Request-Id",
            ], sourceLocation: sourceLocation)
        #expect(reply.fields.filter { $0.name == "vary" }.map(\.value) == ["Origin"], sourceLocation: sourceLocation)
    }

    @Test func `an origin that is not allowed gets nothing, however like an allowed one it is`() async throws {
        try await run { server in
            let client = try server.client()
            let strangers: [[String]] = [
                [], ["Origin: https://evil.example"], ["Origin: null"], ["Origin: *"], ["Origin: "],
                ["Origin: https://app.example.evil"], ["Origin: https://app.exampl"],
                ["Origin: https://app.example:443"],
                ["Origin: http://app.example"], ["Origin: https://APP.example"], ["Origin: https://app.example/"],
                ["Origin: https://app.example https://evil.example"],
                ["Origin: https://app.example, https://evil.example"],
                ["Origin: https://evil.example", "Origin: https://app.example"],
                ["Origin: https://app.example", "Origin: https://app.example"], ["Referer: https://app.example/"],
            ]
            for stranger in strangers {
                for (method, path) in CrossOriginTests.forPages {
                    for method in [method, "OPTIONS", "DELETE"] {
                        let reply = try client.exchange(method, path, stranger + [CrossOriginTests.ask])
                        #expect(fields(reply) == [:], "\(method) \(path) \(stranger)")
                        #expect(reply.field("vary") == "Origin", "a cache keeps it apart")
                        if method == "OPTIONS" { #expect(reply.status == 204) }
                    }
                }
            }
        }
    }

    @Test func `without allowed origins, and on every route that is not for pages, no answer depends on the origin`()
        async throws
    {
        for origins in [[], CrossOriginTests.origins] {
            try await APIServer.run {
                $0.allowedOrigins = origins
                $0.registration = .open
            } _: { server in
                let client = try server.client()
                let routes = CrossOriginTests.others + (origins.isEmpty ? CrossOriginTests.forPages : [])
                for (method, path) in routes {
                    for method in [method, "OPTIONS"] {
                        let plain = try client.exchange(method, path)
                        let reply = try client.exchange(
                            method, path, ["Origin: https://app.example", CrossOriginTests.ask])
                        #expect(reply.shape == plain.shape, "\(method) \(path)")
                        #expect(fields(reply) == [:] && reply.field("vary") == nil)
                    }
                }
                #expect(fields(try server.opsClient().get("/metrics", ["Origin: https://app.example"])) == [:])
            }
        }
    }

    @Test func `a preflight of an allowed origin names what its pages may send`() async throws {
        try await run { server in
            let client = try server.client()
            for origin in CrossOriginTests.origins {
                for (method, path) in CrossOriginTests.forPages {
                    let reply = try client.exchange(
                        "OPTIONS", path,
                        [
                            "Origin: \(origin)", "Access-Control-Request-Method: \(method)",
                            "Access-Control-Request-Headers: authorization,content-type,x-evil",
                        ])
                    let methods = method == "GET" ? "GET, HEAD" : "POST"
                    #expect(reply.status == 204)
                    #expect(reply.field("allow") == methods + ", OPTIONS")
                    #expect(
                        fields(reply) == [
                            "access-control-allow-origin": origin, "access-control-allow-credentials": "true",
                            "access-control-allow-methods": methods,
                            "access-control-allow-headers": "Authorization, Content-Type",
                            "access-control-max-age": "600",
                        ])
                    #expect(reply.field("vary") == "Origin")
                }
            }
        }
    }

    @Test func `every answer to an allowed origin can be read, the refusals as well`() async throws {
        let origin = CrossOriginTests.origins[0]
        let field = ["Origin: \(origin)"]
        try await run {
            $0.throttle[.accountAndAddress] = GCRA(burst: 1, intervalMilliseconds: 60_000)
        } _: { server in
            let client = try server.client()
            let login = #"{"username":"admin","password":"\#(APIServer.adminPassword)"}"#
            let granted = try client.post("/api/v1/auth/login", json: login, field)
            #expect(granted.status == 200)
            expectReadable(granted, by: origin)
            let tokens = try granted.tokens()
            let wrong = #"{"username":"nobody","password":"wrong"}"#
            let replies = [
                (401, try client.post("/api/v1/auth/login", json: wrong, field)),
                (429, try client.post("/api/v1/auth/login", json: wrong, field)),
                (400, try client.post("/api/v1/auth/login", json: "{", field)),
                (415, try client.exchange("POST", "/api/v1/auth/login", field, body: [1])),
                (405, try client.exchange("DELETE", "/api/v1/auth/login", field)),
                (501, try client.exchange("FOO", "/api/v1/auth/login", field)),
                (401, try client.post("/api/v1/auth/refresh", json: #"{"refresh_token":"x"}"#, field)),
                (401, try client.get("/api/v1/me", field)),
                (200, try client.get("/api/v1/me", token: tokens.access, field)),
                (200, try client.exchange("HEAD", "/api/v1/me", field + ["Authorization: Bearer \(tokens.access)"])),
                (204, try client.exchange("OPTIONS", "/api/v1/me", field)),
                (204, try client.post("/api/v1/auth/logout", token: tokens.access, field)),
            ]
            for (status, reply) in replies {
                #expect(reply.status == status)
                expectReadable(reply, by: origin)
            }
            // Of the request before, nothing is left on the connection.
            #expect(fields(try client.get("/api/v1/me")) == [:])
        }
    }

    @Test func `an answer that the connection makes by itself can be read by an allowed origin`() async throws {
        try await run {
            $0.deadlines.body = 200
        } _: { server in
            let origin = CrossOriginTests.origins[1]
            for (fields, status) in [("Content-Length: 65537", 413), ("Content-Length: 2", 408)] {
                let client = try server.client()
                let reply = client.request(
                    "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nOrigin: \(origin)\r\n\(fields)\r\n\r\n")
                #expect(reply?.status == status)
                if let reply { expectReadable(reply, by: origin) }
            }
        }
    }

    @Test func `an answer that took too long can be read by an allowed origin, with when to ask again`() async throws {
        try await run {
            // The hash takes longer than there is time for the answer.
            $0.passwordHash = PasswordHashParameters(memoryKiB: 131_072, iterations: 4)!
            $0.deadlines.total = 20
        } _: { server in
            let login = #"{"username":"nobody","password":"\#(APIServer.password)"}"#
            let reply = try server.client().post(
                "/api/v1/auth/login", json: login, ["Origin: \(CrossOriginTests.origins[0])"])
            #expect(reply.status == 503 && reply.field("retry-after") != nil)
            expectReadable(reply, by: CrossOriginTests.origins[0])
        }
    }
}
