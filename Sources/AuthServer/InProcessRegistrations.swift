import Auth
import Reactor

/// The registrations under way on one node, shared by its loops. The lock is held for a look-up and to resume who waits.
final class InProcessRegistrations: RegistrationDesk {
    private let table = Lock(RegistrationTable())

    func enter(_ name: Username) async -> RegistrationResult? {
        await withCheckedContinuation { waiter in table.withLock { $0.enter(name, waiter) } }
    }

    func leave(_ name: Username, with result: RegistrationResult?) {
        table.withLock { $0.leave(name, with: result) }
    }
}
