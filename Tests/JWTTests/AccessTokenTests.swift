import JWT
import OpenSSL
import Testing

struct AccessTokenTests {
    @Test(arguments: SigningAlgorithm.allCases)
    func `a token of ours comes back as the claims it was made of (RFC 9068)`(algorithm: SigningAlgorithm) throws {
        let key = try TokenSigningKey.generate(algorithm)
        let verifier = try Fixtures.verifier([key.verificationKey])
        for roles in [[], ["admin"], (0..<32).map { "role-\($0)" }] {
            let claims = Fixtures.claims(roles: roles)
            let verified = try verifier.verify(try key.sign(claims), now: Fixtures.now)
            #expect(verified.claims == claims)
            #expect(verified.keyID == key.keyID)
        }
    }

    @Test func `the header and payload are those of RFC 9068 section 2`() throws {
        let key = try TokenSigningKey.generate(.edDSA)
        let token = try key.sign(Fixtures.claims())
        let header = try #require(Base64URL.decode(Array(Fixtures.segments(token)[0].utf8)))
        #expect(String(decoding: header, as: UTF8.self) == Fixtures.header(of: key))
        #expect(
            try Fixtures.payload(of: token) == """
                {"iss":"https://id.example.org","aud":"https://api.example.org",\
                "sub":"0190a5c0-7b1e-7cc3-98c4-dc0c0c07398f","client_id":"portcullis","iat":1800000000,\
                "nbf":1799999995,"exp":1800000900,"auth_time":1800000000,\
                "jti":"0190a5c0-7b1e-7cc3-98c4-dc0c0c073990","sid":"0190a5c0-7b1e-7cc3-98c4-dc0c0c073991",\
                "roles":["admin","reports:read"],"ver":3,"gen":1}
                """)
    }

    @Test(arguments: SigningAlgorithm.allCases)
    func `a key survives being exported`(algorithm: SigningAlgorithm) throws {
        let key = try TokenSigningKey.generate(algorithm)
        let loaded = try TokenSigningKey(keyID: key.keyID, algorithm: algorithm, exported: try key.exported())
        let token = try loaded.sign(Fixtures.claims())
        #expect(outcome(token, try Fixtures.verifier([key.verificationKey])) == nil)
    }

    @Test func `several keys verify side by side, and a key that went is unknown`() throws {
        let keys = try SigningAlgorithm.allCases.map(TokenSigningKey.generate)
        let all = try Fixtures.verifier(keys.map(\.verificationKey))
        for key in keys {
            let token = try key.sign(Fixtures.claims())
            #expect(try all.verify(token, now: Fixtures.now).keyID == key.keyID)
            let others = try Fixtures.verifier(keys.map(\.verificationKey).filter { $0.keyID != key.keyID })
            #expect(outcome(token, others) == .unknownKey)
        }
        #expect(outcome(try keys[0].sign(Fixtures.claims()), try Fixtures.verifier([])) == .unknownKey)
    }

    @Test func `a token is good until exp and from nbf, give or take the leeway (RFC 7519 sections 4.1.4, 4.1.5)`()
        throws
    {
        let key = try TokenSigningKey.generate(.hs256)
        let claims = Fixtures.claims()
        let token = try key.sign(claims)
        for (leeway, applied) in [(0, 0), (30, 30), (500, 30), (-5, 0)] as [(Int64, Int64)] {
            let verifier = try Fixtures.verifier([key.verificationKey], leeway: leeway)
            #expect(outcome(token, verifier, now: claims.expiresAt + applied - 1) == nil)
            #expect(outcome(token, verifier, now: claims.expiresAt + applied) == .expired)
            #expect(outcome(token, verifier, now: .max) == .expired)
            #expect(outcome(token, verifier, now: claims.notBefore - applied) == nil)
            #expect(outcome(token, verifier, now: claims.notBefore - applied - 1) == .notYetValid)
            #expect(outcome(token, verifier, now: .min) == .notYetValid)
        }
    }

    @Test func `issuer and audience must be ours to the byte (RFC 8725 sections 3.8, 3.9)`() throws {
        let key = try TokenSigningKey.generate(.hs256)
        let token = try key.sign(Fixtures.claims())
        let keys = [key.verificationKey]
        #expect(outcome(token, try Fixtures.verifier(keys, issuer: "https://id.example.org/")) == .wrongIssuer)
        #expect(outcome(token, try Fixtures.verifier(keys, issuer: "")) == .wrongIssuer)
        #expect(outcome(token, try Fixtures.verifier(keys, audience: "https://api.example.com")) == .wrongAudience)
        #expect(outcome(token, try Fixtures.verifier(keys, audience: "")) == .wrongAudience)

        var accented = Fixtures.claims()
        accented.issuer = "caf\u{E9}"
        let decomposed = try Fixtures.verifier(keys, issuer: "cafe\u{301}")
        #expect(outcome(try key.sign(accented), decomposed) == .wrongIssuer)
        #expect(outcome(try key.sign(accented), try Fixtures.verifier(keys, issuer: "caf\u{E9}")) == nil)
    }

    @Test func `claims that our own verifier would refuse are never signed`() throws {
        let key = try TokenSigningKey.generate(.hs256)
        let changes: [(inout AccessTokenClaims) -> Void] = [
            { $0.issuer = "" }, { $0.audience = "" }, { $0.subject = "" }, { $0.subject = "a b" },
            { $0.tokenID = "a\r\nb" }, { $0.sessionID = String(repeating: "s", count: 256) }, { $0.clientID = "é" },
            { $0.roles = [""] }, { $0.roles = ["Admin"] }, { $0.roles = [String(repeating: "r", count: 65)] },
            { $0.roles = (0..<33).map { "role\($0)" } }, { $0.roles = ["a,b"] }, { $0.issuedAt = -1 },
            { $0.expiresAt = .max }, { $0.notBefore = .min }, { $0.authTime = 253_402_300_800 },
            { $0.userVersion = -1 }, { $0.generation = 9_007_199_254_740_992 },
            { $0.issuer = String(repeating: "i", count: 8000) },
        ]
        for change in changes {
            var claims = Fixtures.claims()
            change(&claims)
            #expect(throws: TokenKeyError.invalidClaims) { _ = try key.sign(claims) }
        }
    }

    @Test func `keys are refused for other algorithms, sizes and ids (RFC 7518 section 3.2, RFC 8725 section 3.1)`()
        throws
    {
        let elliptic = try TokenSigningKey.generate(.es256)
        let material = try elliptic.exported()
        for algorithm in [SigningAlgorithm.rs256, .edDSA] {
            #expect(throws: TokenKeyError.unsuitableMaterial) {
                _ = try TokenSigningKey(keyID: "k", algorithm: algorithm, exported: material)
            }
        }
        #expect(throws: TokenKeyError.unsuitableMaterial) {
            _ = try TokenVerificationKey(keyID: "k", secret: try SecretBytes(randomCount: 31))
        }
        for keyID in ["", "a b", "a\"b", "é", String(repeating: "k", count: 65)] {
            #expect(throws: TokenKeyError.invalidKeyID) {
                _ = try TokenVerificationKey(keyID: keyID, secret: try SecretBytes(randomCount: 32))
            }
        }
        #expect(throws: TokenKeyError.invalidKeyID) {
            _ = try Fixtures.verifier([elliptic.verificationKey, elliptic.verificationKey])
        }
    }
}
