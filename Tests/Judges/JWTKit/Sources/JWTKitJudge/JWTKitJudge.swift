import Crypto
import CryptoExtras
import Foundation
import JWTKit

/// jwt-kit judges our tokens and makes tokens for us to judge.
///
///     JWTKitJudge verify JWKS_FILE TOKEN_FILE ISSUER AUDIENCE
///     JWTKitJudge mint FOLDER ISSUER AUDIENCE
///     JWTKitJudge follow ISSUER AUDIENCE
///
/// verify prints the claims and exits 0, or says why not and exits 1. Any other exit code means that it is broken.
/// follow takes lines "keys JWKS" and answers each line "token TOKEN" with "good" or "bad REASON", until its input ends.
@main
struct JWTKitJudge {
    static func main() async {
        let arguments = CommandLine.arguments.dropFirst().map { $0 }
        do {
            switch (arguments.first, arguments.count) {
            case ("verify", 5): try await verify(arguments[1], arguments[2], arguments[3], arguments[4])
            case ("follow", 3): try await follow(arguments[1], arguments[2])
            case ("mint", 4): try await mint(URL(fileURLWithPath: arguments[1]), arguments[2], arguments[3])
            default: fail("usage: verify … | mint … | follow …", code: 2)
            }
        } catch {
            fail("\(error)", code: 2)
        }
    }

    private static func fail(_ reason: String, code: Int32) -> Never {
        FileHandle.standardError.write(Data((reason + "\n").utf8))
        exit(code)
    }

    private static func verify(
        _ jwksFile: String, _ tokenFile: String, _ issuer: String, _ audience: String
    ) async throws {
        let jwks = try String(contentsOfFile: jwksFile, encoding: .utf8)
        let token = try String(contentsOfFile: tokenFile, encoding: .utf8)
        let keys = try await JWTKeyCollection().add(jwksJSON: jwks)
        let claims: Claims
        do { claims = try await verified(token, keys, issuer, audience) } catch { fail("\(error)", code: 1) }
        print(String(decoding: try JSONEncoder().encode(claims), as: UTF8.self))
    }

    private static func verified(
        _ token: String, _ keys: JWTKeyCollection, _ issuer: String, _ audience: String
    ) async throws -> Claims {
        let claims = try await keys.verify(token, as: Claims.self)
        guard claims.iss.value == issuer else {
            throw JWTError.claimVerificationFailure(failedClaim: claims.iss, reason: "not ours")
        }
        try claims.aud.verifyIntendedAudience(includes: audience)
        return claims
    }

    private static func follow(_ issuer: String, _ audience: String) async throws {
        var keys = JWTKeyCollection()
        while let line = readLine() {
            var answer = "taken"
            if line.hasPrefix("keys ") {
                keys = try await JWTKeyCollection().add(jwksJSON: String(line.dropFirst(5)))
            } else {
                do {
                    _ = try await verified(String(line.dropFirst(6)), keys, issuer, audience)
                    answer = "good"
                } catch {
                    answer = "bad \(error)".split(separator: "\n").joined(separator: " ")
                }
            }
            FileHandle.standardOutput.write(Data((answer + "\n").utf8))
        }
    }

    private static func mint(_ folder: URL, _ issuer: String, _ audience: String) async throws {
        let signers = try [rsa(), ecdsa(), edDSA()]
        let jwks = try JSONSerialization.data(withJSONObject: ["keys": signers.map(\.jwk)])
        try jwks.write(to: folder.appendingPathComponent("jwks.json"))
        for signer in signers {
            let keys = JWTKeyCollection()
            let keyID = JWKIdentifier(string: "jwtkit-\(signer.algorithm)")
            await signer.add(keys, keyID)
            for (name, claims) in Claims.byCase(issuer: issuer, audience: audience) {
                let token = try await keys.sign(claims, kid: keyID, header: ["typ": "at+jwt"])
                let file = folder.appendingPathComponent("\(signer.algorithm).\(name).token")
                try Data(token.utf8).write(to: file)
            }
        }
    }

    private struct Signer {
        let algorithm: String
        let jwk: [String: String]
        let add: @Sendable (JWTKeyCollection, JWKIdentifier) async -> Void

        init(
            _ algorithm: String, _ numbers: [String: String],
            add: @escaping @Sendable (JWTKeyCollection, JWKIdentifier) async -> Void
        ) {
            self.algorithm = algorithm
            self.add = add
            jwk = numbers.merging(["kid": "jwtkit-\(algorithm)", "alg": algorithm, "use": "sig"]) { first, _ in first }
        }
    }

    private static func rsa() throws -> Signer {
        let key = try Insecure.RSA.PrivateKey(backing: _RSA.Signing.PrivateKey(keySize: .bits2048))
        let numbers = try key.publicKey.getKeyPrimitives()
        let members = ["kty": "RSA", "n": base64URL(numbers.modulus), "e": base64URL(numbers.publicExponent)]
        return Signer("RS256", members) { keys, keyID in
            await keys.add(rsa: key, digestAlgorithm: .sha256, kid: keyID)
        }
    }

    private static func ecdsa() throws -> Signer {
        let point = P256.Signing.PrivateKey()
        let key = try ES256PrivateKey(backing: point)
        let bytes = point.publicKey.rawRepresentation
        let members = [
            "kty": "EC", "crv": "P-256", "x": base64URL(bytes.prefix(32)), "y": base64URL(bytes.suffix(32)),
        ]
        return Signer("ES256", members) { keys, keyID in await keys.add(ecdsa: key, kid: keyID) }
    }

    private static func edDSA() throws -> Signer {
        let key = try EdDSA.PrivateKey()
        let members = ["kty": "OKP", "crv": "Ed25519", "x": base64URL(key.publicKey.rawRepresentation)]
        return Signer("EdDSA", members) { keys, keyID in await keys.add(eddsa: key, kid: keyID) }
    }

    private static func base64URL(_ bytes: Data) -> String {
        bytes.base64EncodedString().replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }
}

/// The claims of RFC 9068 and our own.
struct Claims: JWTPayload {
    var iss: IssuerClaim
    var aud: AudienceClaim
    var sub: SubjectClaim
    var clientID = "portcullis"
    var iat: Int
    var nbf: Int
    var exp: Int
    var authTime: Int
    var jti: String
    var sid: String
    var roles: [String]
    var ver = 3
    var gen = 1

    enum CodingKeys: String, CodingKey {
        case iss, aud, sub, iat, nbf, exp, jti, sid, roles, ver, gen
        case clientID = "client_id"
        case authTime = "auth_time"
    }

    init(issuer: String, audience: String, at: Int) {
        iss = IssuerClaim(value: issuer)
        aud = AudienceClaim(value: audience)
        sub = SubjectClaim(value: UUID().uuidString.lowercased())
        iat = at
        nbf = at - 5
        exp = at + 900
        authTime = at
        jti = UUID().uuidString.lowercased()
        sid = UUID().uuidString.lowercased()
        roles = ["admin", "reports:read"]
    }

    func verify(using algorithm: some JWTAlgorithm) throws {
        try ExpirationClaim(value: Date(timeIntervalSince1970: Double(exp))).verifyNotExpired()
        try NotBeforeClaim(value: Date(timeIntervalSince1970: Double(nbf))).verifyNotBefore()
    }

    /// What a token of each case says; all but the good one must be refused.
    static func byCase(issuer: String, audience: String) -> [String: Claims] {
        let now = Int(Date().timeIntervalSince1970)
        return [
            "good": Claims(issuer: issuer, audience: audience, at: now),
            "expired": Claims(issuer: issuer, audience: audience, at: now - 960),
            "early": Claims(issuer: issuer, audience: audience, at: now + 960),
            "issuer": Claims(issuer: issuer + "/", audience: audience, at: now),
            "audience": Claims(issuer: issuer, audience: audience + "/", at: now),
        ]
    }
}
