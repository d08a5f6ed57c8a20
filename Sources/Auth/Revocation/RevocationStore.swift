/// One thing that verifiers must refuse. Entries are kept until no token they could refuse can still be valid.
package enum Revocation: Sendable, Hashable {
    /// One access token, by `jti`.
    case token(Identifier, until: UnixTime)
    /// A session and all its access tokens, by `sid`.
    case session(Identifier, until: UnixTime)
    /// All tokens of a user with a `ver` below `minimumVersion`.
    case user(Identifier, minimumVersion: Int64, until: UnixTime)
    /// All tokens with a `gen` below this one. Never expires.
    case generation(Int64)
}

/// Revocations as stored. The session and user stores write theirs in the same transaction as the change.
package protocol RevocationStore: Sendable {
    /// Everything still in force at `now`, in one consistent read; complete or an error.
    func load(at now: UnixTime) async throws(StoreError) -> [Revocation]

    /// Stores one revocation of a single token; idempotent.
    func revoke(token: Identifier, until: UnixTime) async throws(StoreError)

    /// Deletes what is out of force at `now`, a bounded number at a time. Returns how many went.
    func prune(at now: UnixTime) async throws(StoreError) -> Int
}
