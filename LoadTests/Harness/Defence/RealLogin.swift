/// A real user who wants in: from the first try to success, or until the user gives up or the run ends.
package struct RealLogin: Sendable {
    /// What tells a real user from a bot that has the right password.
    package enum Device: Sendable {
        /// One that this account has been used on before.
        case known
        case new
    }

    package var device: Device
    /// The account is one that a lockout attack wants kept out.
    package var isVictim = false
    /// The second in which the first try was due.
    package var begun: Int
    /// Nanoseconds from when the first try was due to the answer that let the user in; nil when none did.
    package var latency: UInt64?
    /// A try with the right password was not answered by success. A user's own typo turns nobody away.
    package var wasTurnedAway = false
    /// Tries that were answered by 200 or 401: a password was looked at, or may have been.
    package var lookedAt: UInt64 = 0

    package init(device: Device, begun: Int) {
        self.device = device
        self.begun = begun
    }
}

/// The logins of a class of real users, begun during an attack.
struct RealLoginTally: Sendable {
    /// Who is not in by then has gone.
    static let patience: UInt64 = 10_000_000_000

    var begun: UInt64 = 0
    /// Within the patience.
    var succeeded: UInt64 = 0
    /// Of all that were let in, however late.
    var latency = LatencyHistogram()

    mutating func record(_ login: RealLogin) {
        begun += 1
        guard let nanoseconds = login.latency else { return }
        latency.record(nanoseconds)
        if nanoseconds <= RealLoginTally.patience { succeeded += 1 }
    }

    mutating func merge(_ other: RealLoginTally) {
        begun += other.begun
        succeeded += other.succeeded
        latency.merge(other.latency)
    }

    static func + (left: RealLoginTally, right: RealLoginTally) -> RealLoginTally {
        var sum = left
        sum.merge(right)
        return sum
    }

    /// 0...1; nil when nobody wanted in.
    var success: Double? { begun == 0 ? nil : Double(succeeded) / Double(begun) }
}
