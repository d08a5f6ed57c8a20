import Auth

/// Every limit of the stores in Postgres, with its reason.
package struct PostgresLimits: Sendable {
    /// Accounts: about 300 bytes each. Held against the planner's estimate, for counting them takes longer with each.
    package var users: Int64 = 50_000_000
    /// Counted attempts: about 250 bytes each. 580 hashes a second for 24 hours, some fifty cores' worth. Held against the
    /// planner's estimate; past it logins are answered "unavailable", for forgetting an attempt would grant a guess too
    /// many.
    package var attempts: Int64 = 50_000_000
    /// Keys of all rings together.
    package var keys = 256
    /// Audit entries kept, about 400 bytes each with their indexes: a hundred thousand a day for the 90 days they are kept.
    package var auditEntries: Int64 = 10_000_000
    /// Refusals (`AuditEvent.Kind.refusal`) kept beside those: each took a hash or a good token.
    package var refusedAuditEntries: Int64 = 1_000_000
    /// Entries of the throttle (`AuditEvent.Kind.throttled`) kept beside those: next to nothing for their sender.
    package var throttledAuditEntries: Int64 = 100_000
    /// Rows of one page, whatever is asked for: a few milliseconds of a connection.
    package var page = 1000
    /// Rows that one pruning deletes: a few milliseconds of a connection, well within the time a statement may take.
    package var pruned = 1000
    /// Revocations that one statement reads; a whole set is read in pages of it. About 50 ms of a connection.
    package var revocationPage = 20_000
    /// Sessions that the end of all sessions before an instant counts; what is beyond ends too, and is told as this many.
    /// Counting must not take longer than a statement may.
    package var countedSessions: Int64 = 100_000
    package var revocationMilliseconds = RevocationRetention.milliseconds

    package init() {}

    /// Entries of one kind that the audit keeps.
    func auditEntries(_ kind: AuditEvent.Kind) -> Int64 {
        switch kind {
        case .change: auditEntries
        case .refusal: refusedAuditEntries
        case .throttled: throttledAuditEntries
        }
    }

    /// Until when a revocation made at `now` is kept.
    func revocationEnd(at now: UnixTime) -> UnixTime { now.adding(milliseconds: revocationMilliseconds) }
}
