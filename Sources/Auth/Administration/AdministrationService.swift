import OpenSSL
package import Passwords

/// Why an administrator's request came to nothing, besides what `AdminResult` says.
package enum AdministrationError: Error, Sendable, Equatable {
    /// The password that was given may not be one: 400.
    case password(PasswordProblem)
    /// No place in the queue of the hash pool: 503.
    case overloaded(retryAfterMilliseconds: Int64)
    /// A store, the hash or OpenSSL did not answer: 503. A change may have been made.
    case unavailable
}

/// What an administrator wants of a password.
package struct WantedPassword: Sendable {
    /// Nil: the server makes one up.
    package let text: String?
    /// Nil: one-time if it is made up, an ordinary one if it is given.
    package let isOneTime: Bool?

    package init(text: String?, isOneTime: Bool?) {
        self.text = text
        self.isOneTime = isOneTime
    }
}

extension WantedPassword: CustomStringConvertible, CustomReflectable {
    /// Shows no password.
    package var description: String { "WantedPassword" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection()) }
}

/// An account with the password it was given: told once.
package struct IssuedPassword: Sendable {
    package let user: User
    /// Nil when the administrator chose it.
    package let madeUp: String?
    /// Of a one-time password; nil for an ordinary one.
    package let expiresAt: UnixTime?
}

extension IssuedPassword: CustomStringConvertible, CustomReflectable {
    /// Shows no password.
    package var description: String { "IssuedPassword(\(user.id))" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection()) }
}

/// What administrators do, above the stores: passwords are hashed in the pool, and when a change is answered every loop
/// of this node refuses what it revoked.
package struct AdministrationService: Sendable {
    private let store: any UserAdministration & RevocationAdministration
    private let hasher: any PasswordHasher
    private let throttle: any LoginThrottle
    private let publisher: any RevocationPublisher
    private let lookup: LookupKeys
    private let policy: PasswordPolicy
    private let oneTimeSeconds: Int64

    /// `lookup` never rotates; `oneTimeSeconds` is how long a one-time password is good.
    package init(
        store: any UserAdministration & RevocationAdministration, hasher: any PasswordHasher,
        throttle: any LoginThrottle, publisher: any RevocationPublisher, lookup: LookupKeys,
        policy: PasswordPolicy = PasswordPolicy(), oneTimeSeconds: Int64
    ) {
        self.store = store
        self.hasher = hasher
        self.throttle = throttle
        self.publisher = publisher
        self.lookup = lookup
        self.policy = policy
        self.oneTimeSeconds = oneTimeSeconds
    }

    package func create(
        _ username: Username, roles: [Role], password wanted: WantedPassword, at now: UnixTime,
        as authority: Authority, from origin: RequestOrigin
    ) async throws(AdministrationError) -> AdminResult<IssuedPassword> {
        let password = try await prepare(wanted, of: username, at: now)
        let id: Identifier
        do throws(OpenSSLError) { id = try Identifier.make(at: now) } catch { throw .unavailable }
        let user = NewUser(id: id, username: username, roles: roles, password: password.stored, createdAt: now)
        let result: AdminResult<User>
        do throws(StoreError) { result = try await store.create(user, as: authority, from: origin) } catch {
            throw .unavailable
        }
        return result.map { password.issued(to: $0) }
    }

    package func update(
        _ id: Identifier, _ change: UserChange, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(AdministrationError) -> AdminResult<User> {
        let result: AdminResult<ChangedUser>
        do throws(StoreError) {
            result = try await store.update(id, change, at: now, as: authority, from: origin)
        } catch {
            throw .unavailable
        }
        await publish(result.map(\.revocations))
        return result.map(\.user)
    }

    package func delete(
        _ id: Identifier, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(AdministrationError) -> AdminResult<Void> {
        let result: AdminResult<[Revocation]>
        do throws(StoreError) { result = try await store.delete(id, at: now, as: authority, from: origin) } catch {
            throw .unavailable
        }
        await publish(result)
        return result.map { _ in () }
    }

    package func resetPassword(
        of id: Identifier, to wanted: WantedPassword, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(AdministrationError) -> AdminResult<IssuedPassword> {
        // The name first: the policy asks for it, and for an account that is not there nothing is hashed.
        let user: User
        switch try await self.user(id, at: now, as: authority, from: origin) {
        case .done(let found): user = found
        case let other: return other.map { IssuedPassword(user: $0, madeUp: nil, expiresAt: nil) }
        }
        let password = try await prepare(wanted, of: user.username, at: now)
        let result: AdminResult<[Revocation]>
        do throws(StoreError) {
            result = try await store.resetPassword(
                of: id, to: password.stored, at: now, as: authority, from: origin)
        } catch {
            throw .unavailable
        }
        await publish(result)
        return result.map { _ in password.issued(to: user) }
    }

    /// Forgets the attempts counted against the account, here and in the store. What counts an address stays, the pair of
    /// account and address included: which addresses there were nobody knows.
    package func unlock(
        _ id: Identifier, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(AdministrationError) -> AdminResult<User> {
        let found = try await self.user(id, at: now, as: authority, from: origin)
        guard case .done(let user) = found else { return found }
        let nameKey: [UInt8]
        let counters: [ThrottleKey]
        do throws(OpenSSLError) {
            nameKey = try lookup.name(user.username)
            counters = try lookup.account(user.username)
        } catch {
            throw .unavailable
        }
        let result: AdminResult<User>
        do throws(StoreError) {
            result = try await store.unlock(id, nameKey: nameKey, at: now, as: authority, from: origin)
        } catch {
            throw .unavailable
        }
        if case .done = result { await throttle.forget(counters) }
        return result
    }

    /// How many attempts of unknown devices are counted against the user after `start`.
    package func attempts(
        of user: User, since start: UnixTime, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(AdministrationError) -> AdminResult<Int> {
        do {
            return try await store.attempts(
                of: user.id, nameKey: try lookup.name(user.username), since: start, at: now, as: authority,
                from: origin)
        } catch {
            throw .unavailable
        }
    }

    /// How many sessions ended.
    package func revoke(
        _ target: RevocationTarget, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(AdministrationError) -> AdminResult<Int> {
        let result: AdminResult<RevocationOutcome>
        do throws(StoreError) { result = try await store.revoke(target, at: now, as: authority, from: origin) } catch {
            throw .unavailable
        }
        await publish(result.map(\.revocations))
        return result.map(\.sessionsEnded)
    }

    private func user(
        _ id: Identifier, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(AdministrationError) -> AdminResult<User> {
        do throws(StoreError) { return try await store.user(id, at: now, as: authority, from: origin) } catch {
            throw .unavailable
        }
    }

    private func publish(_ result: AdminResult<[Revocation]>) async {
        if case .done(let revocations) = result, !revocations.isEmpty { await publisher.publish(revocations) }
    }
}

// Passwords.
extension AdministrationService {
    private struct PreparedPassword {
        let stored: StoredPassword
        let madeUp: String?

        func issued(to user: User) -> IssuedPassword {
            IssuedPassword(user: user, madeUp: madeUp, expiresAt: stored.oneTime?.expiresAt)
        }
    }

    private func prepare(
        _ wanted: WantedPassword, of username: Username, at now: UnixTime
    ) async throws(AdministrationError) -> PreparedPassword {
        var bytes: [UInt8]
        var madeUp: String?
        if let text = wanted.text {
            do throws(PasswordProblem) { bytes = try policy.bytes(ofNew: text, username: username.text) } catch {
                throw .password(error)
            }
        } else {
            do throws(OpenSSLError) {
                let text = try MadePassword.make()
                bytes = Array(text.utf8)
                madeUp = text
            } catch {
                throw .unavailable
            }
        }
        let secret = SecretBytes(copying: bytes)
        bytes.withUnsafeMutableBytes { wipe($0) }
        let hash: String
        do throws(HashingError) { hash = try await hasher.hash(secret, admission: try hasher.admit()) } catch {
            switch error {
            case .overloaded(let wait): throw .overloaded(retryAfterMilliseconds: wait)
            case .failed: throw .unavailable
            }
        }
        let isOneTime = wanted.isOneTime ?? (wanted.text == nil)
        let oneTime = isOneTime ? StoredPassword.OneTime(expiresAt: now.adding(seconds: oneTimeSeconds)) : nil
        return PreparedPassword(stored: StoredPassword(hash: hash, oneTime: oneTime), madeUp: madeUp)
    }
}
