import Auth

/// Every limit of the embedded store, with its reason.
package struct EmbeddedLimits: Sendable {
    /// Operations that wait for the store's thread. A commit takes milliseconds on a disk that is not an SSD and serves
    /// up to `batch` of them, so that a full queue is about a second of work.
    package var waiting = 1024
    /// Operations in one transaction: one fsync for all; small enough that the first does not wait long for the last.
    package var batch = 64
    /// How long an operation may wait for its turn before it is answered "unavailable".
    package var waitMilliseconds: Int64 = 2000
    /// Accounts: about 300 bytes each. Made for one small node.
    package var users = 1_000_000
    /// Counted attempts: about 200 bytes each. 115 hashes a second for 24 hours, more than one small node computes.
    package var attempts: Int64 = 10_000_000
    /// Keys of all rings together.
    package var keys = 256
    /// Audit entries kept, about 300 bytes each with their indexes: eleven thousand a day for the 90 days they are kept,
    /// more than the people of one small node cause.
    package var auditEntries: Int64 = 1_000_000
    /// Refusals (`AuditEvent.Kind.refusal`) kept beside those: each took a hash or a good token, so that a quiet node has
    /// its 90 days, and one under attack the last half hour of what it can hash.
    package var refusedAuditEntries: Int64 = 200_000
    /// Entries of the throttle (`AuditEvent.Kind.throttled`) kept beside those: next to nothing for their sender, so that
    /// a flood of them is cut here. A minute of one is as telling as an hour.
    package var throttledAuditEntries: Int64 = 50_000
    /// Rows of one page, whatever is asked for: a few milliseconds of the store's thread.
    package var page = 1000
    /// Rows that one pruning deletes: a few milliseconds of the store's thread.
    package var pruned = 1000
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
}
