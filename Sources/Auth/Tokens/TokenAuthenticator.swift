package import JWT
import OpenSSL

/// Why a request's access token is refused. For logs and metrics: the answer is the same 401 for all.
package enum AuthenticationError: Error, Sendable, Equatable {
    case invalid(TokenError)
    /// Good as far as it goes, but its session, user or fleet moved on. Whose it was tells a logout what it is to end.
    case revoked(RevocationSubject)
}

/// How one loop keeps verified tokens.
package struct TokenCacheLimits: Sendable, Equatable {
    /// Tokens in use at one time at one node, for the most part.
    package var entries = 16_384
    /// With 600-byte tokens all entries fit; with the longest ones, fewer do.
    package var bytes = 24 << 20

    package init() {}

    package init(entries: Int, bytes: Int) {
        self.entries = entries
        self.bytes = bytes
    }
}

/// Says whose a token is: from the cache or by its signature, and on every request with expiry, revocation and the trust
/// in its key checked. One for each loop; nothing here locks, waits or, for a token seen before, allocates.
package final class TokenAuthenticator {
    private let issuer: String
    private let audience: String
    private let leewaySeconds: Int64
    private let cache: AccessTokenCache
    private var verifier: AccessTokenVerifier
    private var trustedKeys: Set<String>
    private var revocations: RevocationSet
    /// Counts changes of keys and revocations: a token found good under this very state need not be looked up again.
    private var state: UInt64 = 1

    /// Tokens answered from the cache, and tokens that were verified (good or not).
    package private(set) var hits: UInt64 = 0
    package private(set) var misses: UInt64 = 0

    /// `keys` in the order in which tokens are likely to name them; `leewaySeconds` is clamped to 0...30.
    package init(
        keys: [TokenVerificationKey], revocations: RevocationSet, issuer: String, audience: String,
        leewaySeconds: Int64 = 0, limits: TokenCacheLimits = TokenCacheLimits()
    ) throws(TokenKeyError) {
        self.issuer = issuer
        self.audience = audience
        let bounds = TokenLimits.leewaySeconds
        self.leewaySeconds = min(max(leewaySeconds, bounds.lowerBound), bounds.upperBound)
        do throws(OpenSSLError) {
            cache = try AccessTokenCache(capacity: limits.entries, maximumBytes: limits.bytes)
        } catch {
            throw .openSSL(error)
        }
        verifier = try AccessTokenVerifier(
            keys: keys, issuer: issuer, audience: audience, leewaySeconds: self.leewaySeconds)
        trustedKeys = Set(keys.map(\.keyID))
        self.revocations = revocations
    }

    package var cachedCount: Int { cache.count }
    package var evictions: UInt64 { cache.evictions }
    /// The revocations in force at this loop.
    package var revocationNumber: UInt64 { revocations.number }
    /// What new tokens carry as `gen`.
    package var generation: Int64 { revocations.generation }

    /// Takes a new snapshot; from the next request on it is what counts.
    package func update(revocations: RevocationSet) {
        self.revocations = revocations
        state &+= 1
    }

    /// Takes new keys; tokens of keys that are gone are refused from the next request on. Unchanged on an error.
    package func update(keys: [TokenVerificationKey]) throws(TokenKeyError) {
        verifier = try AccessTokenVerifier(
            keys: keys, issuer: issuer, audience: audience, leewaySeconds: leewaySeconds)
        trustedKeys = Set(keys.map(\.keyID))
        state &+= 1
    }

    /// The token of `bytes`, if it is good at `now` (seconds since 1970). The bytes can be anything.
    package func authenticate(
        _ bytes: UnsafeRawBufferPointer, now: Int64
    ) throws(AuthenticationError) -> AccessToken {
        guard let token = cache.find(bytes) else { return try verify(bytes, now: now) }
        hits &+= 1
        do throws(AuthenticationError) { try check(token, now: now) } catch {
            cache.remove(bytes)
            throw error
        }
        return token
    }

    /// Claims are within `TokenLimits.seconds`, so that the leeway cannot overflow.
    private func check(_ token: AccessToken, now: Int64) throws(AuthenticationError) {
        guard now < token.expiresAt &+ leewaySeconds else { throw .invalid(.expired) }
        guard now >= token.notBefore &- leewaySeconds else { throw .invalid(.notYetValid) }
        guard token.checkedUnder != state else { return }
        guard trustedKeys.contains(token.keyID) else { throw .invalid(.unknownKey) }
        guard !revocations.isRevoked(token.subject) else { throw .revoked(token.subject) }
        token.checkedUnder = state
    }

    private func verify(
        _ bytes: UnsafeRawBufferPointer, now: Int64
    ) throws(AuthenticationError) -> AccessToken {
        misses &+= 1
        let verified: VerifiedTokenView
        do throws(TokenError) { verified = try verifier.view(of: bytes, now: now) } catch { throw .invalid(error) }
        guard let token = AccessToken(verified) else { throw .invalid(.invalidClaims) }
        try check(token, now: now)
        cache.insert(bytes, token)
        return token
    }
}
