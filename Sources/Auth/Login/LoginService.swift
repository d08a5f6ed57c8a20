import OpenSSL
package import Passwords

/// A login as parsed. Not yet looked at: any strings.
package struct LoginRequest: Sendable {
    package let username: String
    package let password: String
    package let address: ClientAddress
    /// As the client sent it; nil without one. What is no credential of this account makes the device an unknown one.
    package let deviceCredential: String?
    /// For the audit.
    package let requestID: String?

    package init(
        username: String, password: String, address: ClientAddress, deviceCredential: String? = nil,
        requestID: String? = nil
    ) {
        self.username = username
        self.password = password
        self.address = address
        self.deviceCredential = deviceCredential
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

/// The numbers of a session that a login opens.
package struct LoginLimits: Sendable, Equatable {
    /// More devices than a person has; the session idle longest gives way, so that a script that logs in for each call
    /// fills its own hundred rows and no more.
    package var sessionsPerUser = 100
    /// A device that is used once a week stays in.
    package var idleSeconds: Int64 = 7 * 86_400
    /// Whatever its use, a session ends and the password is asked for once a month: what was stolen ends too.
    package var absoluteSeconds: Int64 = 30 * 86_400

    package init() {}
}

/// The login path of design section 7: a password that passes `PasswordCheck` opens a session.
package struct LoginService: Sendable {
    private let check: PasswordCheck
    private let users: any UserStore
    private let sessions: any SessionStore
    private let hasher: any PasswordHasher
    private let publisher: any RevocationPublisher
    private let audit: any AuditLog
    private let issuer: TokenIssuer
    private let limits: LoginLimits
    private let parameters: PasswordHashParameters
    private let state: @Sendable () -> AuthState

    package init(
        check: PasswordCheck, users: any UserStore, sessions: any SessionStore, hasher: any PasswordHasher,
        publisher: any RevocationPublisher, audit: any AuditLog, issuer: TokenIssuer,
        limits: LoginLimits = LoginLimits(), parameters: PasswordHashParameters = .standard,
        state: @escaping @Sendable () -> AuthState
    ) {
        self.check = check
        self.users = users
        self.sessions = sessions
        self.hasher = hasher
        self.publisher = publisher
        self.audit = audit
        self.issuer = issuer
        self.limits = limits
        self.parameters = parameters
        self.state = state
    }

    package func login(_ request: LoginRequest) async -> LoginResult {
        guard var bytes = PasswordPolicy.bytes(of: request.password) else { return .passwordTooLong }
        let password = SecretBytes(wiping: &bytes)
        // No account can have such a name, so nothing is told by answering at once.
        guard let name = Username(request.username) else { return .refused }

        let state = state()
        let device = request.deviceCredential.flatMap {
            DeviceCredential($0, of: name, keys: state.keys.devices, at: state.now)
        }
        let attempt = PasswordAttempt(
            name: name, password: password, address: request.address, device: device?.device)
        let outcome = await check.check(attempt) { _, password in
            password.opensSession(at: self.state().now) ? nil : .oneTimePasswordOver
        }
        switch outcome {
        case .match(let user, let stored, let reservation, _):
            let result = await open(user, with: stored, on: device, givingBack: reservation, from: request.origin)
            if case .granted = result { await rehash(password, of: user, from: stored.hash) }
            return result
        case .mismatch(let failure, let user):
            note(.loginFailed, user: user, detail: failure.rawValue, from: request.origin)
            return .refused
        case .throttled(let rule, let wait):
            note(.loginThrottled, user: nil, detail: "\(rule)", from: request.origin)
            return .throttled(by: rule, retryAfterMilliseconds: wait)
        case .overloaded(let wait): return .overloaded(retryAfterMilliseconds: wait)
        case .unavailable: return .unavailable
        }
    }

    private func open(
        _ user: User, with password: StoredPassword, on device: DeviceCredential?,
        givingBack reservation: AttemptReservation, from origin: RequestOrigin
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
            var tokens = try issuer.tokens(for: session, of: user, secret: secret, in: state)
            tokens.mustChangePassword = password.oneTime != nil
            tokens.deviceCredential =
                DeviceCredential.afterSuccess(device, of: user.username, keys: state.keys.devices, at: state.now)?.text
            let opening = try await sessions.open(
                session, maximumPerUser: limits.sessionsPerUser, givingBack: reservation,
                usesOneTimePassword: password.oneTime != nil,
                generation: state.generation, from: origin)
            switch opening {
            case .opened(let revocations):
                if !revocations.isEmpty { await publisher.publish(revocations) }
                return .granted(tokens)
            case .passwordUsed:
                note(
                    .loginFailed, user: user.id, detail: PasswordFailure.oneTimePasswordOver.rawValue, from: origin)
                return .refused
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

    private func note(_ event: AuditEvent, user: Identifier?, detail: String, from origin: RequestOrigin) {
        audit.record(
            AuditEntry(
                at: state().now, event: event, actor: .anonymous, origin: origin, user: user, detail: detail))
    }
}
