package import OpenSSL

/// The JWS algorithms we sign and verify with (RFC 7518 section 3.1, RFC 8037 section 3.1). A key is bound to one.
package enum SigningAlgorithm: String, Sendable, CaseIterable {
    /// RSASSA-PKCS1-v1_5 with SHA-256: the default, the cheapest to verify.
    case rs256 = "RS256"
    /// ECDSA on P-256 with SHA-256.
    case es256 = "ES256"
    /// Ed25519.
    case edDSA = "EdDSA"
    /// HMAC with SHA-256, for a monolith that verifies its own tokens; never published.
    case hs256 = "HS256"

    /// What kind of key pair it takes; nil for HS256.
    package var keyKind: KeyKind? {
        switch self {
        case .rs256: .rsa
        case .es256: .p256
        case .edDSA: .ed25519
        case .hs256: nil
        }
    }
}
