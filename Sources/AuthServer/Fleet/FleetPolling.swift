package import Auth

/// How far a node has read the table of revocations: what an earlier read had not seen has this transaction number or a
/// higher one (`pg_snapshot_xmin`), however late it committed.
package struct RevocationCursor: Sendable, Hashable {
    package let transaction: Int64

    package init(transaction: Int64) { self.transaction = transaction }

    /// Of a poll that wants no revocations.
    package static let end = RevocationCursor(transaction: .max)
}

/// Everything in force, and where to go on from: one consistent read.
package struct FleetSnapshot: Sendable {
    package let revocations: [Revocation]
    package let cursor: RevocationCursor

    package init(revocations: [Revocation], cursor: RevocationCursor) {
        self.revocations = revocations
        self.cursor = cursor
    }
}

/// What a node learns from the database each second.
package struct FleetPoll: Sendable {
    /// Everything that committed since the read which gave the cursor; some of what that read had seen, too.
    package let revocations: [Revocation]
    package let cursor: RevocationCursor
    /// Raised by every change of the key rings.
    package let keysVersion: Int64
    /// When the database answered, by its own clock.
    package let databaseTime: UnixTime
    /// Nodes that polled within the last ten seconds, this one included.
    package let liveNodes: [Identifier]

    package init(
        revocations: [Revocation], cursor: RevocationCursor, keysVersion: Int64, databaseTime: UnixTime,
        liveNodes: [Identifier]
    ) {
        self.revocations = revocations
        self.cursor = cursor
        self.keysVersion = keysVersion
        self.databaseTime = databaseTime
        self.liveNodes = liveNodes
    }
}

/// What the revocation feed asks of the only authority. Each method is one round trip with a deadline of its own.
package protocol FleetPolling: Sendable {
    /// Everything in force at `now`, complete or an error.
    func snapshot(at now: UnixTime) async throws(StoreError) -> FleetSnapshot

    /// Tells that `node` lives and reads what committed since `cursor`. `address` and `version` are for operators.
    func poll(
        as node: Identifier, since cursor: RevocationCursor, nodeAddress address: String, version: String
    ) async throws(StoreError) -> FleetPoll

    /// Takes `node` off the list of those that live.
    func leave(node: Identifier) async throws(StoreError)
}
