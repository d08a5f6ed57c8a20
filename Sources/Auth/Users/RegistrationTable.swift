/// Registrations under way, by name, of a whole node: of those that ask for one name at one time only the first costs a
/// hash and a transaction. A plain value; whoever owns it serialises access.
package struct RegistrationTable: Sendable {
    package typealias Waiter = CheckedContinuation<RegistrationResult?, Never>

    /// More than can wait for a hash and the store at once. Those who wait for one of them are as many as have a
    /// connection each.
    package static let standardCapacity = 4096

    private let capacity: Int
    private var waiting: [Username: [Waiter]] = [:]

    package init(capacity: Int = RegistrationTable.standardCapacity) { self.capacity = max(1, capacity) }

    /// Names under way.
    package var count: Int { waiting.count }

    /// See `RegistrationDesk.enter`, whose answer `waiter` is given: now or by a later `leave`.
    package mutating func enter(_ name: Username, _ waiter: Waiter) {
        if waiting[name] != nil {
            waiting[name]?.append(waiter)
        } else if waiting.count < capacity {
            waiting[name] = []
            waiter.resume(returning: nil)
        } else {
            waiter.resume(returning: .overloaded(retryAfterMilliseconds: 1000))
        }
    }

    /// See `RegistrationDesk.leave`.
    package mutating func leave(_ name: Username, with result: RegistrationResult?) {
        guard var waiters = waiting.removeValue(forKey: name) else { return }
        guard let result else {
            guard !waiters.isEmpty else { return }
            let next = waiters.removeFirst()
            waiting[name] = waiters
            next.resume(returning: nil)
            return
        }
        for waiter in waiters { waiter.resume(returning: result) }
    }
}

/// Where registrations of one name meet.
package protocol RegistrationDesk: Sendable {
    /// Nil: the caller's registration is the one of this name and must `leave` when it is done. Otherwise what the one
    /// that was under way came to, or an overload when too many names are.
    func enter(_ name: Username) async -> RegistrationResult?

    /// Tells those who wait what it came to; nil lets the first of them go on in its stead.
    func leave(_ name: Username, with result: RegistrationResult?)
}
