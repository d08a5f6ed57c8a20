/// What an administrator revokes (design section 5).
package enum RevocationTarget: Sendable, Equatable {
    /// One access token, by `jti`. Whose it is may be unknown.
    case token(Identifier)
    /// A session and its tokens, by `sid`. Also one that ended before.
    case session(Identifier)
    /// All sessions of a user: the version is raised.
    case user(Identifier)
    /// Every session made before this moment ends, and the generation is raised, which kills every access token made
    /// until now. The moment is compared with when sessions were made, never with `iat`.
    case sessionsBefore(UnixTime)
}

/// What a revocation came to.
package struct RevocationOutcome: Sendable, Equatable {
    /// What verifiers must be told.
    package let revocations: [Revocation]
    package let sessionsEnded: Int

    package init(revocations: [Revocation], sessionsEnded: Int) {
        self.revocations = revocations
        self.sessionsEnded = sessionsEnded
    }
}

/// Revocations that administrators order. One transaction, as in `UserAdministration`.
package protocol RevocationAdministration: Sendable {
    /// `notFound` for a user that is not there; a session or a token that is not known is revoked all the same.
    func revoke(
        _ target: RevocationTarget, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<RevocationOutcome>
}
