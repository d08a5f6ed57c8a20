import AuthServer
import TestSupport
import Testing

/// The routes for nginx, Traefik, Caddy and Envoy: what the integrator wrote leads, the client's own path follows.
@Suite(.timeLimit(.minutes(5))) struct ForwardAuthTests {
    private static let base = "/api/v1/auth/verify"
    /// Ends of a path as clients write them to move what stands before.
    private static let clientPaths = [
        "", "/", "/a", "/a/b/c", "/../roles/reader", "/../../verify/any", "/..", "/../..", "/./", "//",
        "//roles/reader",
        "/%2e%2e/roles/reader", "/%2E%2E%2Froles%2Freader", "/..%2froles%2freader", "/..;/roles/reader",
        "/;roles=reader",
        "/%00", "/%", "/%zz", "/a%0d%0aX-Auth-Roles:%20admin", "/\\..\\roles\\reader", "/*", "/~", "/:@!$&'()+,;=",
        "?roles=reader", "/?roles=reader", "/a?access_token=x", "/?roles=reader&roles=admin", "/a??b", "/?%zz",
    ]

    @Test func `nothing in the client's path or query moves the role that is asked for`() async throws {
        try await APIServer.run { server in
            try await server.makeUser("ada", roles: ["reader"])
            let client = try server.client()
            let token = try client.login("ada").access
            let fields = try AuthFields(ofToken: token)
            let kinds = [
                ("/any", 200), ("/roles/reader", 200), ("/roles/admin,reader", 200), ("/roles/,reader,", 200),
                ("/roles/admin", 403), ("/roles/admin,writer", 403), ("/roles/,", 403), ("/roles/%72eader", 403),
                ("/roles/admin%2Creader", 403), ("/roles/admin%2F..%2Freader", 403), ("/roles/Reader", 403),
                ("/roles/.", 403), ("/roles/..", 403), ("/roles/reader%20", 403), ("/roles/reader;", 403),
            ]
            for (kind, status) in kinds {
                for path in ForwardAuthTests.clientPaths {
                    let target = ForwardAuthTests.base + kind + path
                    let reply = try client.get(target, token: token)
                    #expect(reply.status == status, "\(target)")
                    #expect(reply.challenge == (status == 403 ? Challenges.insufficientScope : nil))
                    #expect(AuthFields(reply) == (status == 200 ? fields : .none))
                    let absolute = try client.get("http://portcullis" + target, token: token)
                    #expect(absolute.status == status, "\(target)")
                }
            }
        }
    }

    @Test func `without a good token the client's path and query change nothing either`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let good = "Authorization: Bearer \(try client.loginAsAdmin().access)"
            for kind in ["/any", "/roles/admin"] {
                for path in ForwardAuthTests.clientPaths {
                    for (sent, challenge) in [
                        ([], Challenges.bare), (["Authorization: Bearer x"], Challenges.invalidToken),
                        ([good, good], Challenges.invalidRequest), (["Authorization: Digest x"], Challenges.bare),
                    ] {
                        let reply = try client.get(ForwardAuthTests.base + kind + path, sent)
                        #expect(reply.status == 401, "\(path)")
                        #expect(reply.challenge == challenge)
                        #expect(AuthFields(reply) == .none)
                    }
                }
            }
        }
    }

    @Test func `any method is answered, with a body or without, and the connection goes on`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let tokens = try client.loginAsAdmin()
            let bearer = "Authorization: Bearer \(tokens.access)"
            for method in [
                "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "M-SEARCH",
            ] {
                for kind in ["/any", "/any/a/b", "/roles/admin/a"] {
                    for body in [nil, [], Array("{\"a\":1}".utf8)] as [[UInt8]?] {
                        let target = ForwardAuthTests.base + kind
                        #expect(try client.exchange(method, target, [bearer], body: body).status == 200, "\(method)")
                        #expect(try client.exchange(method, target, body: body).status == 401, "\(method)")
                    }
                }
                let refused = try client.exchange(method, ForwardAuthTests.base + "/roles/writer", [bearer])
                #expect(refused.status == 403)
            }
            client.send(
                "POST \(ForwardAuthTests.base)/any HTTP/1.1\r\nHost: a\r\n\(bearer)\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "3\r\nabc\r\n0\r\n\r\n")
            #expect(client.receive()?.status == 200)
            #expect(try client.verify(tokens.access) == 200)
        }
    }

    @Test func `a body that is too large to throw away does not change the answer`() async throws {
        try await APIServer.run { server in
            let token = try server.client().loginAsAdmin().access
            for fields in ["Content-Length: 60000000", "Content-Length: 9\r\nExpect: 100-continue"] {
                let client = try server.client()
                client.send(
                    "PUT \(ForwardAuthTests.base)/any/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\(fields)\r\n\r\n"
                )
                let reply = client.receive()
                #expect(reply?.status == 200)
                #expect(reply?.field("connection") == "close")
                #expect(client.isEnded())
            }
        }
    }

    @Test func `only the leading raw segments make a forward-auth route`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let token = try client.loginAsAdmin().access
            for path in [
                "/anyx", "/Any", "/any%2Fx", "/%61ny", "//any", "/./any", "/x/../any", "/", "//", "/roles%2Fadmin",
                "/any;x",
            ] {
                let reply = try client.get(ForwardAuthTests.base + path, token: token)
                #expect(reply.status == 404, "\(path)")
                #expect(reply.problem == "not-found")
            }
            // No role is named, which nobody has.
            for path in ["/roles", "/roles/", "/roles//admin", "/roles//"] {
                #expect(try client.get(ForwardAuthTests.base + path, token: token).status == 403, "\(path)")
                #expect(try client.get(ForwardAuthTests.base + path).status == 401, "\(path)")
            }
            #expect(try client.get("//api/v1/auth/verify/any", token: token).status == 404)
            #expect(try client.get("/x/../api/v1/auth/verify/any", token: token).status == 404)
        }
    }

    @Test func `whatever is asked, a verify answers 200, 401 or 403`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let token = try client.loginAsAdmin().access
            let pieces = [
                "roles=", "admin", "reader", "access_token", "=", "&", "%2C", "%61", "%", "+", ",", "/", ".", "é%C3",
            ]
            let tokens = [token, "x", "", token + token, "a.b.c", "e30.e30.e30", String(token.dropLast())]
            var state: UInt64 = 42
            func next(_ count: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int((state >> 33) % UInt64(count))
            }
            for _ in 0..<500 {
                let query = (0..<next(8)).map { _ in pieces[next(pieces.count - 1)] }.joined()
                let kind = ["", "/any/" + query, "/roles/a" + query][next(3)]
                let fields = (0..<next(3)).map { _ in "Authorization: Bearer \(tokens[next(tokens.count)])" }
                let reply = try client.get("\(ForwardAuthTests.base)\(kind)?\(query)", fields)
                #expect([200, 401, 403].contains(reply.status), "\(kind)?\(query)")
                #expect(AuthFields(reply).subject != nil)
                #expect((reply.status == 200) == (reply.challenge == nil))
            }
        }
    }
}
