import Reactor

/// Who asks this node if it is ready, and how often each has heard that it is not any more: a node that ends serves on
/// until nobody sends it new work. From any port and thread.
///
/// By address: `/readyz` of the main port is open to all, and whoever asks often must not speak for a balancer that has
/// not asked yet. Strangers can make an end take as long as it may, never shorter.
final class BalancerWatch: Sendable {
    /// Who last asked longer ago is no balancer that watches: none asks less often than it would notice a dead node.
    private static let memoryMilliseconds: Int64 = 30_000
    /// Askers told apart. With more of them at a time nobody knows who has noticed, and all are waited for.
    private static let limit = 32

    private struct Asker {
        let high: UInt64
        let low: UInt64
        var forgottenAt: MonotonicTime
        /// In a row.
        var refusals = 0
    }

    private struct State {
        var askers: [Asker] = []
        /// Until then there are askers that found no place.
        var crowdedUntil = MonotonicTime(nanoseconds: 0)
    }

    private let state = Lock(State())

    /// `/readyz` is being answered to `client`; `isReady` says whether this node takes work at all.
    func asked(by client: SocketAddress, isReady: Bool, at now: MonotonicTime = .now) {
        let (high, low) = client.halves
        let forgottenAt = now.adding(milliseconds: BalancerWatch.memoryMilliseconds)
        state.withLock { state in
            if let index = state.askers.firstIndex(where: { $0.high == high && $0.low == low }) {
                state.askers[index].forgottenAt = forgottenAt
                state.askers[index].refusals = isReady ? 0 : state.askers[index].refusals + 1
                return
            }
            state.askers.removeAll { $0.forgottenAt <= now }
            guard state.askers.count < BalancerWatch.limit else { return state.crowdedUntil = forgottenAt }
            state.askers.append(
                Asker(high: high, low: low, forgottenAt: forgottenAt, refusals: isReady ? 0 : 1))
        }
    }

    /// Whether there is nobody who has still to hear, `times` in a row, that this node takes no work.
    func hasBeenHeard(times: Int, at now: MonotonicTime = .now) -> Bool {
        state.withLock { state in
            state.crowdedUntil <= now && state.askers.allSatisfy { $0.forgottenAt <= now || $0.refusals >= times }
        }
    }
}
