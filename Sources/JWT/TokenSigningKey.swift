package import OpenSSL

/// What signs access tokens: a key id, the one algorithm it is bound to, and the private key or secret.
package struct TokenSigningKey: Sendable {
    private enum Material: Sendable {
        case privateKey(PrivateKey)
        case secret(SecretBytes)
    }

    private let material: Material
    /// The half that verifies. For HS256 it holds the same secret.
    package let verificationKey: TokenVerificationKey

    package var keyID: String { verificationKey.keyID }
    package var algorithm: SigningAlgorithm { verificationKey.algorithm }

    /// A fresh key under a random id of 96 bits. RS256 takes some 0.1 s: never on a loop.
    package static func generate(_ algorithm: SigningAlgorithm) throws(TokenKeyError) -> TokenSigningKey {
        let keyID: String
        let material: SecretBytes
        do throws(OpenSSLError) {
            keyID = String(decoding: Base64URL.encode(try SecureRandom.bytes(12)), as: UTF8.self)
            if let kind = algorithm.keyKind {
                material = try PrivateKey.generate(kind).pkcs8()
            } else {
                material = try SecretBytes(randomCount: HMACSHA256Key.tagByteCount)
            }
        } catch {
            throw .openSSL(error)
        }
        return try TokenSigningKey(keyID: keyID, algorithm: algorithm, exported: material)
    }

    /// From what `exported()` gave.
    package init(keyID: String, algorithm: SigningAlgorithm, exported: SecretBytes) throws(TokenKeyError) {
        guard let kind = algorithm.keyKind else {
            material = .secret(exported)
            verificationKey = try TokenVerificationKey(keyID: keyID, secret: exported)
            return
        }
        let key: PrivateKey
        do throws(OpenSSLError) { key = try PrivateKey(pkcs8: exported) } catch { throw .openSSL(error) }
        guard key.kind == kind else { throw .unsuitableMaterial }
        material = .privateKey(key)
        verificationKey = try TokenVerificationKey(keyID: keyID, algorithm: algorithm, publicKey: key.publicKey)
    }

    /// The private part, for sealing: DER PKCS #8, or the bare secret for HS256.
    package func exported() throws(OpenSSLError) -> SecretBytes {
        switch material {
        case .privateKey(let key): try key.pkcs8()
        case .secret(let secret): secret
        }
    }

    /// A signed access token as a compact JWS. Refuses claims that our own verifier would refuse. RS256 takes about
    /// 0.3 ms, ES256 and EdDSA a tenth of it.
    package func sign(_ claims: AccessTokenClaims) throws(TokenKeyError) -> [UInt8] {
        guard claims.isWellFormed else { throw .invalidClaims }
        var token = verificationKey.headerSegment
        token.append(UInt8(ascii: "."))
        claims.json().withUnsafeBytes { Base64URL.append($0, to: &token) }
        let signature: [UInt8]
        do throws(OpenSSLError) {
            switch material {
            case .privateKey(let key): signature = try key.signature(for: token)
            case .secret(let secret): signature = try HMACSHA256Key(secret).authenticate(token)
            }
        } catch {
            throw .openSSL(error)
        }
        token.append(UInt8(ascii: "."))
        signature.withUnsafeBytes { Base64URL.append($0, to: &token) }
        guard token.count <= TokenLimits.tokenBytes else { throw .invalidClaims }
        return token
    }
}
