/// One line of the audit. It holds no password, no token and no key, and no name that is not an account's.
package struct AuditEntry: Sendable, Equatable {
    package let at: UnixTime
    package let event: AuditEvent
    package let actor: AuditActor
    package let origin: RequestOrigin
    /// The account and the session it happened to.
    package let user: Identifier?
    package let session: Identifier?
    /// At most `maximumDetailBytes`, made by the server: role names, a key's id, a count.
    package let detail: String?

    package static let maximumDetailBytes = 2300

    package init(
        at: UnixTime, event: AuditEvent, actor: AuditActor, origin: RequestOrigin, user: Identifier? = nil,
        session: Identifier? = nil, detail: String? = nil
    ) {
        self.at = at
        self.event = event
        self.actor = actor
        self.origin = origin
        self.user = user
        self.session = session
        self.detail = detail
    }
}

/// An entry as stored. `id` grows with each entry.
package struct StoredAuditEntry: Sendable, Equatable {
    package let id: Int64
    package let entry: AuditEntry

    package init(id: Int64, entry: AuditEntry) {
        self.id = id
        self.entry = entry
    }
}

/// Which entries are wanted; nil wants all.
package struct AuditFilter: Sendable, Equatable {
    package var event: AuditEvent?
    /// Happened to this account, or was done by it.
    package var user: Identifier?
    package var since: UnixTime?
    /// That moment itself is no longer wanted.
    package var until: UnixTime?

    package init(
        event: AuditEvent? = nil, user: Identifier? = nil, since: UnixTime? = nil, until: UnixTime? = nil
    ) {
        self.event = event
        self.user = user
        self.since = since
        self.until = until
    }
}

/// Everything that administrators ask a store for.
package typealias AdministrationStore = UserAdministration & RevocationAdministration & AuditStore

/// The audit. Changes write their own entries in the transaction of the change; what changes nothing (a failed login)
/// comes here in batches, from a queue that makes no login wait.
package protocol AuditStore: Sendable {
    func append(_ entries: [AuditEntry]) async throws(StoreError)

    /// The newest entries with an id below `before` (nil: the newest of all), newest first, at most `limit`.
    func auditEntries(
        _ filter: AuditFilter, before: Int64?, limit: Int, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<Page<StoredAuditEntry, Int64>>

    /// The oldest entries with an id above `after`, oldest first, at most `limit`: for who follows the audit.
    func auditEntries(
        _ filter: AuditFilter, after: Int64, limit: Int, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<Page<StoredAuditEntry, Int64>>

    /// Deletes entries older than `end`, a bounded number. Returns how many went.
    func pruneAudit(olderThan end: UnixTime) async throws(StoreError) -> Int
}
