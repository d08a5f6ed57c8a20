import Reactor

/// A look at the stored key ring for a token whose key is not in it, since another node may have made that key. At most
/// one a second, whatever comes in; who asks meanwhile shares it.
final class KeyLook: Sendable {
    private struct State {
        var endedAt: MonotonicTime?
        var wasAnswered = false
        var isLooking = false
        /// No more than there are connections.
        var waiting: [CheckedContinuation<Bool, Never>] = []
    }

    private enum Turn {
        case known(Bool)
        case mine
        case another
    }

    private static let intervalNanoseconds: UInt64 = 1_000_000_000

    private let state = Lock(State())
    private let reload: @Sendable () async -> Bool
    private let time: @Sendable () -> MonotonicTime

    /// `reload` reads the ring and hands it to every loop; false when the store did not answer.
    init(
        time: @escaping @Sendable () -> MonotonicTime = { .now }, _ reload: @escaping @Sendable () async -> Bool
    ) {
        self.time = time
        self.reload = reload
    }

    /// Whether the ring at hand is that of the last second: then a key it lacks is nobody's. False: that cannot be said.
    func look() async -> Bool {
        switch takeTurn() {
        case .known(let wasAnswered): return wasAnswered
        case .mine:
            let wasAnswered = await reload()
            end(wasAnswered)
            return wasAnswered
        case .another: return await withCheckedContinuation { wait($0) }
        }
    }

    private func takeTurn() -> Turn {
        let now = time()
        return state.withLock { state in
            if let endedAt = state.endedAt, now.nanoseconds(since: endedAt) < KeyLook.intervalNanoseconds {
                return .known(state.wasAnswered)
            }
            if state.isLooking { return .another }
            state.isLooking = true
            return .mine
        }
    }

    private func end(_ wasAnswered: Bool) {
        let now = time()
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            state.isLooking = false
            state.endedAt = now
            state.wasAnswered = wasAnswered
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: wasAnswered) }
    }

    private func wait(_ continuation: CheckedContinuation<Bool, Never>) {
        let ended: Bool? = state.withLock { state in
            guard state.isLooking else { return state.wasAnswered }
            state.waiting.append(continuation)
            return nil
        }
        if let ended { continuation.resume(returning: ended) }
    }
}
