/// A user's change of its own password.
package struct PasswordChange: Sendable, Equatable {
    package let user: Identifier
    /// The version and the session of the access token that asks.
    package let version: Int64
    package let session: Identifier
    /// The hash that the old password was compared with.
    package let oldHash: String
    package let newHash: String
    /// The attempt that the comparison was counted as; given back as a login's is.
    package let attempt: AttemptReservation?
    /// A session that was rotated less than this ago keeps its counter: at most one rotation in a grace.
    package let graceMilliseconds: Int64

    package init(
        user: Identifier, version: Int64, session: Identifier, oldHash: String, newHash: String,
        attempt: AttemptReservation?, graceMilliseconds: Int64
    ) {
        self.user = user
        self.version = version
        self.session = session
        self.oldHash = oldHash
        self.newHash = newHash
        self.attempt = attempt
        self.graceMilliseconds = graceMilliseconds
    }
}

/// What a change of password came to.
package enum PasswordChangeResult: Sendable, Equatable {
    /// The session goes on with the user's new version, rotated as a refresh would rotate it.
    case changed(StoredSession, User, revocations: [Revocation])
    /// Another change of the password came first: nothing changed.
    case stale
    /// The session or account is over, or of another version: nothing changed.
    case gone
}

/// Passwords that users change themselves.
package protocol PasswordStore: Sendable {
    /// One transaction, durable when it returns: replaces the hash (an ordinary password from now on), raises the
    /// version, ends every other session, and rotates the session that asked. Of parallel callers with one `oldHash`
    /// exactly one is not stale.
    func changePassword(
        _ change: PasswordChange, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> PasswordChangeResult
}
