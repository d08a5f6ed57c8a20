import AuthServer
import HTTPServer
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct RoutingTests {
    private static let gets = ["/livez", "/readyz", "/.well-known/jwks.json", "/api/v1/me", "/api/v1/auth/verify"]
    private static let posts = ["login", "refresh", "logout", "logout-all"].map { "/api/v1/auth/\($0)" }

    @Test func `what there is not is 404 on both ports (RFC 9457)`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            for path in [
                "/", "/x", "/api", "/api/v1", "/api/v1/auth", "/api/v1/auth/login/", "/api/v1/auth/LOGIN", "/livez/",
                "/metrics", "/api/v1/auth/registers", "/api/v1/admin", "/api/v1/admin/user", "/.well-known/",
                "/%6Civez", "//livez",
            ] {
                for method in ["GET", "POST", "OPTIONS", "DELETE"] {
                    let reply = try client.exchange(method, path)
                    #expect(reply.status == 404, "\(method) \(path)")
                    #expect(reply.problem == "not-found")
                }
            }
            let ops = try server.opsClient()
            for path in ["/", "/api/v1/auth/login", "/api/v1/auth/verify", "/.well-known/jwks.json"] {
                #expect(try ops.get(path).problem == "not-found")
            }
        }
    }

    @Test func `another method is 405 with those that are allowed, and OPTIONS tells them (RFC 9110 15.5.6)`()
        async throws
    {
        try await APIServer.run { server in
            let client = try server.client()
            for (paths, allowed) in [(RoutingTests.gets, "GET, HEAD, OPTIONS"), (RoutingTests.posts, "POST, OPTIONS")] {
                for path in paths {
                    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"]
                    where !allowed.contains(method) {
                        let reply = try client.exchange(method, path)
                        #expect(reply.status == 405, "\(method) \(path)")
                        #expect(reply.field("allow") == allowed)
                    }
                    let options = try client.exchange("OPTIONS", path)
                    #expect(options.status == 204)
                    #expect(options.field("allow") == allowed)
                    for method in ["PROPFIND", "FOO", "QUERY"] {
                        #expect(try client.exchange(method, path).status == 501)
                    }
                }
            }
            let all = try client.exchange("OPTIONS", "*")
            #expect(all.status == 204)
            #expect(all.field("allow")?.hasPrefix("GET, HEAD, POST") == true)
            let ops = try server.opsClient()
            #expect(try ops.post("/metrics").field("allow") == "GET, HEAD, OPTIONS")
            #expect(try ops.exchange("OPTIONS", "/metrics").status == 204)
        }
    }

    @Test func `HEAD is answered as GET without the body (RFC 9110 9.3.2)`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let bearer = ["Authorization: Bearer \(try client.loginAsAdmin().access)"]
            for path in RoutingTests.gets {
                let get = try client.get(path, bearer)
                let head = try client.exchange("HEAD", path, bearer)
                #expect(get.status == 200)
                #expect(head.shape.hasPrefix(get.shape.dropLast(get.text.count)), "\(path)")
                #expect(head.body.isEmpty)
            }
            let ops = try server.opsClient()
            for path in ["/livez", "/readyz", "/metrics"] { #expect(try ops.exchange("HEAD", path).status == 200) }
        }
    }

    @Test func `a request's id is the server's own and never twice the same`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            var ids: Set<String> = []
            for target in ["/livez", "/x", "/api/v1/auth/verify", "/api/v1/me", "/.well-known/jwks.json"] {
                for _ in 0..<20 {
                    let reply = try client.get(target, ["X-Request-Id: mine"])
                    ids.insert(try #require(reply.field("x-request-id")))
                }
            }
            #expect(ids.count == 100 && !ids.contains("mine"))
        }
    }

    @Test func `malformed requests get a problem and an end on both ports, never a 500 (RFC 9112)`() async throws {
        try await APIServer.run { server in
            let long = String(repeating: "a", count: 20_000)
            let cases: [(String, Int)] = [
                ("\u{0}\r\n\r\n", 400), ("GET\r\n\r\n", 400), ("GET / HTTP/1.1\nHost: a\n\n", 400),
                ("GET / HTTP/1.1\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
                ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400), ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
                ("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
                ("get / HTTP/1.1\r\nHost: a\r\n\r\n", 501), ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
                ("GET /\(long) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
                ("GET / HTTP/1.1\r\nHost: a\r\nX: \(long)\r\n\r\n", 431),
                (
                    "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                    400
                ),
                ("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
                ("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
                ("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n", 413),
                ("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
                ("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
                ("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 1\r\n\r\n", 417),
                ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}\r\n\r\n", 400),
            ]
            for (bytes, status) in cases {
                for isMain in [true, false] where isMain || !bytes.hasPrefix("POST") {
                    let client = isMain ? try server.client() : try server.opsClient()
                    client.send(bytes)
                    let reply = try #require(client.receive(), "\(bytes.prefix(60))")
                    reply.checkIdentity(#_sourceLocation)
                    #expect(reply.status == status, "\(bytes.prefix(60))")
                    #expect(reply.problem != nil)
                    #expect(reply.field("connection") == "close")
                    #expect(client.isEnded())
                }
            }
            #expect(try server.client().get("/livez").status == 200)
        }
    }
}
