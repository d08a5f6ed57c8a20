import Driver
import Glibc
import JWT
import OpenSSL

/// Two readings of each input. As a token: one that verifies is a token that we signed, byte for byte. With a line feed
/// in it, as a header and claims that are then signed with a good key, so that what lies behind the signature is reached:
/// claims that pass are claims that we would sign.
@main
enum FuzzAccessToken {
    static let now: Int64 = 1_800_000_000
    static let issuer = "https://id.example.org"
    static let audience = "https://api.example.org"
    static let secret = Array("0123456789abcdef0123456789abcdef".utf8)

    static func main() throws {
        let key = try TokenSigningKey(
            keyID: "k", algorithm: .hs256, exported: SecretBytes(copying: secret.span.bytes))
        let hmac = HMACSHA256Key(SecretBytes(copying: secret.span.bytes))
        let others: [TokenVerificationKey] = try [.rs256, .es256, .edDSA].map {
            try TokenSigningKey.generate($0).verificationKey
        }
        let verifier = try AccessTokenVerifier(
            keys: [key.verificationKey] + others, issuer: issuer, audience: audience, leewaySeconds: 30)

        func verified(_ token: [UInt8]) -> AccessTokenClaims? {
            do { return try verifier.verify(token, now: now).claims } catch { return nil }
        }

        func check(_ claims: AccessTokenClaims) throws {
            guard claims.issuer == issuer, claims.audience == audience else { violated("issuer and audience are ours") }
            guard claims.expiresAt > now - 31, claims.notBefore <= now + 30 else { violated("within its times") }
            guard claims.roles.count <= 32 else { violated("at most 32 roles") }
            guard verified(try key.sign(claims)) == claims else { violated("claims signed again are the same claims") }
        }

        exit(
            fuzz { input in
                let bytes = Array(input)
                do {
                    if let claims = verified(bytes) { try check(claims) }
                    guard let line = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return }
                    let header = Base64URL.encode(Array(bytes[..<line]))
                    let payload = Base64URL.encode(Array(bytes[(line + 1)...]))
                    let signed = header + [UInt8(ascii: ".")] + payload
                    let tag = try hmac.authenticate(signed)
                    if let claims = verified(signed + [UInt8(ascii: ".")] + Base64URL.encode(tag)) { try check(claims) }
                } catch {
                    violated("good claims can be signed")
                }
            })
    }
}
