import Auth
import Reactor

/// Keeps the node's revocation set and hands each new snapshot to every loop; in a fleet, what happened here goes on to
/// the other nodes, too.
final class RevocationHub: RevocationPublisher {
    private let store: any RevocationStore
    private let group: EventLoopGroup
    private let current: Lock<RevocationSet>
    /// Takes a snapshot on a loop; older ones than it has are ignored there.
    private let deliver: @Sendable (Int, RevocationSet) -> Void
    /// The way to the other nodes; nil where there are none.
    private let others: (any RevocationPublisher)?

    init(
        store: any RevocationStore, group: EventLoopGroup, initial: RevocationSet,
        others: (any RevocationPublisher)? = nil, deliver: @escaping @Sendable (Int, RevocationSet) -> Void
    ) {
        self.store = store
        self.group = group
        self.others = others
        current = Lock(initial)
        self.deliver = deliver
    }

    var snapshot: RevocationSet { current.withLock { $0 } }

    func publish(_ revocations: [Revocation]) async {
        await apply(revocations)
        await others?.publish(revocations)
    }

    /// What another node published, or what the store says.
    func apply(_ revocations: [Revocation]) async {
        await replace { $0.applying(revocations) }
    }

    /// Forgets what is out of force, here and in the store, and makes room when there are too many entries.
    func maintain(at now: UnixTime) async throws(StoreError) {
        try await Pruning.repeated { () throws(StoreError) in try await store.prune(at: now) }
        await replace { $0.expired(at: now) }
        let before = snapshot
        guard let collapse = before.wantedCollapse() else { return }
        let revocations = try await store.collapse(collapse, at: now)
        await replace { $0.collapsed(collapse, of: before, to: revocations) }
        await others?.publish(revocations)
    }

    private func replace(_ change: (RevocationSet) -> RevocationSet) async {
        let set = current.withLock { current in
            current = change(current)
            return current
        }
        await group.runOnAll { [deliver] index in deliver(index, set) }
    }
}
