package import Auth

/// What the revocation feed asks of the only authority: one round trip each, with a deadline of its own.
package protocol FleetPolling: Sendable {
    /// Tells that `node` lives, and reads what committed since `cursor`, however late. Of a cursor of another history it
    /// reads everything in force.
    func poll(
        as node: Identifier, since cursor: RevocationCursor, nodeAddress: String, version: String
    ) async throws(StoreError) -> FleetPoll

    /// Takes `node` off the list of those that live.
    func leave(node: Identifier) async throws(StoreError)
}

extension RevocationCursor {
    /// Of no history: what is read since then is everything in force.
    package static let beginning = RevocationCursor(history: "", transaction: 0)
}

extension PostgresStore: FleetPolling {}
