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

    /// What another node published, or what the store says. What is known already makes no new set, which would have
    /// every cached token checked anew; it is waited for all the same, since another call may still be handing it to the
    /// loops.
    func apply(_ revocations: [Revocation]) async {
        await replace { set in
            let news = revocations.filter { !set.covers($0) }
            return news.isEmpty ? set : set.applying(news)
        }
    }

    /// Forgets what is out of force, here and in the store, and makes room when there are too many entries.
    /// - Parameter mayCollapse: whether this node is the one that makes room. All of a fleet have the same entries; each
    ///   would raise the same versions once more.
    func maintain(at now: UnixTime, mayCollapse: Bool = true) async throws(StoreError) {
        try await Pruning.repeated { () throws(StoreError) in try await store.prune(at: now) }
        await replace { $0.expired(at: now) }
        let before = snapshot
        guard mayCollapse else {
            // What another node had collapsed in the store still takes room here.
            if before.isOverfull {
                let stored = try await store.load(at: now)
                await replace { $0.reduced(to: stored, of: before) }
            }
            return
        }
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
