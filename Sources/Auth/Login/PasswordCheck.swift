package import OpenSSL
package import Passwords

/// One password to compare with an account's, and what the attempt is counted under.
package struct PasswordAttempt: Sendable {
    package let name: Username
    /// Normalized.
    package let password: SecretBytes
    package let address: ClientAddress
    /// A device whose credential was checked; nil for an unknown one.
    package let device: Identifier?

    package init(name: Username, password: SecretBytes, address: ClientAddress, device: Identifier? = nil) {
        self.name = name
        self.password = password
        self.address = address
        self.device = device
    }
}

/// Why a password was not accepted. For the audit alone: a client never learns which.
package enum PasswordFailure: String, Sendable {
    case unknownUser = "unknown user"
    case wrongPassword = "wrong password"
    case disabled = "disabled"
    /// The account's cap of attempts is reached.
    case locked = "locked"
    case oneTimePasswordOver = "one-time password used or expired"
    /// The account is no longer the one that is meant: nothing is counted.
    case accountChanged = "account changed"
}

/// Steps 3 to 6 of design section 7, for logins and for changes of a password: throttle, a place in the hash queue, the
/// account with its count of attempts, one comparison. Every exit before the comparison gives back, once, what was
/// reserved until then. Unknown, disabled and locked accounts take the steps of a wrong password: the same store calls
/// and one hash, of a dummy.
package struct PasswordCheck: Sendable {
    package enum Outcome: Sendable {
        /// The throttle has its failures back; the attempt is the caller's to give back with what it does next.
        /// So is the place in the hash queue, if it was to be kept.
        case match(User, StoredPassword, AttemptReservation, HashAdmission)
        /// `user` is the account that was tried, if there is one.
        case mismatch(PasswordFailure, user: Identifier?)
        case throttled(by: ThrottleRule, retryAfterMilliseconds: Int64)
        case overloaded(retryAfterMilliseconds: Int64)
        /// A store or OpenSSL did not answer: repeating is safe.
        case unavailable
    }

    private let throttle: any LoginThrottle
    private let attempts: any AttemptStore
    private let hasher: any PasswordHasher
    private let caps: AttemptCaps
    /// Costs what a hash with today's parameters costs and matches nothing.
    private let dummy: String
    private let state: @Sendable () -> AuthState

    package init(
        throttle: any LoginThrottle, attempts: any AttemptStore, hasher: any PasswordHasher,
        caps: AttemptCaps = AttemptCaps(), parameters: PasswordHashParameters = .standard,
        state: @escaping @Sendable () -> AuthState
    ) throws(PasswordHashError) {
        self.throttle = throttle
        self.attempts = attempts
        self.hasher = hasher
        self.caps = caps
        dummy = try PasswordHash.dummy(parameters: parameters)
        self.state = state
    }

    /// `objection` says why the account, though it is there and enabled, is not to be compared with. With `keepsPlace` a
    /// match leaves its place in the hash queue to the caller, for the hash of another password.
    package func check(
        _ attempt: PasswordAttempt, keepsPlace: Bool = false,
        objection: (User, StoredPassword) -> PasswordFailure?
    ) async -> Outcome {
        let now = state().now
        let keys: [ThrottleKey]
        let counted: LoginAttempt
        do throws(OpenSSLError) { (keys, counted) = try prepare(attempt, at: now) } catch { return .unavailable }

        let reservation: ThrottleReservation
        switch await throttle.reserve(keys, at: now) {
        case .refused(let rule, let wait): return .throttled(by: rule, retryAfterMilliseconds: wait)
        case .reserved(let reserved): reservation = reserved
        }

        let admission: HashAdmission
        do throws(HashingError) { admission = try hasher.admit() } catch {
            await giveBack(reservation)
            return PasswordCheck.outcome(of: error)
        }
        let lookup: LoginLookup
        do throws(StoreError) { lookup = try await attempts.reserve(counted, caps: caps) } catch {
            hasher.withdraw(admission)
            // Nothing was compared and nothing is known: nothing counts, the cost neither.
            await giveBack(reservation.whole)
            return .unavailable
        }
        let subject = PasswordCheck.subject(of: lookup, objection)
        return await compare(
            attempt.password, with: subject, lookup, admission, keepsPlace: keepsPlace, reservation)
    }

    /// Takes an attempt back, once; one that is lost counts as a failure and leaves the window by itself.
    package func giveBack(_ reservation: AttemptReservation) async {
        do throws(StoreError) { try await attempts.giveBack(reservation) } catch { return }
    }

    private func prepare(
        _ attempt: PasswordAttempt, at now: UnixTime
    ) throws(OpenSSLError) -> ([ThrottleKey], LoginAttempt) {
        let lookup = state().keys.lookup
        let keys = try lookup.login(account: attempt.name, address: attempt.address, device: attempt.device)
        var deviceKey: [UInt8]?
        if let device = attempt.device { deviceKey = try lookup.device(device) }
        let counted = LoginAttempt(
            username: attempt.name, nameKey: try lookup.name(attempt.name), deviceKey: deviceKey,
            addressKey: try lookup.address(attempt.address), at: now)
        return (keys, counted)
    }

    /// What the password is compared with.
    private enum Subject {
        case account(User, StoredPassword, AttemptReservation)
        case dummy(PasswordFailure)
    }

    private static func subject(
        of lookup: LoginLookup, _ objection: (User, StoredPassword) -> PasswordFailure?
    ) -> Subject {
        guard let user = lookup.user, let password = lookup.password else { return .dummy(.unknownUser) }
        guard let reservation = lookup.reservation else { return .dummy(.locked) }
        guard user.isEnabled else { return .dummy(.disabled) }
        if let failure = objection(user, password) { return .dummy(failure) }
        return .account(user, password, reservation)
    }

    private func compare(
        _ password: SecretBytes, with subject: Subject, _ lookup: LoginLookup, _ admission: HashAdmission,
        keepsPlace: Bool, _ throttled: ThrottleReservation
    ) async -> Outcome {
        let phc =
            switch subject {
            case .account(_, let stored, _): stored.hash
            case .dummy: dummy
            }
        let isMatch: Bool
        do throws(HashingError) {
            isMatch = try await hasher.isMatch(
                password, phc: phc, admission: admission, keepsPlace: keepsPlace)
        } catch {
            await giveBack(throttled)
            if let reservation = lookup.reservation { await giveBack(reservation) }
            return PasswordCheck.outcome(of: error)
        }
        switch subject {
        case .dummy(let failure):
            if failure == .accountChanged {
                await giveBack(throttled)
                if let reservation = lookup.reservation { await giveBack(reservation) }
            }
            return .mismatch(failure, user: lookup.user?.id)
        case .account(let user, _, _) where !isMatch: return .mismatch(.wrongPassword, user: user.id)
        case .account(let user, let stored, let reservation):
            await giveBack(throttled)
            return .match(user, stored, reservation, admission)
        }
    }

    private func giveBack(_ reservation: ThrottleReservation) async {
        await throttle.giveBack(reservation, at: state().now)
    }

    private static func outcome(of error: HashingError) -> Outcome {
        switch error {
        case .overloaded(let wait): .overloaded(retryAfterMilliseconds: wait)
        case .failed: .unavailable
        }
    }
}
