import Auth
import Reactor

/// The limits of one node, shared by its loops. The lock is held for a few table look-ups, and never by verify.
final class InProcessThrottle: LoginThrottle {
    private let table: Lock<ThrottleTable>

    init(limits: ThrottleLimits) { table = Lock(ThrottleTable(limits: limits)) }

    func reserve(_ keys: [ThrottleKey], at now: UnixTime) async -> ThrottleVerdict {
        table.withLock { $0.reserve(keys, at: now) }
    }

    func giveBack(_ reservation: ThrottleReservation, at now: UnixTime) async {
        table.withLock { $0.giveBack(reservation, at: now) }
    }

    func forget(_ keys: [ThrottleKey]) async { table.withLock { $0.forget(keys) } }

    var evictions: UInt64 { table.withLock { $0.evictions } }
}
