import Reactor
import Synchronization

/// Whether balancers ask this node if it is ready, and how often they have heard that it is not any more: a node that
/// ends serves on until nobody sends it new work. Counts over all who ask, on any port and thread.
final class BalancerWatch: Sendable {
    /// Who last asked longer ago is no balancer that watches: none asks less often than it would notice a dead node.
    private static let memoryMilliseconds: Int64 = 30_000

    /// Nanoseconds; zero: nobody ever asked.
    private let lastProbe = Atomic<UInt64>(0)
    private let refusalsInARow = Atomic(0)

    /// `/readyz` is being answered; `isReady` says whether this node takes work at all.
    func asked(isReady: Bool) {
        lastProbe.store(MonotonicTime.now.nanoseconds, ordering: .relaxed)
        if isReady {
            refusalsInARow.store(0, ordering: .relaxed)
        } else {
            refusalsInARow.add(1, ordering: .relaxed)
        }
    }

    /// Whether anybody would notice that this node is not ready.
    func isWatched(at now: MonotonicTime) -> Bool {
        let last = lastProbe.load(ordering: .relaxed)
        if last == 0 { return false }
        return now < MonotonicTime(nanoseconds: last).adding(milliseconds: BalancerWatch.memoryMilliseconds)
    }

    /// Answers in a row that this node takes no work.
    var refusals: Int { refusalsInARow.load(ordering: .relaxed) }
}
