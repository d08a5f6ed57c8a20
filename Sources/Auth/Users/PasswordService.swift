import JWT
import OpenSSL
package import Passwords

/// A change of one's own password as parsed. Not yet looked at: any strings.
package struct PasswordRequest: Sendable {
    package let oldPassword: String
    package let newPassword: String
    /// Whose access token asks.
    package let subject: RevocationSubject
    package let address: ClientAddress
    /// As the client sent it; nil without one.
    package let deviceCredential: String?
    package let requestID: String?

    package init(
        oldPassword: String, newPassword: String, subject: RevocationSubject, address: ClientAddress,
        deviceCredential: String? = nil, requestID: String? = nil
    ) {
        self.oldPassword = oldPassword
        self.newPassword = newPassword
        self.subject = subject
        self.address = address
        self.deviceCredential = deviceCredential
        self.requestID = requestID
    }

    var origin: RequestOrigin { RequestOrigin(address: address, requestID: requestID) }
}

extension PasswordRequest: CustomStringConvertible, CustomReflectable {
    /// Shows no password.
    package var description: String { "PasswordRequest(\(subject.user))" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection()) }
}

/// What a change of password came to.
package enum PasswordReply: Sendable, Equatable {
    case changed(SessionTokens)
    /// The old password is not right, or the account has had its attempts: 403.
    case wrongPassword
    /// The old password is longer than any may be: 400.
    case oldPasswordTooLong
    /// The new password is the old one: 400.
    case unchanged
    /// 400.
    case passwordRefused(PasswordProblem)
    /// Account or session are over: 401.
    case gone
    /// Another change came first: 409.
    case stale
    /// 429.
    case throttled(by: ThrottleRule, retryAfterMilliseconds: Int64)
    /// The hash pool is full: 503.
    case overloaded(retryAfterMilliseconds: Int64)
    /// A store or OpenSSL did not answer: 503, and repeating is safe.
    case unavailable
}

/// Users who change their own password. The old one is asked for as at a login, with the same limits, so that an access
/// token in the wrong hands guesses no better than anybody.
package struct PasswordService: Sendable {
    private let check: PasswordCheck
    private let users: any UserStore
    private let passwords: any PasswordStore
    private let hasher: any PasswordHasher
    private let publisher: any RevocationPublisher
    private let audit: any AuditLog
    private let issuer: TokenIssuer
    private let policy: PasswordPolicy
    private let graceMilliseconds: Int64
    private let state: @Sendable () -> AuthState

    package init(
        check: PasswordCheck, users: any UserStore, passwords: any PasswordStore, hasher: any PasswordHasher,
        publisher: any RevocationPublisher, audit: any AuditLog, issuer: TokenIssuer,
        policy: PasswordPolicy = PasswordPolicy(), graceSeconds: Int64 = 60, state: @escaping @Sendable () -> AuthState
    ) {
        self.check = check
        self.users = users
        self.passwords = passwords
        self.hasher = hasher
        self.publisher = publisher
        self.audit = audit
        self.issuer = issuer
        self.policy = policy
        let bounds = RefreshService.graceSeconds
        graceMilliseconds = min(max(graceSeconds, bounds.lowerBound), bounds.upperBound) * 1000
        self.state = state
    }

    package func change(_ request: PasswordRequest) async -> PasswordReply {
        guard var oldBytes = PasswordPolicy.bytes(of: request.oldPassword) else { return .oldPasswordTooLong }
        let old = SecretBytes(wiping: &oldBytes)
        let found: User?
        do throws(StoreError) { found = try await users.user(request.subject.user) } catch { return .unavailable }
        guard let user = found, PasswordService.objection(to: user, request.subject) == nil else { return .gone }
        let new: SecretBytes
        do throws(PasswordProblem) {
            var bytes = try policy.bytes(ofNew: request.newPassword, username: user.username.text)
            new = SecretBytes(wiping: &bytes)
        } catch {
            return .passwordRefused(error)
        }
        guard new != old else { return .unchanged }
        return await compare(request, user, old: old, new: new)
    }

    /// Why the account is not the one the token was made for.
    private static func objection(to user: User, _ subject: RevocationSubject) -> PasswordFailure? {
        guard user.id == subject.user, user.version == subject.userVersion else { return .accountChanged }
        return user.isEnabled ? nil : .disabled
    }

    /// One place in the hash queue for both hashes: a comparison is not made for a 503.
    private func compare(
        _ request: PasswordRequest, _ user: User, old: SecretBytes, new: SecretBytes
    ) async -> PasswordReply {
        let state = state()
        let device = request.deviceCredential.flatMap {
            DeviceCredential($0, of: user.username, keys: state.keys.devices, at: state.now)
        }
        let attempt = PasswordAttempt(
            name: user.username, password: old, address: request.address, device: device?.device)
        let outcome = await check.check(attempt, keepsPlace: true) { user, _ in
            PasswordService.objection(to: user, request.subject)
        }
        switch outcome {
        case .match(let user, let stored, let reservation, let place):
            let reply = await replace(stored.hash, of: user, with: new, place, reservation, request)
            guard case .changed(var tokens) = reply else { return reply }
            tokens.deviceCredential =
                DeviceCredential.afterSuccess(device, of: user.username, keys: state.keys.devices, at: state.now)?.text
            return .changed(tokens)
        case .mismatch(.accountChanged, _), .mismatch(.disabled, _), .mismatch(.unknownUser, _): return .gone
        case .mismatch(let failure, _):
            note(failure.rawValue, request)
            return .wrongPassword
        case .throttled(let rule, let wait):
            note("throttled by \(rule)", request)
            return .throttled(by: rule, retryAfterMilliseconds: wait)
        case .overloaded(let wait): return .overloaded(retryAfterMilliseconds: wait)
        case .unavailable: return .unavailable
        }
    }

    private func replace(
        _ oldHash: String, of user: User, with new: SecretBytes, _ place: HashAdmission,
        _ reservation: AttemptReservation, _ request: PasswordRequest
    ) async -> PasswordReply {
        let newHash: String
        do throws(HashingError) { newHash = try await hasher.hash(new, admission: place) } catch {
            await check.giveBack(reservation)
            return PasswordService.reply(to: error)
        }
        let change = PasswordChange(
            user: user.id, version: request.subject.userVersion, session: request.subject.session, oldHash: oldHash,
            newHash: newHash, attempt: reservation, graceMilliseconds: graceMilliseconds)
        let before = state()
        let result: PasswordChangeResult
        do throws(StoreError) {
            result = try await passwords.changePassword(change, at: before.now, from: request.origin)
        } catch {
            await check.giveBack(reservation)
            return .unavailable
        }
        switch result {
        case .stale:
            await check.giveBack(reservation)
            note("another change came first", request)
            return .stale
        case .gone:
            await check.giveBack(reservation)
            return .gone
        case .changed(let session, let user, let revocations):
            if !revocations.isEmpty { await publisher.publish(revocations) }
            return answer(session, user, generation: before.generation)
        }
    }

    /// Under the generation from before the store was asked, as a refresh is.
    private func answer(_ session: StoredSession, _ user: User, generation: Int64) -> PasswordReply {
        let state = state().under(generation: generation)
        guard let secret = SessionSecret.open(session.sealedSecret, for: session.id, keys: state.keys.refresh) else {
            return .unavailable
        }
        do throws(TokenKeyError) {
            return .changed(try issuer.tokens(for: session, of: user, secret: secret, in: state))
        } catch {
            return .unavailable
        }
    }

    private static func reply(to error: HashingError) -> PasswordReply {
        switch error {
        case .overloaded(let wait): .overloaded(retryAfterMilliseconds: wait)
        case .failed: .unavailable
        }
    }

    private func note(_ detail: String, _ request: PasswordRequest) {
        audit.record(
            AuditEntry(
                at: state().now, event: .passwordChangeFailed, actor: .user(request.subject.user),
                origin: request.origin, user: request.subject.user, session: request.subject.session, detail: detail))
    }
}
