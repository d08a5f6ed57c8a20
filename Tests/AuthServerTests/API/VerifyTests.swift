import Auth
import AuthServer
import HTTPServer
import JSON
import JWT
import TestSupport
import Testing

/// What every answer to a verify shows of its token.
struct AuthFields: Equatable {
    static let none = AuthFields(subject: "", roles: "", session: "")

    let subject: String?
    let roles: String?
    let session: String?

    init(subject: String?, roles: String?, session: String?) {
        (self.subject, self.roles, self.session) = (subject, roles, session)
    }

    init(_ reply: RawClient.Reply) {
        subject = reply.field("x-auth-subject")
        roles = reply.field("x-auth-roles")
        session = reply.field("x-auth-session")
    }

    /// Those of a token, as its payload says them.
    init(ofToken token: String) throws {
        let claims = try TokenText(token).claims
        subject = claims["sub"]?.string
        roles = claims["roles"]?.array?.compactMap(\.string).joined(separator: ",")
        session = claims["sid"]?.string
    }
}

/// Values of `WWW-Authenticate` (RFC 6750 section 3).
enum Challenges {
    static let bare = #"Bearer realm="portcullis""#
    static let invalidToken = #"Bearer realm="portcullis", error="invalid_token""#
    static let invalidRequest = #"Bearer realm="portcullis", error="invalid_request""#
    static let insufficientScope = #"Bearer realm="portcullis", error="insufficient_scope""#
}

@Suite(.timeLimit(.minutes(5))) struct VerifyTests {
    private static let target = "/api/v1/auth/verify"

    private func expect(
        _ reply: RawClient.Reply, _ status: Int, _ challenge: String?, _ fields: AuthFields = .none,
        _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(reply.status == status, comment, sourceLocation: sourceLocation)
        #expect(reply.challenge == challenge, comment, sourceLocation: sourceLocation)
        #expect(AuthFields(reply) == fields, comment, sourceLocation: sourceLocation)
    }

    @Test func `a request without exactly one bearer token is told what is wrong with it (RFC 6750 3.1)`() async throws
    {
        try await APIServer.run { server in
            let client = try server.client()
            let token = try client.loginAsAdmin().access
            let good = "Authorization: Bearer \(token)"
            let cases: [(query: String, fields: [String], challenge: String)] = [
                ("", [], Challenges.bare), ("", ["Authorization: Basic YTpi"], Challenges.bare),
                ("", ["Authorization: \(token)"], Challenges.bare), ("", ["Authorization:"], Challenges.bare),
                ("", ["Authorization: Bearer\(token)"], Challenges.bare), ("", ["X-Token: \(token)"], Challenges.bare),
                ("", ["Cookie: access_token=\(token)"], Challenges.bare),
                ("", ["Authorization: Bearer"], Challenges.invalidRequest),
                ("", [good, good], Challenges.invalidRequest),
                ("", [good, "authorization: Basic YTpi"], Challenges.invalidRequest),
                ("", ["Authorization: Basic YTpi", good], Challenges.invalidRequest),
                ("?access_token=\(token)", [], Challenges.invalidRequest),
                ("?access_token=\(token)", [good], Challenges.invalidRequest),
                ("?access_token=", [good], Challenges.invalidRequest),
                ("?access_token", [good], Challenges.invalidRequest),
                ("?x=1&access_token=a&y=2", [good], Challenges.invalidRequest),
                ("?%61ccess_token=a", [good], Challenges.invalidRequest),
                ("?access%5Ftoken=a", [], Challenges.invalidRequest),
                ("", ["Authorization: Bearer \(token), Bearer \(token)"], Challenges.invalidToken),
                ("", ["Authorization: Bearer \(token)x"], Challenges.invalidToken),
                ("", ["Authorization: Bearer \"\(token)\""], Challenges.invalidToken),
                ("", ["Authorization: Bearer token=\(token)"], Challenges.invalidToken),
                ("", ["Authorization: Bearer \(String(repeating: "a", count: 8193))"], Challenges.invalidToken),
            ]
            for (query, fields, challenge) in cases {
                let reply = try client.get(VerifyTests.target + query, fields)
                expect(reply, 401, challenge, .none, "\(query) \(fields)")
                #expect(reply.field("cache-control") == "no-store")
            }
        }
    }

    @Test func `a good token is answered with what it says, whatever the case of its scheme (RFC 9110 11.1)`()
        async throws
    {
        try await APIServer.run { server in
            let id = try await server.makeUser("ada", roles: ["writer", "reader"])
            let client = try server.client()
            let token = try client.login("ada").access
            let claims = try TokenText(token).claims
            let expected = try AuthFields(ofToken: token)
            #expect(expected.subject == id.description && expected.roles == "writer,reader")
            for scheme in ["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "] {
                let reply = try client.get(VerifyTests.target, ["authorization: \(scheme) \(token)"])
                expect(reply, 200, nil, expected)
                let json = try #require(reply.object)
                #expect(json.members.map(\.name) == ["active", "sub", "roles", "sid", "exp"])
                #expect(json["active"] == .bool(true))
                for name in ["sub", "roles", "sid", "exp"] { #expect(json[name] == claims[name]) }
                let head = try client.exchange("HEAD", VerifyTests.target, ["Authorization: \(scheme) \(token)"])
                expect(head, 200, nil, expected)
                #expect(head.field("content-length") == "\(reply.body.count)")
            }
            let plain = try await roleless(server, client)
            expect(try client.get(VerifyTests.target, token: plain), 200, nil, try AuthFields(ofToken: plain))
        }
    }

    private func roleless(_ server: APIServer, _ client: RawClient) async throws -> String {
        try await server.makeUser("bob")
        return try client.login("bob").access
    }

    @Test func `roles in the query ask for any of them, once, percent-encoded or not`() async throws {
        try await APIServer.run { server in
            try await server.makeUser("ada", roles: ["reader", "team:a.b_c-1"])
            let client = try server.client()
            let token = try client.login("ada").access
            let cases: [(query: String, status: Int)] = [
                ("?", 200), ("?x=1", 200), ("?x=1&x=2", 200), ("?rolesx=admin", 200), ("?Roles=admin", 200),
                ("?roles=reader", 200), ("?roles=admin,reader", 200), ("?roles=reader,admin", 200),
                ("?x=y&roles=admin,reader&z", 200), ("?roles=team:a.b_c-1", 200), ("?roles=,,reader,", 200),
                ("?roles=%72eader", 200), ("?%72oles=reader", 200), ("?roles=admin%2Creader", 200),
                ("?roles=team%3Aa.b_c-1", 200), ("?x=1&x=2&roles=%72eader", 200), ("?x=%20&x=+&roles=reader", 200),
                ("?roles=admin", 403), ("?roles=Reader", 403), ("?roles=reade", 403), ("?roles=readers", 403),
                ("?roles=,", 403), ("?roles=reader%00", 403), ("?roles=+reader", 403), ("?roles=%20reader", 403),
                ("?roles=reader;admin", 403), ("?roles=*", 403), ("?roles=reader%2520", 403), ("?roles=team", 403),
                ("?roles=admin&x=reader", 403), ("?roles=reader=", 403), ("?roles=%2C", 403),
                ("?roles", 401), ("?roles=", 401), ("?roles=reader&roles=reader", 401), ("?roles=reader&roles", 401),
                ("?roles=reader&%72oles=admin", 401), ("?roles=reader&roles=%72eader", 401), ("?roles=%", 401),
                ("?roles=%7", 401), ("?roles=%zz", 401), ("?roles=%FF", 401), ("?%FF=1&roles=reader", 401),
                ("?roles=reader&access_token=x", 401), ("?roles=%72eader&access_token=x", 401),
            ]
            for (query, status) in cases {
                let challenge =
                    status == 200 ? nil : status == 403 ? Challenges.insufficientScope : Challenges.invalidRequest
                let fields = status == 200 ? try AuthFields(ofToken: token) : .none
                let reply = try client.get(VerifyTests.target + query, token: token)
                expect(reply, status, challenge, fields, "\(query)")
                let refused = try client.get(VerifyTests.target + query, token: "x")
                expect(refused, 401, Challenges.invalidToken, .none, "\(query)")
            }
        }
    }

    @Test func `as many and as long roles as a user may have fit into a token and a field`() async throws {
        try await APIServer.run { server in
            let roles = (10..<42).map { "r\($0)" + String(repeating: ":", count: 61) }
            try await server.makeUser(String(repeating: "n", count: 254), roles: roles)
            let client = try server.client()
            let token = try client.login(String(repeating: "N", count: 254)).access
            let reply = try client.get(VerifyTests.target + "?roles=" + roles[31], token: token)
            #expect(reply.status == 200)
            #expect(AuthFields(reply).roles == roles.joined(separator: ","))
            #expect(
                try client.get("\(VerifyTests.target)/roles/\(roles.joined(separator: ","))/x", token: token).status
                    == 200)
        }
    }

    @Test func `a token that was seen before still expires on time`() async throws {
        try await APIServer.run {
            $0.accessTokenSeconds = 1
        } _: { server in
            let clients = try server.clientsOfBothLoops()
            var token = ""
            // A machine that is busy for a second lets it expire before it was ever seen.
            await until {
                do {
                    token = try clients[0].loginAsAdmin().access
                    return try clients[0].verify(token) == 200
                } catch { return false }
            }
            for client in clients { _ = try client.verify(token) }
            await until {
                do { return try clients.allSatisfy { try $0.verify(token) == 401 } } catch { return false }
            }
            let reply = try clients[1].get(VerifyTests.target, token: token)
            expect(reply, 401, Challenges.invalidToken)
        }
    }

    @Test func `verify takes GET and HEAD alone`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let token = "Authorization: Bearer \(try client.loginAsAdmin().access)"
            for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"] {
                let reply = try client.exchange(method, VerifyTests.target, [token])
                #expect(reply.status == 405)
                #expect(reply.field("allow") == "GET, HEAD, OPTIONS")
            }
            #expect(try client.exchange("GET", VerifyTests.target, [token], body: Array("abc".utf8)).status == 200)
            #expect(try client.exchange("GET", VerifyTests.target, [token]).status == 200)
        }
    }
}
