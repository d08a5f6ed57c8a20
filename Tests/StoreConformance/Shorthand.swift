package import Auth

// What most checks do not care about: who asked, and one-time passwords.

extension UserStore {
    package func create(_ user: NewUser) async throws(StoreError) -> Bool { try await register(user, from: .server) }
}

extension UserAdministration {
    /// What verifiers must be told; nil when there is no such user.
    package func setEnabled(
        _ isEnabled: Bool, of id: Identifier, at now: UnixTime
    ) async throws(StoreError) -> [Revocation]? {
        let result = try await update(
            id, UserChange(isEnabled: isEnabled), at: now, as: .localOperator, from: .server)
        return if case .done(let changed) = result { changed.revocations } else { nil }
    }
}

extension SessionStore {
    package func open(
        _ session: StoredSession, maximumPerUser: Int, givingBack attempt: AttemptReservation?
    ) async throws(StoreError) -> SessionOpening {
        try await open(
            session, maximumPerUser: maximumPerUser, givingBack: attempt, usesOneTimePassword: false, generation: 0,
            from: .server)
    }

    package func refresh(
        _ id: Identifier, at now: UnixTime, from origin: RequestOrigin = .server,
        decide: @escaping @Sendable (StoredSession) -> RefreshDecision
    ) async throws(StoreError) -> RefreshResult {
        try await refresh(id, at: now, from: origin, expecting: nil, decide: decide)
    }

    package func end(_ id: Identifier, at now: UnixTime) async throws(StoreError) -> [Revocation] {
        try await end(id, at: now, from: .server)
    }

    package func endAll(of user: Identifier, at now: UnixTime) async throws(StoreError) -> [Revocation] {
        try await endAll(of: user, version: .max, at: now, from: .server)
    }
}

extension RefreshService {
    package func refresh(_ text: String) async -> RefreshReply { await refresh(text, from: .server) }
}

extension LogoutService {
    package func logout(refreshToken text: String) async -> LogoutReply {
        await logout(refreshToken: text, from: .server)
    }

    package func logout(session: Identifier) async -> LogoutReply { await logout(session: session, from: .server) }

    package func logoutAll(user: Identifier) async -> LogoutReply {
        await logoutAll(user: user, version: 1, from: .server)
    }
}
