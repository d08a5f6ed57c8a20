import Auth
import Reactor

/// Keeps the node's revocation set and hands each new snapshot to every loop.
final class RevocationHub: RevocationPublisher {
    private let store: any RevocationStore
    private let group: EventLoopGroup
    private let current: Lock<RevocationSet>
    /// Takes a snapshot on a loop; older ones than it has are ignored there.
    private let deliver: @Sendable (Int, RevocationSet) -> Void

    init(
        store: any RevocationStore, group: EventLoopGroup, initial: RevocationSet,
        deliver: @escaping @Sendable (Int, RevocationSet) -> Void
    ) {
        self.store = store
        self.group = group
        current = Lock(initial)
        self.deliver = deliver
    }

    var snapshot: RevocationSet { current.withLock { $0 } }

    func publish(_ revocations: [Revocation]) async {
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
    }

    private func replace(_ change: (RevocationSet) -> RevocationSet) async {
        let set = current.withLock { current in
            current = change(current)
            return current
        }
        await group.runOnAll { [deliver] index in deliver(index, set) }
    }
}
