import OpenSSL
package import Passwords

/// A registration as parsed. Not yet looked at: any strings.
package struct RegistrationRequest: Sendable {
    package let username: String
    package let password: String
    package let origin: RequestOrigin

    package init(username: String, password: String, origin: RequestOrigin) {
        self.username = username
        self.password = password
        self.origin = origin
    }
}

extension RegistrationRequest: CustomStringConvertible, CustomReflectable {
    /// Shows no password.
    package var description: String { "RegistrationRequest(\(origin))" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection()) }
}

/// What a registration came to.
package enum RegistrationResult: Sendable, Equatable {
    case registered(Identifier, Username)
    /// 409.
    case usernameTaken
    /// No account can have such a name: 400.
    case invalidUsername
    /// 400.
    case passwordRefused(PasswordProblem)
    /// 429.
    case throttled(by: ThrottleRule, retryAfterMilliseconds: Int64)
    /// The hash pool is full: 503.
    case overloaded(retryAfterMilliseconds: Int64)
    /// The store or OpenSSL did not answer: 503. Repeating is safe; the name may have become one's own.
    case unavailable
}

/// People who make their own account, without roles. Cheapest step first: throttle, rules, a place in the hash queue,
/// hash, store. Of those who ask for one name at the same time one is hashed; the others wait for what it comes to, so
/// that a rush for a name fills no queue.
package struct RegistrationService: Sendable {
    private let throttle: any LoginThrottle
    private let desk: any RegistrationDesk
    private let users: any UserStore
    private let hasher: any PasswordHasher
    private let audit: any AuditLog
    private let policy: PasswordPolicy
    private let state: @Sendable () -> AuthState

    package init(
        throttle: any LoginThrottle, desk: any RegistrationDesk, users: any UserStore, hasher: any PasswordHasher,
        audit: any AuditLog, policy: PasswordPolicy = PasswordPolicy(), state: @escaping @Sendable () -> AuthState
    ) {
        self.throttle = throttle
        self.desk = desk
        self.users = users
        self.hasher = hasher
        self.audit = audit
        self.policy = policy
        self.state = state
    }

    package func register(_ request: RegistrationRequest) async -> RegistrationResult {
        let before = state()
        var keys: [ThrottleKey] = []
        if let address = request.origin.address {
            do throws(OpenSSLError) { keys = try before.keys.lookup.registration(address: address) } catch {
                return .unavailable
            }
        }
        switch await throttle.reserve(keys, at: before.now) {
        case .refused(let rule, let wait):
            audit.record(
                AuditEntry(
                    at: before.now, event: .registrationThrottled, actor: .anonymous, origin: request.origin,
                    detail: "\(rule)"))
            return .throttled(by: rule, retryAfterMilliseconds: wait)
        case .reserved(let reservation):
            let result = await decide(request)
            switch result {
            case .registered, .usernameTaken, .throttled: break
            case .invalidUsername, .passwordRefused, .overloaded, .unavailable:
                await throttle.giveBack(reservation, at: state().now)
            }
            return result
        }
    }

    private func decide(_ request: RegistrationRequest) async -> RegistrationResult {
        guard let name = Username(request.username) else { return .invalidUsername }
        let password: SecretBytes
        do throws(PasswordProblem) {
            var bytes = try policy.bytes(ofNew: request.password, username: name.text)
            password = SecretBytes(wiping: &bytes)
        } catch {
            return .passwordRefused(error)
        }
        if let outcome = await desk.enter(name) {
            if case .registered = outcome { return .usernameTaken }
            return outcome
        }
        let result = await make(name, password, from: request.origin)
        // Whose client left is nobody to wait for: its place in the queue went with it.
        let isAbandoned = if case .overloaded = result { Task.isCancelled } else { false }
        desk.leave(name, with: isAbandoned ? nil : result)
        return result
    }

    private func make(
        _ name: Username, _ password: SecretBytes, from origin: RequestOrigin
    ) async -> RegistrationResult {
        let hash: String
        do throws(HashingError) {
            let admission = try hasher.admit()
            hash = try await hasher.hash(password, admission: admission)
        } catch {
            switch error {
            case .overloaded(let wait): return .overloaded(retryAfterMilliseconds: wait)
            case .failed: return .unavailable
            }
        }
        let now = state().now
        do {
            let user = NewUser(
                id: try Identifier.make(at: now), username: name, roles: [], password: StoredPassword(hash: hash),
                createdAt: now)
            return try await users.register(user, from: origin) ? .registered(user.id, name) : .usernameTaken
        } catch {
            return .unavailable
        }
    }
}
