/// What the embedded store did since it was opened: for metrics, and for tests that count instead of timing.
package struct StoreStatistics: Sendable, Equatable {
    /// Operations that were carried out or failed on their own, each answered after its transaction's commit.
    package var operations = 0
    /// SQL statements that operations ran.
    package var statements = 0
    /// Commits that had something to write, and so an fsync each; one may serve many operations.
    package var commits = 0
    /// Operations turned away because the queue was full, the wait too long or the store closed.
    package var refused = 0
    /// The most operations that one transaction served.
    package var largestBatch = 0
    /// Operations that wait now.
    package var waiting = 0
    /// A write did not reach the disk and what the disk holds is unknown: every operation is refused until a restart,
    /// which reads it again.
    package var hasFailed = false
    /// The last change did not reach the disk (full, over quota), and none has since: reads may still be answered.
    package var isWriteFailing = false

    package init() {}
}
