/// A session as stored: one row, whatever the number of refreshes.
package struct StoredSession: Sendable, Equatable {
    package let id: Identifier
    package let userID: Identifier
    /// The user's version when the session was made or last rotated.
    package var userVersion: Int64
    package let createdAt: UnixTime
    /// Last rotation or creation; the session idle longest ends first when a user has too many.
    package var lastUsedAt: UnixTime
    /// Fixed at creation and never extended by rotation.
    package let idleExpiresAt: UnixTime
    package let absoluteExpiresAt: UnixTime
    /// The counter of the refresh token that is current.
    package var counter: UInt32
    /// When `counter` became current by a rotation; nil until the first.
    package var rotatedAt: UnixTime?
    /// The session's own random secret, sealed under the refresh key it was opened with: proofs are HMACs with it, and
    /// tags are made with the refresh key it names, so that a counter has one token for the session's whole life.
    package let sealedSecret: [UInt8]

    package init(
        id: Identifier, userID: Identifier, userVersion: Int64, createdAt: UnixTime, lastUsedAt: UnixTime,
        idleExpiresAt: UnixTime, absoluteExpiresAt: UnixTime, counter: UInt32, rotatedAt: UnixTime?,
        sealedSecret: [UInt8]
    ) {
        self.id = id
        self.userID = userID
        self.userVersion = userVersion
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.idleExpiresAt = idleExpiresAt
        self.absoluteExpiresAt = absoluteExpiresAt
        self.counter = counter
        self.rotatedAt = rotatedAt
        self.sealedSecret = sealedSecret
    }
}

/// What opening a session came to.
package enum SessionOpening: Sendable, Equatable {
    /// Stored; `revocations` name the sessions that had to end because the user had too many (audited).
    case opened(revocations: [Revocation])
    /// The user was disabled, deleted or changed version since it was read: nothing was stored.
    case userChanged
    /// The one-time password was used up meanwhile: nothing was stored.
    case passwordUsed
}

/// What to do with a session row that was presented a refresh token. Made by `RefreshRule`, carried out by the store.
package enum RefreshDecision: Sendable, Equatable {
    /// Set the counter and the moment of rotation; answer with the token of that counter.
    case rotate(to: UInt32)
    /// A failover lost the commit: the row is behind the token. Set it to the token's counter and the moment of rotation
    /// to now, answer with the token of that counter; audited.
    case adopt(UInt32)
    /// Answer with the token of the current counter again; the row stays as it is.
    case repeatCurrent
    /// A stale or forged token: end the session; audited as reuse.
    case endAsReused
    /// Idle or absolute lifetime is over: end the session quietly.
    case endAsExpired
    /// The proof could not be checked with what is stored (a sealed value that does not open): change nothing, answer 503.
    case undecidable
}

/// What a refresh came to.
package enum RefreshResult: Sendable {
    /// The row after the decision, with the user as read in the same transaction.
    case granted(StoredSession, User)
    /// No such session, the user is gone or disabled or ended it or must choose another password first, or the decision
    /// ended it now; `revocations` are what verifiers must be told.
    case refused(revocations: [Revocation])
    case undecidable
}

/// What the presented token says of itself, for a store that can answer in one round trip: from it and the row follows
/// what `RefreshRule` decides if the proof is good. It proves nothing: `decide` is asked all the same.
package struct RefreshExpectation: Sendable, Equatable {
    /// The token's counter.
    package let presented: UInt32
    package let graceMilliseconds: Int64

    package init(presented: UInt32, graceMilliseconds: Int64) {
        self.presented = presented
        self.graceMilliseconds = graceMilliseconds
    }
}

/// Sessions and their rotation. Every method is one transaction, durable when it returns.
package protocol SessionStore: Sendable {
    /// Stores a session if the user is still enabled with the version it carries; at most `maximumPerUser` stay, the one
    /// idle longest ends. Takes the attempt back in the same transaction, with every other attempt counted for the
    /// same name from the same address or device. With `usesOneTimePassword` the user's one-time password is used up by
    /// it; of parallel callers exactly one is opened then. With a `generation` that is no longer the fleet's, nothing is
    /// stored (`userChanged`): a login in flight must not outlive the end of every session made before it was done.
    func open(
        _ session: StoredSession, maximumPerUser: Int, givingBack attempt: AttemptReservation?,
        usesOneTimePassword: Bool, generation: Int64, from origin: RequestOrigin
    ) async throws(StoreError) -> SessionOpening

    /// Reads the session and its user, asks `decide` and carries the decision out, all in one transaction; parallel
    /// callers are serialised. A session whose user is disabled is refused without asking; so is one whose user has a
    /// one-time password not yet replaced, and it stays: once another password is chosen, it is refreshed like any other.
    /// One whose user has a newer version is asked and, when granted, takes the new version.
    ///
    /// With an expectation a store may carry out at once what it foretells, ask `decide` afterwards, and set right in a
    /// second transaction what was decided otherwise; nothing that cannot be taken back is done unasked. `decide` must
    /// answer by `RefreshRule` then, with the expectation's counter and grace.
    func refresh(
        _ id: Identifier, at now: UnixTime, from origin: RequestOrigin, expecting expectation: RefreshExpectation?,
        decide: @escaping @Sendable (StoredSession) -> RefreshDecision
    ) async throws(StoreError) -> RefreshResult

    /// Ends one session. Idempotent: one that had ended before gives the entry that is still in force for it, so that a
    /// repeat after a lost answer or a commit in doubt is published too. Empty when there is none.
    func end(
        _ id: Identifier, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> [Revocation]

    /// Ends all sessions of a user and raises the version, so that every access token dies with them. When the version is
    /// beyond `version` already and no session is left, nothing changes, and the entry still in force is told again: so
    /// that repeats cost no more than that.
    func endAll(
        of user: Identifier, version: Int64, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> [Revocation]

    func sessions(of user: Identifier) async throws(StoreError) -> [StoredSession]
}
