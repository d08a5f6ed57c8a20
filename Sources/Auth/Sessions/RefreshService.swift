import JWT
import OpenSSL

/// What a refresh came to.
package enum RefreshReply: Sendable, Equatable {
    case granted(SessionTokens)
    /// 401 `invalid_grant`, whatever the reason.
    case refused
    /// 429: the token was not consumed.
    case throttled(by: ThrottleRule, retryAfterMilliseconds: Int64)
    /// 503: the token was not consumed, and repeating it is safe.
    case unavailable
}

/// Exchanges a refresh token for a fresh pair (design section 5).
package struct RefreshService: Sendable {
    /// `PORTCULLIS_REFRESH_GRACE_SECONDS`.
    package static let graceSeconds: ClosedRange<Int64> = 0...300

    private let throttle: any LoginThrottle
    private let sessions: any SessionStore
    private let publisher: any RevocationPublisher
    private let issuer: TokenIssuer
    private let graceMilliseconds: Int64
    private let state: @Sendable () -> AuthState

    /// `graceSeconds` is clamped to 0...300.
    package init(
        throttle: any LoginThrottle, sessions: any SessionStore, publisher: any RevocationPublisher,
        issuer: TokenIssuer, graceSeconds: Int64 = 60, state: @escaping @Sendable () -> AuthState
    ) {
        self.throttle = throttle
        self.sessions = sessions
        self.publisher = publisher
        self.issuer = issuer
        let bounds = RefreshService.graceSeconds
        graceMilliseconds = min(max(graceSeconds, bounds.lowerBound), bounds.upperBound) * 1000
        self.state = state
    }

    package func refresh(_ text: String, from origin: RequestOrigin) async -> RefreshReply {
        let before = state()
        let keys = before.keys.refresh
        let token: RefreshToken
        do throws(RefreshTokenError) { token = try RefreshToken(text, keys: keys) } catch {
            return error == .undecidable ? .unavailable : .refused
        }
        if let refusal = await throttled(token, from: origin, in: before) { return refusal }

        let (now, grace) = (before.now, graceMilliseconds)
        let result: RefreshResult
        do throws(StoreError) {
            let expectation = RefreshExpectation(presented: token.counter, graceMilliseconds: grace)
            result = try await sessions.refresh(
                token.sessionID, at: now, from: origin, expecting: expectation
            ) { session in
                RefreshService.decide(session, presented: token, keys: keys, at: now, graceMilliseconds: grace)
            }
        } catch {
            return .unavailable
        }
        switch result {
        case .granted(let session, let user): return answer(session, user, keys: keys, generation: before.generation)
        case .refused(let revocations):
            if !revocations.isEmpty { await publisher.publish(revocations) }
            return .refused
        case .undecidable: return .unavailable
        }
    }

    /// After the tag, so that nobody who has no token of a session uses its rate up; before the store and the signature.
    private func throttled(
        _ token: RefreshToken, from origin: RequestOrigin, in state: AuthState
    ) async -> RefreshReply? {
        guard let address = origin.address else { return nil }
        let keys: [ThrottleKey]
        do throws(OpenSSLError) {
            keys = try state.keys.lookup.refresh(session: token.sessionID, address: address)
        } catch {
            return .unavailable
        }
        guard case .refused(let rule, let wait) = await throttle.reserve(keys, at: state.now) else { return nil }
        return .throttled(by: rule, retryAfterMilliseconds: wait)
    }

    /// A sealed secret that does not open says nothing against the client, unless the session is over anyway.
    private static func decide(
        _ session: StoredSession, presented token: RefreshToken, keys: RefreshKeys, at now: UnixTime,
        graceMilliseconds: Int64
    ) -> RefreshDecision {
        let proof = isProved(token, for: session, keys: keys)
        let decision = RefreshRule.decide(
            session, presented: token.counter, proofIsValid: proof ?? false, at: now,
            graceMilliseconds: graceMilliseconds)
        return proof == nil && decision != .endAsExpired ? .undecidable : decision
    }

    /// Nil when that cannot be told.
    private static func isProved(_ token: RefreshToken, for session: StoredSession, keys: RefreshKeys) -> Bool? {
        guard let secret = SessionSecret.open(session.sealedSecret, for: session.id, keys: keys) else { return nil }
        do throws(OpenSSLError) { return try token.isProved(by: secret) } catch { return nil }
    }

    /// Signs with the newest keys, under the generation from before the store was asked: a newer one may be that of a
    /// revocation which came after, and ended this very session. Reads the secret with the keys that just opened it.
    private func answer(
        _ session: StoredSession, _ user: User, keys: RefreshKeys, generation: Int64
    ) -> RefreshReply {
        guard let secret = SessionSecret.open(session.sealedSecret, for: session.id, keys: keys) else {
            return .unavailable
        }
        do throws(TokenKeyError) {
            return .granted(
                try issuer.tokens(for: session, of: user, secret: secret, in: state().under(generation: generation)))
        } catch {
            return .unavailable
        }
    }
}
