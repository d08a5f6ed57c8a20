import JWT
import OpenSSL
import Testing

/// Everything that must be refused is refused, for the reason we think. Tokens are correctly signed wherever the test
/// is not about the signature: what is refused then is refused for itself.
struct RefusedTokenTests {
    private let key: TokenSigningKey
    private let verifier: AccessTokenVerifier
    private let good: String

    init() throws {
        key = try TokenSigningKey.generate(.es256)
        verifier = try Fixtures.verifier([key.verificationKey])
        good = try Fixtures.payload(of: key.sign(Fixtures.claims()))
    }

    private func outcome(header: String, payload: String? = nil) throws -> TokenError? {
        JWTTests.outcome(try Fixtures.token(header: header, payload: payload ?? good, signedBy: key), verifier)
    }

    private func outcome(payload: String) throws -> TokenError? {
        try outcome(header: Fixtures.header(of: key), payload: payload)
    }

    /// The good payload with one member's value written otherwise.
    private func outcome(_ claim: String, _ value: String) throws -> TokenError? {
        let start = try #require(good.firstRange(of: "\"\(claim)\":"))
        let rest = good[start.upperBound...]
        let end = rest.first == "[" ? rest.firstIndex(of: "]") : nil
        let tail = end.map { rest[rest.index(after: $0)...] } ?? rest.drop { $0 != "," && $0 != "}" }
        return try outcome(payload: good[..<start.upperBound] + value + tail)
    }

    @Test func `the forging helper makes good tokens`() throws {
        #expect(try outcome(payload: good) == nil)
        #expect(try outcome("exp", "1800000900") == nil)
    }

    // MARK: The header

    @Test func `other spellings of a good header are taken (RFC 7515 section 4)`() throws {
        let id = key.keyID
        for header in [
            #"{"typ":"at+jwt","alg":"ES256","kid":"\#(id)"}"#, #" { "alg" : "ES256",\#n"kid":"\#(id)","typ":"AT+JWT"}"#,
            #"{"alg":"ES256","kid":"\#(id)","typ":"application/at+jwt"}"#,
            #"{"alg":"ES256","kid":"\#(id)","typ":"Application\/At+JWT","x5t":"abc","other":[1,{"a":null}]}"#,
        ] {
            #expect(try outcome(header: header) == nil, "\(header)")
        }
    }

    @Test func `alg none and every alg but the key's own are refused (RFC 8725 section 3.1)`() throws {
        for algorithm in [
            "none", "None", "NONE", "", "HS256", "RS256", "EdDSA", "ES384", "es256", "ES256 ", "ES256\\u0000",
        ] {
            let header = #"{"alg":"\#(algorithm)","kid":"\#(key.keyID)","typ":"at+jwt"}"#
            #expect(try outcome(header: header) == .wrongAlgorithm, "\(algorithm)")
            let bare = Base64URL.encode(Array(header.utf8)) + Array(".".utf8) + Base64URL.encode(Array(good.utf8))
            #expect(JWTTests.outcome(bare + Array(".".utf8), verifier) == .wrongAlgorithm)
            #expect(JWTTests.outcome(bare, verifier) == .malformed)
        }
        #expect(try outcome(header: #"{"kid":"\#(key.keyID)","typ":"at+jwt"}"#) == .wrongAlgorithm)
    }

    @Test func `no kid, another kid and a kid of another type are refused`() throws {
        #expect(try outcome(header: #"{"alg":"ES256","typ":"at+jwt"}"#) == .unknownKey)
        for keyID in ["", "other", key.keyID + " ", key.keyID.uppercased() + "x", "../../etc/passwd", "' OR 1=1"] {
            #expect(try outcome(header: #"{"alg":"ES256","kid":"\#(keyID)","typ":"at+jwt"}"#) == .unknownKey)
        }
        for keyID in ["1", "null", "true", "[]", #"["\#(key.keyID)"]"#] {
            #expect(try outcome(header: #"{"alg":"ES256","kid":\#(keyID),"typ":"at+jwt"}"#) == .malformed)
        }
    }

    @Test func `a kid is compared byte for byte, not as Unicode text (RFC 7515 section 5.3)`() throws {
        let kelvin = try TokenSigningKey(keyID: "K", algorithm: .es256, exported: key.exported())
        let verifier = try Fixtures.verifier([kelvin.verificationKey])
        for (keyID, refusal) in [("K", nil), ("\u{212A}", .unknownKey), ("k", .unknownKey)] as [(String, TokenError?)] {
            let header = #"{"typ":"at+jwt","alg":"ES256","kid":"\#(keyID)"}"#
            #expect(
                JWTTests.outcome(try Fixtures.token(header: header, payload: good, signedBy: kelvin), verifier)
                    == refusal)
        }
    }

    @Test(arguments: ["crit", "b64", "jku", "jwk", "x5u", "x5c"])
    func `a header that could choose a key or change the rules is refused (RFC 8725 section 3.10)`(name: String) throws
    {
        let id = key.keyID
        for value in [
            #""https://attacker.example/keys""#, "null", "false", "true", #"["exp"]"#, "[]", #"{"kty":"oct"}"#,
        ] {
            let header = #"{"alg":"ES256","kid":"\#(id)","typ":"at+jwt","\#(name)":\#(value)}"#
            #expect(try outcome(header: header) == .forbiddenHeader, "\(header)")
        }
        let escaped = name.unicodeScalars.map { "\\u00" + String($0.value, radix: 16) }.joined()
        #expect(
            try outcome(header: #"{"alg":"ES256","kid":"\#(id)","typ":"at+jwt","\#(escaped)":null}"#)
                == .forbiddenHeader)
    }

    @Test func `a token of another type is refused (RFC 9068 section 4)`() throws {
        for type in ["JWT", "", "at+jwt ", "dpop+jwt", "application/application/at+jwt", "at jwt", "logout+jwt"] {
            #expect(try outcome(header: #"{"alg":"ES256","kid":"\#(key.keyID)","typ":"\#(type)"}"#) == .wrongType)
        }
        #expect(try outcome(header: #"{"alg":"ES256","kid":"\#(key.keyID)"}"#) == .wrongType)
    }

    @Test func `a header with a member twice is refused, also when escaped (RFC 7515 section 4)`() throws {
        let id = key.keyID
        for extra in [
            #""alg":"ES256""#, #""\u0061lg":"none""#, #""kid":"\#(id)""#, #""x":1,"x":1"#, #""x":{"y":1,"y":2}"#,
        ] {
            let header = #"{"alg":"ES256","kid":"\#(id)","typ":"at+jwt",\#(extra)}"#
            #expect(try outcome(header: header) == .malformed, "\(header)")
        }
    }

    @Test func `a header that is not one JSON object is refused`() throws {
        for header in ["", "null", "[]", "\"a\"", "{", "{}{}", "{}x", "\u{FEFF}{}", "{\"alg\":}", "{'alg':'none'}"] {
            #expect(try outcome(header: header) == .malformed, "\(header)")
        }
    }

    // MARK: The claims

    @Test(arguments: [
        "iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "auth_time", "jti", "sid", "roles", "ver", "gen",
    ])
    func `a claim that is missing, twice, null or of a wrong type is refused (RFC 7519 section 4)`(claim: String) throws
    {
        let renamed = good.replacing("\"\(claim)\":", with: "\"_\(claim)\":")
        #expect(try outcome(payload: renamed) == .invalidClaims)
        for value in ["null", "true", "{}", "[1]", "[[]]", "1.5"] {
            #expect(try outcome(claim, value) == .invalidClaims)
        }
        #expect(try outcome(payload: good.dropLast() + ",\"\(claim)\":0}") == .malformed)
        let escaped = claim.unicodeScalars.map { "\\u00" + String($0.value, radix: 16) }.joined()
        #expect(try outcome(payload: good.dropLast() + ",\"\(escaped)\":1}") == .malformed)
    }

    @Test(arguments: ["iat", "nbf", "exp", "auth_time"])
    func `a time that is no whole number of seconds up to the year 9999 is refused (RFC 7519 section 2)`(claim: String)
        throws
    {
        for value in [
            "-1", "1.8e9", "1800000000.0", "253402300800", "9223372036854775807", "9223372036854775808",
            "-9223372036854775808", "1e400", "99999999999999999999999999", "\"1800000000\"", "[]", "\"\"",
        ] {
            let found = try outcome(claim, value)
            #expect(found == .invalidClaims, "\(claim) \(value)")
        }
        for value in ["01800000000", "+1", "0x10", "NaN", "Infinity", "1.", "- 1", ""] {
            #expect(try outcome(claim, value) == .malformed, "\(value)")
        }
    }

    @Test(arguments: ["ver", "gen"])
    func `an epoch beyond 2^53 or below 0 is refused (RFC 8259 section 6)`(claim: String) throws {
        #expect(try outcome(claim, "9007199254740991") == nil)
        for value in ["9007199254740992", "-1", "1.0", "\"1\""] { #expect(try outcome(claim, value) == .invalidClaims) }
    }

    @Test(arguments: ["sub", "jti", "sid", "client_id"])
    func `an id that is empty, too long or not visible ASCII is refused`(claim: String) throws {
        #expect(try outcome(claim, "\"\(String(repeating: "x", count: 255))\"") == nil)
        #expect(try outcome(claim, #""\u0061b\/c""#) == nil)
        for value in [
            "\"\"", "\"\(String(repeating: "x", count: 256))\"", #""a b""#, #""a\r\nSet-Cookie: x""#, #""\u0000""#,
            #""é""#, #""a\u007f""#, "1", "[\"a\"]",
        ] {
            #expect(try outcome(claim, value) == .invalidClaims, "\(value)")
        }
    }

    @Test func `audiences are a string or strings, one of them ours (RFC 7519 section 4.1.3)`() throws {
        let ours = Fixtures.audience
        #expect(try outcome("aud", #"["\#(ours)"]"#) == nil)
        #expect(try outcome("aud", #"["other","\#(ours)","third"]"#) == nil)
        #expect(try outcome("aud", "\"\(ours.replacing("/", with: "\\/"))\"") == nil)
        for value in [#""other""#, #""""#, "[]", #"["other"]"#, #"["\#(ours) "]"#, #""\#(ours.uppercased())""#] {
            #expect(try outcome("aud", value) == .wrongAudience, "\(value)")
        }
        for value in ["1", #"["\#(ours)",1]"#, #"{"a":"\#(ours)"}"#] {
            #expect(try outcome("aud", value) == .invalidClaims, "\(value)")
        }
    }

    @Test func `role lists that are too long or hold no role names are refused`() throws {
        func list(_ count: Int) -> String { "[" + (0..<count).map { "\"r\($0)\"" }.joined(separator: ",") + "]" }
        #expect(try outcome("roles", "[]") == nil)
        #expect(try outcome("roles", list(32)) == nil)
        for value in [
            list(33), list(500), #"[""]"#, #"["Admin"]"#, #"["a,b"]"#, #"["-a"]"#, #"["a b"]"#, #"["é"]"#, "[1]",
            "[\"\(String(repeating: "r", count: 65))\"]", #""admin""#, #"["admin",["admin"]]"#, "{}",
        ] {
            #expect(try outcome("roles", value) == .invalidClaims, "\(value)")
        }
    }

    @Test func `claims that are not one strict JSON object are refused (RFC 7519 section 7.2)`() throws {
        for payload in ["", "null", "[]", "\"x\"", "{", good + good, good + "x", good + "\u{0}", "\u{FEFF}" + good] {
            let found = try outcome(payload: payload)
            #expect(found == .malformed || found == .invalidClaims, "\(payload)")
        }
        let deep = String(repeating: "[", count: 9) + String(repeating: "]", count: 9)
        for member in [
            "", "\"x\":\"\u{1}\"", #""x":"\ud800""#, "\"x\":\(deep)", #""x":1,"x":1"#, #""x":{"y":1,"\u0079":1}"#,
        ] {
            #expect(try outcome(payload: "\(good.dropLast()),\(member)}") == .malformed, "\(member)")
        }
        let bytes = Array(good.utf8.dropLast()) + Array(",\"x\":\"".utf8) + [0xC0, 0xAF] + Array("\"}".utf8)
        let token = try Fixtures.token(header: Fixtures.header(of: key), payload: bytes, signedBy: key)
        #expect(JWTTests.outcome(token, verifier) == .malformed)
    }

    @Test func `claims we do not know are ignored (RFC 7519 section 4)`() throws {
        #expect(
            try outcome(payload: good.dropLast() + #","scope":"a b","cnf":{"jkt":"x"},"n":1.5e3,"l":[null,true]}"#)
                == nil)
    }

    // MARK: The envelope

    @Test func `a public key is never a secret: HMAC by public key is refused (RFC 8725 section 2.1)`() throws {
        for algorithm in [SigningAlgorithm.rs256, .es256, .edDSA] {
            let victim = try TokenSigningKey.generate(algorithm)
            let verifier = try Fixtures.verifier([victim.verificationKey])
            let published = try JWKS.document([victim.verificationKey])
            let header = #"{"alg":"HS256","kid":"\#(victim.keyID)","typ":"at+jwt"}"#
            let attacker = try TokenSigningKey(
                keyID: "x", algorithm: .hs256, exported: SecretBytes(copying: published))
            #expect(
                JWTTests.outcome(try Fixtures.token(header: header, payload: good, signedBy: attacker), verifier)
                    == .wrongAlgorithm)
            let honest = Fixtures.header(of: victim)
            #expect(
                JWTTests.outcome(try Fixtures.token(header: honest, payload: good, signedBy: attacker), verifier)
                    == .badSignature)
        }
    }

    @Test func `a token signed again by another key under our kid is refused`() throws {
        for algorithm in SigningAlgorithm.allCases {
            let ours = try TokenSigningKey.generate(algorithm)
            let theirs = try TokenSigningKey(
                keyID: ours.keyID, algorithm: algorithm, exported: TokenSigningKey.generate(algorithm).exported())
            let verifier = try Fixtures.verifier([ours.verificationKey])
            #expect(JWTTests.outcome(try theirs.sign(Fixtures.claims()), verifier) == .badSignature)
        }
    }

    @Test func `an ECDSA signature in DER is refused (RFC 7518 section 3.4)`() throws {
        let token = try key.sign(Fixtures.claims())
        let segments = Fixtures.segments(token)
        let raw = try #require(Base64URL.decode(Array(segments[2].utf8)))
        func integer(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
            let trimmed = Array(bytes.drop { $0 == 0 })
            let padded = trimmed.first.map { $0 >= 0x80 } ?? true ? [0] + trimmed : trimmed
            return [2, UInt8(padded.count)] + padded
        }
        let body = integer(raw[..<32]) + integer(raw[32...])
        let der = Base64URL.encode([0x30, UInt8(body.count)] + body)
        let forged = Array("\(segments[0]).\(segments[1]).".utf8) + der
        #expect(JWTTests.outcome(forged, verifier) == .badSignature)
    }

    @Test func `a token longer than 8 KiB is refused unread`() throws {
        #expect(JWTTests.outcome([UInt8](repeating: UInt8(ascii: "."), count: 8193), verifier) == .oversized)
        #expect(JWTTests.outcome([UInt8](repeating: UInt8(ascii: "A"), count: 1 << 20), verifier) == .oversized)
        #expect(JWTTests.outcome([UInt8](repeating: UInt8(ascii: "A"), count: 8192), verifier) == .malformed)
        let padded = good.dropLast() + ",\"x\":\"" + String(repeating: "x", count: 5400) + "\"}"
        #expect(try outcome(payload: String(padded)) == nil)
    }

    @Test func `padding, white space, empty and extra segments are refused (RFC 7515 section 2)`() throws {
        let token = String(decoding: try key.sign(Fixtures.claims()), as: UTF8.self)
        let parts = token.split(separator: ".")
        for text in [
            "", ".", "..", "...", "a.b", "a.b.c", token + "=", token + "==", token + ".", "." + token, token + " ",
            " " + token, token + "\n", token + "\u{0}", token.replacing(".", with: ". "), token + "." + parts[2],
            "\(parts[0])=.\(parts[1]).\(parts[2])", "\(parts[0]).\(parts[1])=.\(parts[2])", "\(parts[0])..\(parts[2])",
            "\(parts[0]).\(parts[1]).", "\(parts[0]).\(parts[1])", ".\(parts[1]).\(parts[2])", "Bearer " + token,
            "\(parts[0]).\(parts[1]).\(parts[2]).\(parts[1]).\(parts[2])",
        ] {
            #expect(JWTTests.outcome(Array(text.utf8), verifier) != nil, "\(text)")
        }
    }

    @Test(arguments: SigningAlgorithm.allCases)
    func `a token cut at any byte or with any one bit changed is refused`(algorithm: SigningAlgorithm) throws {
        let key = try TokenSigningKey.generate(algorithm)
        let verifier = try Fixtures.verifier([key.verificationKey])
        let token = try key.sign(Fixtures.claims())
        for count in 0..<token.count {
            #expect(JWTTests.outcome(Array(token.prefix(count)), verifier) != nil)
            #expect(JWTTests.outcome(Array(token.suffix(count)), verifier) != nil)
        }
        // Slow algorithms see every byte, with a bit that moves; the others every bit.
        let step = algorithm == .es256 || algorithm == .edDSA ? 3 : 1
        for bit in stride(from: 0, to: token.count * 8, by: step) {
            var forged = token
            forged[bit / 8] ^= 1 << (bit % 8)
            #expect(JWTTests.outcome(forged, verifier) != nil)
        }
        #expect(JWTTests.outcome(token, verifier) == nil)
    }

    @Test func `a last character that decodes to the same signature is refused (RFC 4648 section 3.5)`() throws {
        let token = try key.sign(Fixtures.claims())
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for character in alphabet where character != token.last {
            #expect(JWTTests.outcome(token.dropLast() + [character], verifier) != nil)
        }
    }

    @Test func `arbitrary bytes never trap`() throws {
        var generator = SystemRandomNumberGenerator()
        let pieces: [[UInt8]] = [
            Array(".".utf8), Array("..".utf8), Array("e30".utf8), key.verificationKey.keyID.utf8.map { $0 },
            Base64URL.encode(Array(Fixtures.header(of: key).utf8)), Base64URL.encode(Array(good.utf8)), [0],
            [0xFF, 0xFE],
            Base64URL.encode(Array(#"{"alg":"none"}"#.utf8)),
        ]
        for _ in 0..<20_000 {
            var token: [UInt8] = []
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                if Bool.random(using: &generator), let piece = pieces.randomElement(using: &generator) {
                    token += piece
                } else {
                    token += (0..<Int.random(in: 0...8)).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
                }
            }
            #expect(JWTTests.outcome(token, verifier) != nil)
        }
    }
}
