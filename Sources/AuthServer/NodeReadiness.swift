import Synchronization

/// Whether this node takes work: false until it can answer everything, and again once it drains.
final class NodeReadiness: Sendable {
    private let flag = Atomic(false)

    var isReady: Bool { flag.load(ordering: .relaxed) }

    func set(_ isReady: Bool) { flag.store(isReady, ordering: .relaxed) }
}
