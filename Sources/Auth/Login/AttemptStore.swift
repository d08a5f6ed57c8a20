/// One login attempt as the store sees it: the name to look up and where the attempt is counted.
package struct LoginAttempt: Sendable {
    package let username: Username
    /// Keyed HMAC of the name: the attempts table never holds the name itself.
    package let nameKey: [UInt8]
    /// Keyed HMAC of a known device, nil for an unknown one; each known device has a cap of its own.
    package let deviceKey: [UInt8]?
    /// Keyed HMAC of the client's address: a success gives back only failures made from it.
    package let addressKey: [UInt8]
    package let at: UnixTime

    package init(username: Username, nameKey: [UInt8], deviceKey: [UInt8]?, addressKey: [UInt8], at: UnixTime) {
        self.username = username
        self.nameKey = nameKey
        self.deviceKey = deviceKey
        self.addressKey = addressKey
        self.at = at
    }
}

/// How many comparisons with a password an account bears (design section 7 step 6).
package struct AttemptCaps: Sendable, Equatable {
    /// Of all unknown devices together, in a rolling `windowMilliseconds`.
    package var unknownDevices = 100
    /// Of each known device, in the same window.
    package var knownDevice = 20
    package var windowMilliseconds: Int64 = 24 * 3_600_000

    package init() {}

    package init(unknownDevices: Int, knownDevice: Int, windowMilliseconds: Int64) {
        self.unknownDevices = unknownDevices
        self.knownDevice = knownDevice
        self.windowMilliseconds = windowMilliseconds
    }
}

/// An attempt that was counted and can be given back once.
package struct AttemptReservation: Sendable, Equatable {
    package let id: Int64

    package init(id: Int64) { self.id = id }
}

/// What one round trip of step 6 answers.
package struct LoginLookup: Sendable {
    /// Nil when no such account exists. Disabled accounts are returned: the caller treats them alike, in constant shape.
    package let user: User?
    /// Nil with `user`.
    package let password: StoredPassword?
    /// Nil when the account's cap is reached: the stored hash must not be compared then.
    package let reservation: AttemptReservation?

    package init(user: User?, password: StoredPassword?, reservation: AttemptReservation?) {
        self.user = user
        self.password = password
        self.reservation = reservation
    }
}

/// The account cap. Counted for known and unknown names alike; the same statements and commits run for an unknown, a
/// disabled, a locked and an ordinary account, so that nothing can be told apart by counting or timing them.
package protocol AttemptStore: Sendable {
    /// Looks the account up and counts the attempt, in one transaction. Never more than the cap are granted in any
    /// window, however parallel the callers.
    func reserve(_ attempt: LoginAttempt, caps: AttemptCaps) async throws(StoreError) -> LoginLookup

    /// Takes one attempt back that ended before a comparison. Idempotent.
    func giveBack(_ reservation: AttemptReservation) async throws(StoreError)
}
