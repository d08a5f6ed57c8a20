import AuthServer
import Foundation
import HTTPServer
import JSON
import JWT
import OpenSSL
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct KeysTests {
    private static let target = "/.well-known/jwks.json"

    /// The public keys of a JWKS by their ids.
    private func keys(of reply: RawClient.Reply) throws -> [String: TokenVerificationKey] {
        var keys: [String: TokenVerificationKey] = [:]
        for case .object(let jwk) in reply.object?["keys"]?.array ?? [] {
            func bytes(_ name: String) -> [UInt8] {
                jwk[name]?.string.flatMap { Base64URL.decode(Array($0.utf8)) } ?? []
            }
            let components: PublicKey.Components? =
                switch (jwk["kty"]?.string, jwk["crv"]?.string) {
                case ("RSA", nil): .rsa(modulus: bytes("n"), exponent: bytes("e"))
                case ("EC", "P-256"): .p256(x: bytes("x"), y: bytes("y"))
                case ("OKP", "Ed25519"): .ed25519(bytes("x"))
                default: nil
                }
            let id = try #require(jwk["kid"]?.string)
            let algorithm = try #require(jwk["alg"]?.string.flatMap { SigningAlgorithm(rawValue: $0) })
            #expect(jwk["use"]?.string == "sig")
            #expect(["d", "p", "q", "k"].allSatisfy { jwk[$0] == nil }, "nothing private")
            keys[id] = try TokenVerificationKey(
                keyID: id, algorithm: algorithm, publicKey: PublicKey(try #require(components)))
        }
        return keys
    }

    @Test(arguments: SigningAlgorithm.allCases)
    func `every algorithm signs, verifies and shows its public keys, and HS256 shows none`(
        _ algorithm: SigningAlgorithm
    ) async throws {
        try await APIServer.run {
            $0.signingAlgorithm = algorithm
        } _: { server in
            let client = try server.client()
            let login = try client.loginAsAdmin()
            let tokens = [login, try client.refresh(login.refresh).tokens()]
            let jwks = try client.get(KeysTests.target)
            let keys = try keys(of: jwks)
            // The key that signs, and the next one, published before it does.
            #expect(keys.count == (algorithm == .hs256 ? 0 : 2))
            for token in tokens.map(\.access) {
                #expect(try client.verify(token) == 200)
                #expect(try client.get("/api/v1/me", token: token).status == 200)
                let header = try #require(try JSONValue(parsing: Array(TokenText(token).header.utf8)).object)
                #expect(header["alg"]?.string == algorithm.rawValue)
                #expect(header["typ"]?.string == "at+jwt")
                if algorithm == .hs256 { continue }
                let key = try #require(header["kid"]?.string.flatMap { keys[$0] })
                let judge = try AccessTokenVerifier(
                    keys: [key], issuer: "portcullis", audience: "portcullis", leewaySeconds: 0)
                let claims = try judge.verify(Array(token.utf8), now: Int64(Date().timeIntervalSince1970)).claims
                #expect(claims.expiresAt - claims.issuedAt == 900)
                #expect(claims.issuedAt - claims.notBefore == 5)
                #expect(claims.clientID == "portcullis")
                #expect(claims.roles == ["admin"])
            }
            #expect(algorithm != .hs256 || jwks.text == #"{"keys":[]}"#)
            #expect(try client.post("/api/v1/auth/logout", token: login.access).status == 204)
            for token in tokens { #expect(try client.verify(token.access) == 401) }
        }
    }

    @Test func `the key set may be kept for five minutes and is not sent to whoever has it (RFC 9110 13.1.2)`()
        async throws
    {
        try await APIServer.run { server in
            let client = try server.client()
            let full = try client.get(KeysTests.target)
            #expect(full.status == 200)
            #expect(full.field("content-type") == "application/json")
            #expect(full.field("cache-control") == "public, max-age=300")
            let tag = try #require(full.field("etag"))
            #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
            for value in [tag, "W/\(tag)", "\"x\", \(tag)", "\(tag),\"x\"", "*"] {
                let reply = try client.get(KeysTests.target, ["If-None-Match: \(value)"])
                #expect(reply.status == 304, "\(value)")
                #expect(reply.body.isEmpty && reply.field("content-length") == nil)
                #expect(reply.field("etag") == tag)
                #expect(reply.field("cache-control") == "public, max-age=300")
            }
            for value in ["\"x\"", tag.replacingOccurrences(of: "\"", with: ""), "", "W/", "\(tag)x"] {
                #expect(try client.get(KeysTests.target, ["If-None-Match: \(value)"]).body == full.body, "\(value)")
            }
            let head = try client.exchange("HEAD", KeysTests.target)
            #expect(head.status == 200 && head.body.isEmpty)
            #expect(head.field("content-length") == "\(full.body.count)")
        }
    }

    @Test func `issuer and audience are those that are configured`() async throws {
        try await APIServer.run {
            $0.issuer = "https://auth.example/é"
            $0.audience = "api \"one\""
        } _: { server in
            let client = try server.client()
            let token = try client.loginAsAdmin().access
            let claims = try TokenText(token).claims
            #expect(claims["iss"]?.string == "https://auth.example/é")
            #expect(claims["aud"]?.string == "api \"one\"")
            #expect(try client.verify(token) == 200)
        }
    }
}
