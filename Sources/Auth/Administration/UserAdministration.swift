/// What changes at an account; nil stays as it is.
package struct UserChange: Sendable, Equatable {
    package var roles: [Role]?
    package var isEnabled: Bool?

    package init(roles: [Role]? = nil, isEnabled: Bool? = nil) {
        self.roles = roles
        self.isEnabled = isEnabled
    }
}

/// An account after a change, with what verifiers must be told.
package struct ChangedUser: Sendable, Equatable {
    package let user: User
    package let revocations: [Revocation]

    package init(user: User, revocations: [Revocation]) {
        self.user = user
        self.revocations = revocations
    }
}

/// Which users a page is of.
package struct UserFilter: Sendable, Equatable {
    /// Exactly this name.
    package var username: Username?

    package init(username: Username? = nil) { self.username = username }
}

/// What administrators do with accounts. Every method is one transaction, durable when it returns, in which the
/// authority is checked first and the audit is written; a refused authority changes nothing but the audit.
package protocol UserAdministration: Sendable {
    /// In the order of ids, at most `limit`, those above `after`.
    func users(
        _ filter: UserFilter, after: Identifier?, limit: Int, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<Page<User, Identifier>>

    func user(
        _ id: Identifier, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<User>

    func create(
        _ user: NewUser, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<User>

    /// Other roles raise the version, sessions live on. Disabling raises the version and ends the sessions; enabling
    /// lowers nothing. What is already so changes nothing, and the entry that is still in force for the user is told
    /// again, for a repeat after a lost answer. Never takes the last enabled administrator away.
    func update(
        _ id: Identifier, _ change: UserChange, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<ChangedUser>

    /// Deletes the account with its sessions. Its id is never given again, its name is free; its tokens are revoked. What
    /// was counted under its name stays until the window is over. Never the last enabled administrator.
    func delete(
        _ id: Identifier, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<[Revocation]>

    /// Sets another password: raises the version and ends every session.
    func resetPassword(
        of id: Identifier, to password: StoredPassword, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<[Revocation]>

    /// Forgets every attempt counted under `nameKey`, which is the user's name's.
    func unlock(
        _ id: Identifier, nameKey: [UInt8], at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<User>

    /// How many attempts of unknown devices are counted under `nameKey` after `start`, the user's own name's.
    func attempts(
        of id: Identifier, nameKey: [UInt8], since start: UnixTime, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<Int>

    func sessions(
        of user: Identifier, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<[StoredSession]>
}
