import Auth
import AuthServer
import Foundation
import JWT
import OpenSSL
import TestSupport
import Testing

/// Every bad token gets the same 401: who guesses learns nothing from the answer.
@Suite(.timeLimit(.minutes(5))) struct AccessTokenTests {
    private static let targets = ["/api/v1/auth/verify", "/api/v1/auth/verify/any/x", "/api/v1/me"]

    /// Refused alike on every route, twice, since a refusal must not be remembered as anything else.
    private func expectRefused(_ tokens: [(String, String)], _ client: RawClient) throws {
        for target in AccessTokenTests.targets {
            let shape = try client.get(target, token: "x").shape
            #expect(shape.contains(Challenges.invalidToken) && shape.hasPrefix("401"))
            for (name, token) in tokens {
                for _ in 0..<2 { #expect(try client.get(target, token: token).shape == shape, "\(name)") }
            }
        }
    }

    private func rs256(_ body: (APIServer, RawClient, TokenForge) async throws -> Void) async throws {
        try await APIServer.run {
            $0.signingAlgorithm = .rs256
        } _: { server in
            let client = try server.client()
            let token = try client.loginAsAdmin().access
            let forge = try await TokenForge(server, token: token)
            #expect(try client.verify(forge.token()) == 200, "the forge makes good tokens")
            #expect(try forge.token() == token)
            try await body(server, client, forge)
            #expect(try client.verify(token) == 200)
        }
    }

    @Test func `malformed, cut, padded and oversized tokens are refused alike`() async throws {
        try await rs256 { _, client, forge in
            let token = try forge.token()
            let segments = token.split(separator: ".").map(String.init)
            let padding = String(repeating: " ", count: 6200)
            let oversized = try forge.token(payload: padding + forge.good.payload)
            #expect(oversized.utf8.count > 8192)
            try expectRefused(
                [
                    ("one segment", segments[0]), ("two segments", segments[0] + "." + segments[1]),
                    ("no signature", segments[0] + "." + segments[1] + "."), ("four segments", token + ".e30"),
                    ("five segments", token + ".e30.e30"), ("empty header", "." + segments[1] + "." + segments[2]),
                    ("empty payload", segments[0] + ".." + segments[2]), ("dots", ".."),
                    ("a byte less", String(token.dropLast())),
                    ("a byte more", token + "A"), ("padding", token + "=="),
                    ("first byte gone", String(token.dropFirst())),
                    ("ordinary alphabet", token.replacingOccurrences(of: "_", with: "/") + "+"),
                    ("a tab", token + "\t" + "x"),
                    ("not UTF-8", "\u{FFFD}"), ("oversized", oversized), ("not JSON", try forge.token(payload: "x")),
                    ("an array", try forge.token(payload: "[]")), ("no claims", try forge.token(payload: "{}")),
                    ("header of no JSON", try forge.token(header: "x")),
                    ("header of an array", try forge.token(header: "[]")),
                    ("refresh token", try client.loginAsAdmin().refresh),
                ], client)
            let largest = try forge.token(payload: String(repeating: " ", count: 5000) + forge.good.payload)
            #expect(try client.verify(largest) == 200)
        }
    }

    @Test func `every changed byte of a token is noticed`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let token = Array(try client.loginAsAdmin().access.utf8)
            for index in token.indices {
                var changed = token
                changed[index] = token[index] == UInt8(ascii: "A") ? UInt8(ascii: "Q") : UInt8(ascii: "A")
                #expect(try client.verify(String(decoding: changed, as: UTF8.self)) == 401, "byte \(index)")
            }
        }
    }

    @Test func `alg none, another alg, another key and headers that bring a key are refused alike (RFC 8725 3.1)`()
        async throws
    {
        try await rs256 { _, client, forge in
            let other = try PrivateKey.generate(.rsa)
            let kid = forge.keys.signing.keyID
            let next = try #require(forge.keys.verification.map(\.keyID).first { $0 != kid })
            var tokens: [(String, String)] = []
            for name in ["none", "None", "NONE", "nOnE", ""] {
                tokens.append((name, try forge.token(header: forge.header("alg", "\"\(name)\"")) { _ in [] }))
                tokens.append((name, try forge.token(header: forge.header("alg", "\"\(name)\""))))
            }
            for name in ["RS384", "RS512", "PS256", "ES256", "EdDSA", "HS256", "rs256"] {
                tokens.append((name, try forge.token(header: forge.header("alg", "\"\(name)\""))))
            }
            for (name, json) in [
                ("alg", "null"), ("alg", "1"), ("alg", "[\"RS256\"]"), ("kid", "\"\(next)\""), ("kid", "\"unknown\""),
                ("kid", "\"\""), ("kid", "1"), ("kid", "\"../../etc/passwd\""), ("kid", "\"' or 1=1 --\""),
                ("typ", "\"JWT\""), ("typ", "\"\""), ("typ", "null"), ("typ", "\"at+jwt;x\""),
            ] { tokens.append((name + json, try forge.token(header: forge.header(name, json)))) }
            for members in [
                #""crit":["exp"]"#, #""crit":[]"#, #""crit":["b64"],"b64":false"#, #""b64":false"#, #""b64":true"#,
                #""jku":"https://evil.example/jwks.json""#, #""x5u":"https://evil.example/cert.pem""#,
                #""x5c":["AAAA"]"#,
                #""jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, #""alg":"RS256""#, #""kid":"\#(kid)""#, #""x":1,"x":2"#,
            ] { tokens.append((members, try forge.token(header: forge.header(with: members)))) }
            tokens.append(("no kid", try forge.token(header: #"{"alg":"RS256","typ":"at+jwt"}"#)))
            tokens.append(("no typ", try forge.token(header: #"{"alg":"RS256","kid":"\#(kid)"}"#)))
            tokens.append(("re-signed", try forge.token { try other.signature(for: $0) }))
            if case .rsa(let modulus, _) = try other.publicKey.components() {
                let jwk = #""jwk":{"kty":"RSA","n":"\#(TokenForge.text(modulus))","e":"AQAB"}"#
                tokens.append(
                    ("own key", try forge.token(header: forge.header(with: jwk)) { try other.signature(for: $0) }))
            }
            try expectRefused(tokens, client)
            for members in [#""cty":"x""#, #""x":1"#] {
                #expect(try client.verify(forge.token(header: forge.header(with: members))) == 200)
            }
            #expect(try client.verify(forge.token(header: forge.header("typ", "\"application/AT+JWT\""))) == 200)
        }
    }

    @Test func `an HMAC made with anything that is public is refused (RFC 8725 2.1)`() async throws {
        try await rs256 { _, client, forge in
            let document = try client.get("/.well-known/jwks.json").body
            let info = try forge.subjectPublicKeyInfo()
            #expect(try PublicKey(subjectPublicKeyInfo: info).components() == forge.privateKey.publicKey.components())
            guard case .rsa(let modulus, _) = try forge.privateKey.publicKey.components() else { return }
            let base64 = Data(info).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
            let pem = "-----BEGIN PUBLIC KEY-----\n\(base64)\n-----END PUBLIC KEY-----"
            let secrets = [
                document, info, modulus, Array(TokenForge.text(modulus).utf8), Array(pem.utf8),
                Array((pem + "\n").utf8),
                Array(forge.keys.signing.keyID.utf8), Array("secret".utf8), [0],
            ]
            var tokens: [(String, String)] = []
            for (index, secret) in secrets.enumerated() {
                for header in [try forge.header("alg", "\"HS256\""), forge.good.header] {
                    tokens.append(("\(index)", try forge.token(header: header, sign: TokenForge.hmac(secret))))
                }
            }
            try expectRefused(tokens, client)
        }
    }

    @Test func `claims that are missing, doubled, out of time or for others are refused alike (RFC 9068 4)`()
        async throws
    {
        try await rs256 { server, client, forge in
            let now = Int(Date().timeIntervalSince1970)
            var tokens: [(String, String)] = []
            for (name, json) in [
                ("exp", "\(now - 1)"), ("exp", "\(now - 100_000)"), ("exp", "0"), ("exp", "-1"),
                ("exp", "\"\(now + 60)\""),
                ("exp", "\(now + 60).5"), ("exp", "99999999999999999999"), ("exp", "null"), ("nbf", "\(now + 60)"),
                ("nbf", "\"0\""), ("iss", "\"other\""), ("iss", "\"Portcullis\""), ("iss", "null"),
                ("iss", "[\"portcullis\"]"),
                ("aud", "\"other\""), ("aud", "[]"), ("aud", "[\"other\"]"), ("aud", "[1]"), ("aud", "\"\""),
                ("sub", "\"x\""), ("sub", "1"), ("sid", "\"x\""), ("jti", "null"), ("ver", "\"1\""), ("gen", "-1"),
                ("roles", "\"admin\""), ("roles", "[\"ADMIN\"]"), ("roles", "[\"a,b\"]"), ("roles", "[\"a\\r\\nb\"]"),
            ] { tokens.append((name + json, try forge.token(payload: forge.payload(name, json)))) }
            for name in ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid", "roles", "ver", "gen"] {
                let renamed = forge.good.payload.replacingOccurrences(of: "\"\(name)\":", with: "\"x\(name)\":")
                tokens.append(("without \(name)", try forge.token(payload: renamed)))
                let doubled = forge.good.payload.dropLast() + ",\"\(name)\":1}"
                tokens.append(("two \(name)", try forge.token(payload: String(doubled))))
            }
            let repeated = forge.good.payload.dropLast() + #","r\u006fles":["admin"]}"#
            tokens.append(("two roles, one escaped", try forge.token(payload: String(repeated))))
            tokens.append(("trailing bytes", try forge.token(payload: forge.good.payload + "{}")))
            try expectRefused(tokens, client)
            for json in ["[\"portcullis\"]", "[\"other\",\"portcullis\"]"] {
                #expect(try client.verify(forge.token(payload: forge.payload("aud", json))) == 200)
            }
        }
    }

    @Test func `tokens of another installation are refused`() async throws {
        var token = ""
        try await APIServer.run { server in token = try server.client().loginAsAdmin().access }
        try await APIServer.run { server in
            let client = try server.client()
            #expect(try client.verify(token) == 401)
        }
    }

    @Test func `a token in the query is refused beside a good one, and nothing is done (RFC 6750 2.3)`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let token = try client.loginAsAdmin().access
            for query in ["access_token=\(token)", "access_token=x", "access_token=", "a=b&access_token=x"] {
                for (method, path) in [
                    ("GET", "/api/v1/me"), ("POST", "/api/v1/auth/logout"), ("POST", "/api/v1/auth/logout-all"),
                ] {
                    for fields in [["Authorization: Bearer \(token)"], []] {
                        let reply = try client.exchange(method, "\(path)?\(query)", fields)
                        #expect(reply.status == 401, "\(path) \(query)")
                        #expect(reply.problem == "invalid-request")
                        #expect(reply.challenge?.contains("error=\"invalid_request\"") == true)
                        #expect(!reply.text.contains(token))
                    }
                }
            }
            #expect(try client.get("/api/v1/me?access_tokens=x", token: token).status == 200)
            #expect(try client.verify(token) == 200)
        }
    }
}
