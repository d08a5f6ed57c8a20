import Auth
import Reactor
import Synchronization

/// What the loops of one node know of the fleet's throttle without asking Redis: counters that decide when it is away,
/// limits of a node's own loops, and what was refused a moment ago. The lock is held for a few look-ups.
final class NodeCounters: Sendable {
    private struct State {
        var table: ThrottleTable
        var refusals = RefusalMemory()
    }

    private let state: Lock<State>
    private let decidedAlone = Atomic<UInt64>(0)
    private let remembered = Atomic<UInt64>(0)

    init(limits: ThrottleLimits) { state = Lock(State(table: ThrottleTable(limits: limits))) }

    /// Decides alone, as one of `nodes` which all do.
    func reserve(_ keys: [ThrottleKey], at now: UnixTime, nodes: Int) -> ThrottleVerdict {
        if keys.first?.rule.purpose != .refresh { decidedAlone.add(1, ordering: .relaxed) }
        return state.withLock { state in
            state.table.share(among: max(1, nodes))
            return state.table.reserve(keys, at: now)
        }
    }

    /// Counts along with Redis what was counted alone and has not decayed: so a Redis that comes back without its data, or
    /// goes again and again, grants no second window beside the one that the node has granted meanwhile.
    func reserveLive(_ keys: [ThrottleKey], at now: UnixTime) -> ThrottleTable.LiveVerdict {
        state.withLock { $0.table.reserveLive(keys, at: now) }
    }

    /// Of an attempt that Redis did not grant.
    func giveBack(_ keys: [ThrottleKey], at now: UnixTime) {
        if !keys.isEmpty { state.withLock { $0.table.giveBack(keys, at: now) } }
    }

    func giveBack(_ reservation: ThrottleReservation, at now: UnixTime) {
        state.withLock { state in
            switch reservation.place {
            case .node: state.table.giveBack(reservation, at: now)
            case .fleet:
                state.table.giveBack(reservation.alsoHere, at: now)
                // What was refused may conform now.
                state.refusals.forget(reservation.keys)
            }
        }
    }

    func forget(_ keys: [ThrottleKey]) {
        state.withLock { state in
            state.table.forget(keys)
            state.refusals.forget(keys)
        }
    }

    /// What Redis refused a moment ago and would refuse again. Microseconds of a monotonic clock.
    func refusal(among keys: [ThrottleKey], at now: Int64) -> (rule: ThrottleRule, microseconds: Int64)? {
        let refusal = state.withLock { $0.refusals.refusal(among: keys, at: now) }
        if refusal != nil { remembered.add(1, ordering: .relaxed) }
        return refusal
    }

    /// Of a question that was sent at `now`.
    func note(_ refused: [(key: ThrottleKey, microseconds: Int64)], at now: Int64) {
        state.withLock { state in
            for (key, wait) in refused { state.refusals.note(key, until: now &+ wait, at: now) }
        }
    }

    /// For the metrics. Any thread may ask.
    var figures: [Figure] {
        [
            .counter(
                "throttle_decided_alone_total",
                "Attempts that this node counted by itself, since Redis did not answer.",
                decidedAlone.load(ordering: .relaxed)),
            .counter(
                "throttle_remembered_total", "Attempts refused without asking Redis again.",
                remembered.load(ordering: .relaxed)),
            .counter(
                "throttle_evictions_total", "Counters of the throttle that gave way to others.",
                state.withLock { $0.table.evictions }),
        ]
    }
}
