package import OpenSSL

/// Why a token is refused. For logs and metrics only: a caller answers all of them alike, so that nobody who guesses
/// learns from the answer.
package enum TokenError: String, Error, Sendable, Equatable, CaseIterable {
    /// Not three segments of canonical base64url over well-formed JSON without repeated names.
    case malformed
    /// Longer than `TokenLimits.tokenBytes`.
    case oversized
    /// The header holds a member that could choose a key or change the meaning (`crit`, `b64`, `jku`, `jwk`, …).
    case forbiddenHeader = "forbidden_header"
    /// `typ` is absent or not that of an access token (RFC 9068 section 4).
    case wrongType = "wrong_type"
    /// No key has this `kid`, or there is none.
    case unknownKey = "unknown_key"
    /// `alg` is not the one that the key is bound to (RFC 8725 section 3.1).
    case wrongAlgorithm = "wrong_algorithm"
    case badSignature = "bad_signature"
    /// A claim is missing, of the wrong type or out of its bounds.
    case invalidClaims = "invalid_claims"
    case wrongIssuer = "wrong_issuer"
    case wrongAudience = "wrong_audience"
    case expired
    case notYetValid = "not_yet_valid"
}

/// Why a key cannot be used, or a token not be issued.
package enum TokenKeyError: Error, Sendable, Equatable {
    /// `kid` is not 1 to 64 characters of `[A-Za-z0-9_-]`, or two keys have the same.
    case invalidKeyID
    /// The material is not of the kind or size that the algorithm takes (HS256: 32 bytes at least, RFC 7518 section 3.2).
    case unsuitableMaterial
    /// The claims would make a token that our own verifier refuses.
    case invalidClaims
    case openSSL(OpenSSLError)
}

/// Bounds on tokens, each with its reason.
package enum TokenLimits {
    /// A whole token: what fits a header field of common proxies (8 KiB).
    package static let tokenBytes = 8 * 1024
    /// `sub`, `jti`, `sid`, `client_id`: ours have 36 characters; the bound of StringOrURI is ours.
    package static let identifierBytes = 255
    /// The same bounds that the user store holds.
    package static let roles = 32
    package static let roleBytes = 64
    /// NumericDate up to the end of year 9999: above is nonsense, and arithmetic on it cannot overflow.
    package static let seconds: ClosedRange<Int64> = 0...253_402_300_799
    /// Epochs: what every JSON implementation reads exactly (RFC 8259 section 6).
    package static let epochs: ClosedRange<Int64> = 0...9_007_199_254_740_991
    /// The most that clocks may differ.
    package static let leewaySeconds: ClosedRange<Int64> = 0...30
}
