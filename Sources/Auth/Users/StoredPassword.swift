/// A password as stored.
package struct StoredPassword: Sendable, Equatable {
    /// A PHC string (argon2id).
    package let hash: String
    /// Nil for an ordinary password.
    package let oneTime: OneTime?

    /// A password that an administrator gave: good for one login before `expiresAt`, and for changing it afterwards.
    /// Until it is changed the session that it opened is not refreshed.
    package struct OneTime: Sendable, Equatable {
        package let expiresAt: UnixTime
        package let isUsed: Bool

        package init(expiresAt: UnixTime, isUsed: Bool = false) {
            self.expiresAt = expiresAt
            self.isUsed = isUsed
        }
    }

    package init(hash: String, oneTime: OneTime? = nil) {
        self.hash = hash
        self.oneTime = oneTime
    }

    /// Whether it may open a session at `now`.
    package func opensSession(at now: UnixTime) -> Bool {
        guard let oneTime else { return true }
        return !oneTime.isUsed && now < oneTime.expiresAt
    }
}
