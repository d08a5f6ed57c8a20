import JWT

/// One thing that verifiers must refuse. Entries are kept until no token they could refuse can still be valid.
package enum Revocation: Sendable, Hashable {
    /// One access token, by `jti`. `user` is whose it is (`sub`), so that entries of one user can collapse; nil when that is
    /// unknown: only the fleet's generation can take the entry's place then.
    case token(Identifier, user: Identifier?, until: UnixTime)
    /// A session of `user` and all its access tokens, by `sid`; `user` as above.
    case session(Identifier, user: Identifier?, until: UnixTime)
    /// All tokens of a user with a `ver` below `minimumVersion`.
    case user(Identifier, minimumVersion: Int64, until: UnixTime)
    /// All tokens with a `gen` below this one. Never expires.
    case generation(Int64)
}

/// How to make room when there are too many entries, without dropping one. Access tokens die, sessions live: clients
/// refresh and go on.
package enum RevocationCollapse: Sendable, Equatable {
    /// Each user's version is raised by one; that one entry stands for all entries of its tokens and sessions.
    case users([Identifier])
    /// The fleet's generation is raised by one; it stands for every other entry.
    case everything
}

/// How long a revocation is kept: no token that it refuses can still be good then.
package enum RevocationRetention {
    /// The longest life of an access token (an hour), its leeway (30 s) and ten minutes.
    package static let milliseconds =
        (TokenIssuer.maximumSeconds + TokenLimits.leewaySeconds.upperBound + 600) * 1000
}

/// Revocations as stored. The session and user stores write theirs in the same transaction as the change.
package protocol RevocationStore: Sendable {
    /// Everything still in force at `now`, in one consistent read; complete or an error.
    func load(at now: UnixTime) async throws(StoreError) -> [Revocation]

    /// Stores one revocation of a single token of `user`; idempotent.
    func revoke(token: Identifier, of user: Identifier, until: UnixTime) async throws(StoreError)

    /// Carries a collapse out in one transaction: raises the versions (sessions take the new one at their next refresh)
    /// or the generation, deletes the entries that are covered by it, and returns what verifiers must be told. The entry of
    /// a user who is gone refuses every version: no token of that user can be good again.
    func collapse(_ collapse: RevocationCollapse, at now: UnixTime) async throws(StoreError) -> [Revocation]

    /// Deletes what is out of force at `now`, a bounded number at a time. Returns how many went.
    func prune(at now: UnixTime) async throws(StoreError) -> Int
}
