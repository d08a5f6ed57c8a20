import Auth

/// Who makes a change, when and from where: what the audit says of each.
struct Cause: Sendable {
    let actor: AuditActor
    let origin: RequestOrigin
    let at: UnixTime
}

extension Transaction {
    /// Writes one entry, in the transaction of what it tells.
    func audit(
        _ event: AuditEvent, _ cause: Cause, user: Identifier? = nil, session: Identifier? = nil, detail: String? = nil
    ) throws {
        try audit(
            AuditEntry(
                at: cause.at, event: event, actor: cause.actor, origin: cause.origin, user: user, session: session,
                detail: detail))
    }

    /// Adds an entry and drops the oldest of its kind past the limit.
    func audit(_ entry: AuditEntry) throws {
        let kind = entry.event.kind
        let (actor, actorID) = entry.actor.columns
        let added = try row(
            """
            INSERT INTO audit (at, event, kind, number, actor, actor_id, address, request_id, user_id, session_id,
            detail)
            SELECT ?, ?, ?, (SELECT ifnull(max(number), 0) + 1 FROM audit WHERE kind = ?), ?, ?, ?, ?, ?, ?, ?
            RETURNING number
            """,
            entry.at.milliseconds, entry.event.rawValue, kind.rawValue, kind.rawValue, actor, actorID?.blob,
            entry.origin.address?.description, entry.origin.requestID, entry.user?.blob, entry.session?.blob,
            entry.detail)
        guard let added else { throw StoreError.damaged("an entry of the audit was not taken") }
        let surplus = try added.integer(0) - limits.auditEntries(kind)
        guard surplus > 0 else { return }
        try run("DELETE FROM audit WHERE kind = ? AND number <= ?", kind.rawValue, surplus)
    }
}

extension EmbeddedStore {
    /// What `auditEntry(of:)` reads, in its order.
    static let auditColumns = "id, at, event, actor, actor_id, address, request_id, user_id, session_id, detail"

    static func auditEntry(of row: StoredRow) throws(StoreError) -> StoredAuditEntry {
        guard let event = AuditEvent(rawValue: try row.text(2)) else { throw .damaged("an event of the audit is none") }
        guard let actor = AuditActor(kind: try row.integer(3), id: try row.optionalIdentifier(4)) else {
            throw .damaged("an actor of the audit is of no known kind")
        }
        var address: ClientAddress?
        if let text = try row.optionalText(5) {
            guard let parsed = ClientAddress(text) else { throw .damaged("an address of the audit is none") }
            address = parsed
        }
        let entry = AuditEntry(
            at: try row.time(1), event: event, actor: actor,
            origin: RequestOrigin(address: address, requestID: try row.optionalText(6)),
            user: try row.optionalIdentifier(7), session: try row.optionalIdentifier(8), detail: try row.optionalText(9)
        )
        return StoredAuditEntry(id: try row.integer(0), entry: entry)
    }
}
