import JWT
import OpenSSL

/// Keys, claims and forged tokens that the suites share.
enum Fixtures {
    static let issuer = "https://id.example.org"
    static let audience = "https://api.example.org"
    static let now: Int64 = 1_800_000_000

    static func claims(roles: [String] = ["admin", "reports:read"]) -> AccessTokenClaims {
        AccessTokenClaims(
            issuer: issuer, audience: audience, subject: "0190a5c0-7b1e-7cc3-98c4-dc0c0c07398f",
            tokenID: "0190a5c0-7b1e-7cc3-98c4-dc0c0c073990", sessionID: "0190a5c0-7b1e-7cc3-98c4-dc0c0c073991",
            clientID: "portcullis", roles: roles, issuedAt: now, notBefore: now - 5, expiresAt: now + 900,
            authTime: now, userVersion: 3, generation: 1)
    }

    static func verifier(
        _ keys: [TokenVerificationKey], issuer: String = issuer, audience: String = audience, leeway: Int64 = 0
    ) throws -> AccessTokenVerifier {
        try AccessTokenVerifier(keys: keys, issuer: issuer, audience: audience, leewaySeconds: leeway)
    }

    /// A correctly signed token over any header and payload text: what a buggy or hostile issuer could make.
    static func token(header: String, payload: [UInt8], signedBy key: TokenSigningKey) throws -> [UInt8] {
        let input = Base64URL.encode(Array(header.utf8)) + [UInt8(ascii: ".")] + Base64URL.encode(payload)
        return input + [UInt8(ascii: ".")] + Base64URL.encode(try sign(input, with: key))
    }

    static func token(header: String, payload: String, signedBy key: TokenSigningKey) throws -> [UInt8] {
        try token(header: header, payload: Array(payload.utf8), signedBy: key)
    }

    static func sign(_ bytes: [UInt8], with key: TokenSigningKey) throws -> [UInt8] {
        let secret = try key.exported()
        return key.algorithm == .hs256
            ? try HMACSHA256Key(secret).authenticate(bytes) : try PrivateKey(pkcs8: secret).signature(for: bytes)
    }

    static func header(of key: TokenSigningKey) -> String {
        #"{"alg":"\#(key.algorithm.rawValue)","kid":"\#(key.keyID)","typ":"at+jwt"}"#
    }

    /// The segments of a token as text.
    static func segments(_ token: [UInt8]) -> [String] {
        token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    static func payload(of token: [UInt8]) throws -> String {
        guard let bytes = Base64URL.decode(Array(segments(token)[1].utf8)) else { throw TokenError.malformed }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What verifying comes to: the claims, or why not.
func outcome(_ token: [UInt8], _ verifier: AccessTokenVerifier, now: Int64 = Fixtures.now) -> TokenError? {
    do {
        _ = try verifier.verify(token, now: now)
        return nil
    } catch {
        return error
    }
}
