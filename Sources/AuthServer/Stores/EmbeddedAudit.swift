import Auth

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
