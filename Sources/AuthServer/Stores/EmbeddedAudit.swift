import Auth

/// What the store writes down beside a change, in the same transaction.
enum AuditEvent: String {
    case refreshTokenReused = "refresh_token_reused"
    case refreshTokenAdopted = "refresh_token_adopted"
    case sessionLimitReached = "session_limit_reached"
    case userDisabled = "user_disabled"
    case userEnabled = "user_enabled"
}

extension Transaction {
    /// Adds an entry and drops the oldest past the limit.
    func audit(
        _ event: AuditEvent, user: Identifier, session: Identifier? = nil, at now: UnixTime, _ limits: EmbeddedLimits
    ) throws {
        try run(
            "INSERT INTO audit (at, event, user_id, session_id) VALUES (?, ?, ?, ?)",
            now.milliseconds, event.rawValue, user.blob, session?.blob)
        try run("DELETE FROM audit WHERE id <= ?", lastInsertedID - limits.auditEntries)
    }
}
