package import JWT
import OpenSSL

/// What a service works with at one moment. Asked for anew after every wait: a hash or a store may take seconds.
package struct AuthState: Sendable {
    package let now: UnixTime
    package let keys: KeyRingSnapshot
    /// The fleet's generation, for `gen`.
    package let generation: Int64

    package init(now: UnixTime, keys: KeyRingSnapshot, generation: Int64) {
        self.now = now
        self.keys = keys
        self.generation = generation
    }

    /// The same under another generation.
    func under(generation: Int64) -> AuthState { AuthState(now: now, keys: keys, generation: generation) }
}

/// The reply to a login or a refresh.
package struct SessionTokens: Sendable, Equatable {
    /// A compact JWS.
    package let accessToken: [UInt8]
    package let refreshToken: String
    /// Of the access token.
    package let expiresInSeconds: Int64
    package let session: Identifier
    package let user: Identifier
    /// The password that opened the session was good for this once.
    package var mustChangePassword = false
    /// What makes the device a known one at the next login. Nil after a refresh, which shows no password.
    package var deviceCredential: String?
}

extension SessionTokens: CustomStringConvertible, CustomReflectable {
    /// Shows no token.
    package var description: String { "SessionTokens(\(session))" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection()) }
}

/// Makes access tokens (RFC 9068) for sessions.
package struct TokenIssuer: Sendable {
    /// `PORTCULLIS_ACCESS_TOKEN_SECONDS` goes up to here; revocations are kept for as long.
    package static let maximumSeconds: Int64 = 3600
    /// Clocks of verifiers may be behind by this much.
    private static let notBeforeSeconds: Int64 = 5
    /// First-party logins have no client of their own.
    private static let firstPartyClientID = "portcullis"

    package let issuer: String
    package let audience: String
    package let lifetimeSeconds: Int64

    /// `lifetimeSeconds` is clamped to 1...3600.
    package init(issuer: String, audience: String, lifetimeSeconds: Int64 = 900) {
        self.issuer = issuer
        self.audience = audience
        self.lifetimeSeconds = min(max(1, lifetimeSeconds), TokenIssuer.maximumSeconds)
    }

    /// The refresh token of the session's counter and a fresh access token.
    package func tokens(
        for session: StoredSession, of user: User, secret: SessionSecret, in state: AuthState
    ) throws(TokenKeyError) -> SessionTokens {
        let id: Identifier
        let refreshToken: String
        do throws(OpenSSLError) {
            id = try Identifier.make(at: state.now)
            refreshToken = try RefreshToken.text(counter: session.counter, secret: secret)
        } catch {
            throw .openSSL(error)
        }
        let issuedAt = state.now.seconds
        let claims = AccessTokenClaims(
            issuer: issuer, audience: audience, subject: user.id.description, tokenID: id.description,
            sessionID: session.id.description, clientID: TokenIssuer.firstPartyClientID, roles: user.roles.map(\.name),
            issuedAt: issuedAt, notBefore: issuedAt.subtractingSaturating(TokenIssuer.notBeforeSeconds),
            expiresAt: issuedAt.addingSaturating(lifetimeSeconds), authTime: session.createdAt.seconds,
            userVersion: user.version, generation: state.generation)
        return SessionTokens(
            accessToken: try state.keys.signing.sign(claims), refreshToken: refreshToken,
            expiresInSeconds: lifetimeSeconds, session: session.id, user: user.id)
    }
}
