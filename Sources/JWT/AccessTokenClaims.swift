/// What an access token says (RFC 9068 section 2.2, with `sid`, `roles`, `ver` and `gen` of our own).
package struct AccessTokenClaims: Sendable, Equatable {
    /// `iss`
    package var issuer: String
    /// `aud`: the one we issue for. A token may name others beside it.
    package var audience: String
    /// `sub`: the user's id.
    package var subject: String
    /// `jti`
    package var tokenID: String
    /// `sid`
    package var sessionID: String
    /// `client_id`
    package var clientID: String
    /// At most 32 names `[a-z0-9][a-z0-9_.:-]{0,63}`.
    package var roles: [String]
    /// `iat`, `nbf`, `exp`, `auth_time`: seconds since 1970 (RFC 7519 section 2).
    package var issuedAt: Int64
    package var notBefore: Int64
    package var expiresAt: Int64
    package var authTime: Int64
    /// `ver`: the user's epoch.
    package var userVersion: Int64
    /// `gen`: the fleet's epoch.
    package var generation: Int64

    package init(
        issuer: String, audience: String, subject: String, tokenID: String, sessionID: String, clientID: String,
        roles: [String], issuedAt: Int64, notBefore: Int64, expiresAt: Int64, authTime: Int64, userVersion: Int64,
        generation: Int64
    ) {
        self.issuer = issuer
        self.audience = audience
        self.subject = subject
        self.tokenID = tokenID
        self.sessionID = sessionID
        self.clientID = clientID
        self.roles = roles
        self.issuedAt = issuedAt
        self.notBefore = notBefore
        self.expiresAt = expiresAt
        self.authTime = authTime
        self.userVersion = userVersion
        self.generation = generation
    }
}

/// The claims we know, in the order we write them: a reader that expects this order finds each at once.
enum Claim: Int, CaseIterable {
    case issuer, audience, subject, clientID, issuedAt, notBefore, expiresAt, authTime, tokenID, sessionID, roles,
        userVersion, generation

    var name: StaticString {
        switch self {
        case .issuer: "iss"
        case .audience: "aud"
        case .subject: "sub"
        case .clientID: "client_id"
        case .issuedAt: "iat"
        case .notBefore: "nbf"
        case .expiresAt: "exp"
        case .authTime: "auth_time"
        case .tokenID: "jti"
        case .sessionID: "sid"
        case .roles: "roles"
        case .userVersion: "ver"
        case .generation: "gen"
        }
    }
}
