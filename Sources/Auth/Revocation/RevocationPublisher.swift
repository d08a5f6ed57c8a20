/// Carries revocations that a store committed to everything that verifies on this node, and on to the others.
package protocol RevocationPublisher: Sendable {
    /// Returns when every loop of this node refuses what `revocations` name: the reply to the client waits for it.
    func publish(_ revocations: [Revocation]) async
}
