/// What a logout came to.
package enum LogoutReply: Sendable, Equatable {
    /// The session is over, now or before: 204.
    case done
    /// The refresh token is none of ours: 401.
    case refused
    /// 503, and repeating is safe.
    case unavailable
}

/// Ends sessions. When it answers `done`, every loop of this node refuses their access tokens.
package struct LogoutService: Sendable {
    private let sessions: any SessionStore
    private let publisher: any RevocationPublisher
    private let state: @Sendable () -> AuthState

    package init(
        sessions: any SessionStore, publisher: any RevocationPublisher, state: @escaping @Sendable () -> AuthState
    ) {
        self.sessions = sessions
        self.publisher = publisher
        self.state = state
    }

    /// Ends the session a refresh token names. A former token of the session does as well: whoever holds one may only
    /// end what it was for.
    package func logout(refreshToken text: String, from origin: RequestOrigin) async -> LogoutReply {
        let token: RefreshToken
        do throws(RefreshTokenError) { token = try RefreshToken(text, keys: state().keys.refresh) } catch {
            return error == .undecidable ? .unavailable : .refused
        }
        return await logout(session: token.sessionID, from: origin)
    }

    /// Ends the session of an access token that was found good.
    package func logout(session: Identifier, from origin: RequestOrigin) async -> LogoutReply {
        let now = state().now
        return await end { () async throws(StoreError) in try await sessions.end(session, at: now, from: origin) }
    }

    /// Ends every session of a user, in the name of an access token of `version`.
    package func logoutAll(user: Identifier, version: Int64, from origin: RequestOrigin) async -> LogoutReply {
        let now = state().now
        return await end { () async throws(StoreError) in
            try await sessions.endAll(of: user, version: version, at: now, from: origin)
        }
    }

    private func end(_ body: () async throws(StoreError) -> [Revocation]) async -> LogoutReply {
        let revocations: [Revocation]
        do throws(StoreError) { revocations = try await body() } catch { return .unavailable }
        if !revocations.isEmpty { await publisher.publish(revocations) }
        return .done
    }
}
