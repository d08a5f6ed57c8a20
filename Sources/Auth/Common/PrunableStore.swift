/// What a store lets go of over time. Each call deletes a bounded number and returns how many went: a caller with much to
/// delete calls again.
package protocol PrunableStore: Sendable {
    /// Deletes attempts counted at `end` or before, which no window holds any more.
    func pruneAttempts(countedUntil end: UnixTime) async throws(StoreError) -> Int

    /// Deletes sessions whose idle or absolute lifetime is over at `now`. No revocation is written: their access tokens
    /// end by themselves.
    func pruneSessions(at now: UnixTime) async throws(StoreError) -> Int
}
