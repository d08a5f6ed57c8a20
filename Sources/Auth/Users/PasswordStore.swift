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

    package init(
        user: Identifier, version: Int64, session: Identifier, oldHash: String, newHash: String,
        attempt: AttemptReservation?
    ) {
        self.user = user
        self.version = version
        self.session = session
        self.oldHash = oldHash
        self.newHash = newHash
        self.attempt = attempt
    }
}

/// What a change of password came to.
package enum PasswordChangeResult: Sendable, Equatable {
    /// The session goes on, rotated by one and with the user's new version.
    case changed(StoredSession, User, revocations: [Revocation])
    /// Another change came first, or the session or account is gone or of another version: nothing changed.
    case stale
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
