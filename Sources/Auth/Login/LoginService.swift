import OpenSSL
package import Passwords

/// A login as parsed. Not yet looked at: any strings.
package struct LoginRequest: Sendable {
    package let username: String
    package let password: String
    package let address: ClientAddress
    /// A device whose credential was checked; nil for an unknown one.
    package let device: Identifier?
    /// For the audit.
    package let requestID: String?

    package init(
        username: String, password: String, address: ClientAddress, device: Identifier? = nil, requestID: String? = nil
    ) {
        self.username = username
        self.password = password
        self.address = address
        self.device = device
        self.requestID = requestID
    }

    package var origin: RequestOrigin { RequestOrigin(address: address, requestID: requestID) }
}

extension LoginRequest: CustomStringConvertible, CustomReflectable {
    /// Shows no password.
    package var description: String { "LoginRequest(\(address))" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection()) }
}

/// What a login came to. `refused` is one value for unknown, wrong, disabled and locked: nobody learns which.
package enum LoginResult: Sendable, Equatable {
    case granted(SessionTokens)
    /// 401.
    case refused
    /// The password is longer than any may be: 400.
    case passwordTooLong
    /// 429.
    case throttled(by: ThrottleRule, retryAfterMilliseconds: Int64)
    /// The hash pool is full: 503.
    case overloaded(retryAfterMilliseconds: Int64)
    /// A store or OpenSSL did not answer, or the account changed meanwhile: 503, and repeating is safe.
    case unavailable
}

/// The numbers of the login path.
package struct LoginLimits: Sendable, Equatable {
    package var attempts = AttemptCaps()
    /// More devices than a person has; the session idle longest gives way, so that a script that logs in for each call
    /// fills its own hundred rows and no more.
    package var sessionsPerUser = 100
    /// A device that is used once a week stays in.
    package var idleSeconds: Int64 = 7 * 86_400
    /// Whatever its use, a session ends and the password is asked for once a month: what was stolen ends too.
    package var absoluteSeconds: Int64 = 30 * 86_400

    package init() {}
}

/// The login path of design section 7, cheapest step first. Every exit before a comparison gives back, once, what was
/// reserved until then. Unknown, disabled and locked accounts take the steps of a wrong password: the same store calls
/// and one hash, of a dummy.
package struct LoginService: Sendable {
    private let throttle: any LoginThrottle
    private let attempts: any AttemptStore
    private let users: any UserStore
    private let sessions: any SessionStore
    private let hasher: any PasswordHasher
    private let publisher: any RevocationPublisher
    private let issuer: TokenIssuer
    private let limits: LoginLimits
    private let parameters: PasswordHashParameters
    /// Costs what a hash with `parameters` costs and matches nothing.
    private let dummy: String
    private let state: @Sendable () -> AuthState

    package init(
        throttle: any LoginThrottle, attempts: any AttemptStore, users: any UserStore, sessions: any SessionStore,
        hasher: any PasswordHasher, publisher: any RevocationPublisher, issuer: TokenIssuer,
        limits: LoginLimits = LoginLimits(), parameters: PasswordHashParameters = .standard,
        state: @escaping @Sendable () -> AuthState
    ) throws(PasswordHashError) {
        self.throttle = throttle
        self.attempts = attempts
        self.users = users
        self.sessions = sessions
        self.hasher = hasher
        self.publisher = publisher
        self.issuer = issuer
        self.limits = limits
        self.parameters = parameters
        dummy = try PasswordHash.dummy(parameters: parameters)
        self.state = state
    }

    package func login(_ request: LoginRequest) async -> LoginResult {
        guard var bytes = PasswordPolicy.bytes(of: request.password) else { return .passwordTooLong }
        let password = SecretBytes(copying: bytes)
        bytes.withUnsafeMutableBytes { wipe($0) }
        // No account can have such a name, so nothing is told by answering at once.
        guard let name = Username(request.username) else { return .refused }

        let now = state().now
        let keys: [ThrottleKey]
        let attempt: LoginAttempt
        do throws(OpenSSLError) { (keys, attempt) = try prepare(name, request, at: now) } catch { return .unavailable }

        switch await throttle.reserve(keys, at: now) {
        case .refused(let rule, let wait): return .throttled(by: rule, retryAfterMilliseconds: wait)
        case .reserved(let reservation):
            return await admit(
                Try(password: password, attempt: attempt, throttled: reservation, origin: request.origin))
        }
    }

    /// One login on its way.
    private struct Try {
        let password: SecretBytes
        let attempt: LoginAttempt
        let throttled: ThrottleReservation
        let origin: RequestOrigin
    }

    private func prepare(
        _ name: Username, _ request: LoginRequest, at now: UnixTime
    ) throws(OpenSSLError) -> ([ThrottleKey], LoginAttempt) {
        let lookup = state().keys.lookup
        let keys = try lookup.login(account: name, address: request.address, device: request.device)
        var deviceKey: [UInt8]?
        if let device = request.device { deviceKey = try lookup.device(device) }
        let attempt = LoginAttempt(
            username: name, nameKey: try lookup.name(name), deviceKey: deviceKey,
            addressKey: try lookup.address(request.address), at: now)
        return (keys, attempt)
    }

    /// A place in the hash queue, then the account and the count of its attempts.
    private func admit(_ login: Try) async -> LoginResult {
        let admission: HashAdmission
        do throws(HashingError) { admission = try hasher.admit() } catch {
            await giveBack(login.throttled)
            return LoginService.result(of: error)
        }
        let lookup: LoginLookup
        do throws(StoreError) { lookup = try await attempts.reserve(login.attempt, caps: limits.attempts) } catch {
            hasher.withdraw(admission)
            await giveBack(login.throttled)
            return .unavailable
        }
        return await compare(login, lookup, admission)
    }

    private func compare(_ login: Try, _ lookup: LoginLookup, _ admission: HashAdmission) async -> LoginResult {
        // The account, if this attempt may be compared with its stored hash.
        var account: (user: User, password: StoredPassword, reservation: AttemptReservation)?
        if let user = lookup.user, user.isEnabled, let password = lookup.password,
            password.opensSession(at: state().now), let reservation = lookup.reservation
        {
            account = (user, password, reservation)
        }
        let isMatch: Bool
        do throws(HashingError) {
            isMatch = try await hasher.isMatch(
                login.password, phc: account?.password.hash ?? dummy, admission: admission)
        } catch {
            await giveBack(login.throttled)
            if let reservation = lookup.reservation { await giveBack(reservation) }
            return LoginService.result(of: error)
        }
        guard isMatch, let account else { return .refused }
        await giveBack(login.throttled)
        let result = await open(
            account.user, with: account.password, givingBack: account.reservation, from: login.origin)
        if case .granted = result { await rehash(login.password, of: account.user, from: account.password.hash) }
        return result
    }

    private func open(
        _ user: User, with password: StoredPassword, givingBack reservation: AttemptReservation,
        from origin: RequestOrigin
    ) async -> LoginResult {
        let state = state()
        do {
            let id = try Identifier.make(at: state.now)
            let secret = try SessionSecret.make(for: id, key: state.keys.refresh.active)
            let session = StoredSession(
                id: id, userID: user.id, userVersion: user.version, createdAt: state.now, lastUsedAt: state.now,
                idleExpiresAt: state.now.adding(seconds: limits.idleSeconds),
                absoluteExpiresAt: state.now.adding(seconds: limits.absoluteSeconds), counter: 0, rotatedAt: nil,
                sealedSecret: secret.sealed)
            // Before the row, so that a failure of OpenSSL leaves no session behind.
            let tokens = try issuer.tokens(for: session, of: user, secret: secret, in: state)
            let opening = try await sessions.open(
                session, maximumPerUser: limits.sessionsPerUser, givingBack: reservation,
                usesOneTimePassword: password.oneTime != nil, from: origin)
            switch opening {
            case .opened(let revocations):
                if !revocations.isEmpty { await publisher.publish(revocations) }
                return .granted(tokens)
            case .passwordUsed: return .refused
            case .userChanged: return .unavailable
            }
        } catch {
            return .unavailable
        }
    }

    /// Stores a hash with grown parameters. The login stands whatever comes of it; the next one tries again.
    private func rehash(_ password: SecretBytes, of user: User, from old: String) async {
        guard PasswordHash.needsRehash(old, parameters: parameters) else { return }
        do {
            let admission = try hasher.admit()
            let new = try await hasher.hash(password, admission: admission)
            _ = try await users.replacePasswordHash(of: user.id, from: old, to: new)
        } catch {
            return
        }
    }

    private func giveBack(_ reservation: ThrottleReservation) async {
        await throttle.giveBack(reservation, at: state().now)
    }

    /// Once; one that is lost counts as a failure and leaves the window by itself.
    private func giveBack(_ reservation: AttemptReservation) async {
        do throws(StoreError) { try await attempts.giveBack(reservation) } catch { return }
    }

    private static func result(of error: HashingError) -> LoginResult {
        switch error {
        case .overloaded(let wait): .overloaded(retryAfterMilliseconds: wait)
        case .failed: .unavailable
        }
    }
}
