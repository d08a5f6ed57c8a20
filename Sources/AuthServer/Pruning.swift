import Auth

/// Deleting what is over, in steps that each are a short transaction, so that others get their turn between them.
enum Pruning {
    /// Steps of one round. With a thousand rows a step and a round a minute this is beyond what a node can add in that
    /// time: hashes, logouts and refreshes are a few hundred a second.
    static let maximumSteps = 60

    /// Repeats `step`, which returns how many rows went, until none go or the round is over.
    static func repeated(_ step: () async throws(StoreError) -> Int) async throws(StoreError) {
        for _ in 0..<maximumSteps {
            if try await step() == 0 { return }
        }
    }
}
