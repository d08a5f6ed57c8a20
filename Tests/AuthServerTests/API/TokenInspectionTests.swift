import Auth
import AuthServer
import Foundation
import HTTP
import JSON
import JWT
import OpenSSL
import TestSupport
import Testing

/// What only who owns the machine is told: why verify refuses a token.
@Suite(.timeLimit(.minutes(5))) struct TokenInspectionTests {
    private struct Inspection {
        let session: ControlSession

        init(_ server: APIServer) throws { session = try ControlSession(server.configuration) }

        func ask(_ body: JSONValue) throws -> ControlReply {
            try session.request(.post, "/api/v1/admin/tokens/inspect", body: body)
        }

        func of(_ token: String) throws -> JSONObject {
            let reply = try ask(.object(JSONObject(members: [.init(name: "token", value: .string(token))])))
            guard reply.status == 200, let object = reply.json?.object else {
                throw UnexpectedReply("no inspection but \(reply.status)")
            }
            #expect(object.members.map(\.name) == ["active", "reason", "header", "claims"])
            #expect((object["active"]?.bool == true) == (object["reason"]?.isNull == true))
            return object
        }
    }

    private func inspect(_ body: (APIServer, Inspection, TokenForge, Tokens) async throws -> Void) async throws {
        try await APIServer.run { server in
            let inspection = try Inspection(server)
            defer { inspection.session.close() }
            let tokens = try server.client().loginAsAdmin()
            try await body(server, inspection, TokenForge(server, token: tokens.access), tokens)
        }
    }

    @Test func `each reason is told, and what the token says is shown whether it is true or not`() async throws {
        try await inspect { server, inspection, forge, tokens in
            let client = try server.client()
            let now = Int(Date().timeIntervalSince1970)
            let other = try PrivateKey.generate(.p256)
            let next = try #require(forge.keys.verification.map(\.keyID).first { $0 != forge.keys.signing.keyID })
            let signature = String(tokens.access.split(separator: ".")[2])
            let header = String(tokens.access.split(separator: ".")[0])
            let cases: [(reason: String, token: String)] = [
                ("expired", try forge.token(payload: forge.payload("exp", "\(now - 1)"))),
                ("not-yet-valid", try forge.token(payload: forge.payload("nbf", "\(now + 600)"))),
                ("issuer", try forge.token(payload: forge.payload("iss", "\"other\""))),
                ("audience", try forge.token(payload: forge.payload("aud", "[\"other\"]"))),
                ("claims", try forge.token(payload: forge.payload("ver", "\"1\""))),
                ("claims", try forge.token(payload: forge.payload("sub", "\"nobody\""))),
                ("signature", try forge.token { try other.signature(for: $0) }),
                ("signature", try forge.token(header: forge.header("kid", "\"\(next)\""))),
                ("signature", try forge.token(payload: forge.payload("exp", "\(now - 1)")) { _ in [1] }),
                ("unknown-key", try forge.token(header: forge.header("kid", "\"mine\""))),
                ("algorithm", try forge.token(header: forge.header("alg", "\"HS256\""))),
                ("algorithm", try forge.token(header: forge.header("alg", "\"none\""))),
                ("type", try forge.token(header: forge.header("typ", "\"JWT\""))),
                ("forbidden-header", try forge.token(header: forge.header(with: #""jku":"https://evil.example""#))),
            ]
            for (reason, token) in cases {
                let found = try inspection.of(token)
                #expect(found["reason"]?.string == reason, "\(reason)")
                let text = try TokenText(token)
                #expect(found["header"]?.object == (try JSONValue(parsing: Array(text.header.utf8)).object))
                #expect(found["claims"]?.object == (try text.claims))
                // The very answer of verify.
                #expect(try client.verify(token) == 401)
            }
            for (reason, token) in [
                ("malformed", ""), ("malformed", "x"), ("malformed", ".."), ("malformed", "\(header).e30"),
                ("malformed", tokens.access + ".x"), ("malformed", tokens.access + "="),
                ("malformed", " " + tokens.access),
                ("malformed", "é.é.é"), ("signature", "\(header).x.\(signature)"),
                ("signature", "\(header).\(TokenForge.text("[1]")).\(signature)"),
                ("oversized", String(repeating: "a", count: 8193)), ("malformed", tokens.refresh),
            ] {
                let found = try inspection.of(token)
                #expect(found["reason"]?.string == reason, "\(reason) \(token.prefix(80))")
                let isWhole = token.hasPrefix(" ") || token.hasSuffix("=")
                #expect(found["claims"]?.isNull == !isWhole, "\(token.prefix(80))")
            }
            let good = try inspection.of(tokens.access)
            #expect(good["active"]?.bool == true)
            #expect(good["claims"]?.object == (try TokenText(tokens.access).claims))
        }
    }

    @Test func `a revoked token says so, by whatever it was revoked, and another does not`() async throws {
        try await inspect { server, inspection, _, kept in
            let admin = try Administrator(server)
            let id = try admin.create("ada")
            let client = admin.client
            let byToken = try client.login("ada").access
            let jti = try #require(try TokenText(byToken).claims["jti"]?.string)
            #expect(try admin.ask("POST", "revocations", #"{"jti":"\#(jti)"}"#).status == 200)
            let bySession = try client.login("ada").access
            #expect(try client.post("/api/v1/auth/logout", token: bySession).status == 204)
            let byUser = try client.login("ada").access
            #expect(try inspection.of(byUser)["active"]?.bool == true)
            #expect(try admin.ask("PATCH", "users/\(id)", #"{"roles":["x"]}"#).status == 200)
            for token in [byToken, bySession, byUser] {
                let found = try inspection.of(token)
                #expect(found["reason"]?.string == "revoked")
                #expect(found["claims"]?.object?["sub"]?.string == id)
            }
            #expect(try inspection.of(kept.access)["active"]?.bool == true)
            #expect(try admin.ask("POST", "revocations", #"{"sessions_before":1}"#).status == 200)
            #expect(try inspection.of(kept.access)["reason"]?.string == "revoked")
        }
    }

    @Test func `a request without a token is refused`() async throws {
        try await inspect { _, inspection, _, _ in
            for value in [.null, .integer(1), .array([]), .bool(true)] as [JSONValue] {
                let reply = try inspection.ask(.object(JSONObject(members: [.init(name: "token", value: value)])))
                #expect(reply.status == 400)
            }
            #expect(try inspection.ask(.object(JSONObject(members: []))).status == 400)
            #expect(try inspection.ask(.array([])).status == 400)
            let session = inspection.session
            #expect(try session.request(.get, "/api/v1/admin/tokens/inspect").status == 405)
            #expect(try session.request(.post, "/api/v1/admin/tokens/inspect?token=x").status == 400)
        }
    }
}
