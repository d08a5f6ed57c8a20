/// What the audit tells of. Raw values are stable: they are stored, and clients filter by them.
package enum AuditEvent: String, Sendable, CaseIterable {
    case loginSucceeded = "login.succeeded"
    /// Unknown name, wrong password, disabled or locked: the audit does not tell either which name was tried unless it is
    /// an account's.
    case loginFailed = "login.failed"
    case loginThrottled = "login.throttled"
    case refreshTokenReused = "refresh.reused"
    /// A failover lost a commit, and the session took the counter of its client.
    case refreshTokenAdopted = "refresh.adopted"
    case sessionEnded = "session.ended"
    /// The session idle longest made room for a new one.
    case sessionLimitReached = "session.limit_reached"
    /// All sessions of one user.
    case userSessionsEnded = "user.sessions_ended"
    case registrationThrottled = "registration.throttled"
    case userRegistered = "user.registered"
    case userCreated = "user.created"
    case userEnabled = "user.enabled"
    case userDisabled = "user.disabled"
    case userRolesChanged = "user.roles_changed"
    case userDeleted = "user.deleted"
    case userUnlocked = "user.unlocked"
    case passwordChanged = "password.changed"
    /// The old password was wrong.
    case passwordChangeFailed = "password.change_failed"
    /// By an administrator.
    case passwordReset = "password.reset"
    case tokenRevoked = "token.revoked"
    /// Every session made before an instant.
    case sessionsRevoked = "sessions.revoked"
    case keyRotated = "key.rotated"
    case keyCompromised = "key.compromised"
    case keysResealed = "keys.resealed"
    /// Somebody without the right asked for what is an administrator's, or an administrator for what would leave none.
    case administrationRefused = "administration.refused"
    /// A page of another site sent a request that rests on the cookie.
    case requestCrossSite = "request.cross_site"
    /// Entries that were too many to be kept; `detail` says how many.
    case auditOverflowed = "audit.overflowed"

    /// What it is bounded with: a flood of one kind pushes nothing of another out. Raw values are stored.
    package enum Kind: Int64, Sendable, CaseIterable {
        /// Something is otherwise than before.
        case change = 0
        /// What anybody on the network causes, but not for nothing: a password was compared, or a token was good.
        case refusal = 1
        /// What costs its sender next to nothing.
        case throttled = 2
    }

    package var kind: Kind {
        switch self {
        case .loginFailed, .passwordChangeFailed, .administrationRefused: .refusal
        // A flood of the cheap ones is what overflows the queue, several times a second.
        case .loginThrottled, .registrationThrottled, .requestCrossSite, .auditOverflowed: .throttled
        default: .change
        }
    }
}

/// Who did it.
package enum AuditActor: Sendable, Equatable {
    /// Nobody who is known.
    case anonymous
    case user(Identifier)
    /// The machine's owner at the command line.
    case localOperator
    case server
}
