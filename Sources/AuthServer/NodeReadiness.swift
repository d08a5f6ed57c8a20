import Synchronization

/// Whether this node takes work: false until it can answer everything, and again once it drains; and false as long as its
/// time is none that anything may be dated with.
final class NodeReadiness: Sendable {
    private let flag = Atomic(false)
    private let clock: NodeClock

    init(clock: NodeClock) { self.clock = clock }

    var isReady: Bool { flag.load(ordering: .relaxed) && clock.isTrusted }

    func set(_ isReady: Bool) { flag.store(isReady, ordering: .relaxed) }
}
