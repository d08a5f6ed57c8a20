import OpenSSL

/// What may be told of a key: nothing that is secret.
package struct KeyDescription: Sendable, Equatable {
    package let purpose: KeyPurpose
    package let id: String
    package let algorithm: String
    package let state: KeyState
    package let createdAt: UnixTime
    /// When it entered `state`.
    package let changedAt: UnixTime
    /// When a planned rotation may take its place at the earliest; nil unless it is active and its ring has a next key.
    package let earliestRotation: UnixTime?
}

/// The rings after a rotation.
package struct RotatedKeys: Sendable {
    /// False when it had been done before.
    package let isChanged: Bool
    package let keys: [KeyDescription]
    package let snapshot: KeyRingSnapshot
}

/// The rings after they were sealed anew.
package struct ResealedKeys: Sendable {
    /// How many were sealed under another master key before.
    package let count: Int
    /// Seals with the new list.
    package let service: KeyService
}

/// What administrators do with keys. The store checks the authority in the transaction of the change.
extension KeyService {
    /// By purpose, and in each ring active, next, retired.
    package func keys(
        at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(KeyRingError) -> AdminResult<[KeyDescription]> {
        guard let stored = try await read(at: now, as: authority, from: origin) else { return .notAuthorized }
        return .done(KeyRing.describe(stored, policy: policy))
    }

    /// Retires or drops a key, after the key that joins the ring was made, so that the ring is never without. `notFound`
    /// when it has no such key to do it to. A change in doubt (`StoreError.commitInDoubt`) is safe to repeat.
    package func rotate(
        _ rotation: KeyRotation, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(KeyRingError) -> AdminResult<RotatedKeys> {
        let policy = policy
        // Another node may change the rings between the look and the change.
        for _ in 0..<KeyService.attempts {
            guard let stored = try await read(at: now, as: authority, from: origin) else { return .notAuthorized }
            let missing: [KeyPurpose]
            switch KeyRing.plan(rotation, of: stored, fresh: [], policy: policy, at: now) {
            case .done: return .done(try rotated(stored, isChanged: false))
            case .tooEarly(let until): return .conflict(.tooEarly(until: until))
            case .unknownKey: return .notFound
            case .change(_, let purposes): missing = purposes
            }
            let fresh = try await makeKeys(for: missing, at: now)
            let after = try await administer(
                at: now, as: authority, from: origin, audit: rotation.auditEvent,
                detail: "\(rotation.purpose.rawValue) \(rotation.id)"
            ) { current in
                let plan = KeyRing.plan(rotation, of: current, fresh: fresh, policy: policy, at: now)
                guard case .change(let keys, missing: []) = plan else { return nil }
                return keys
            }
            guard let after else { return .notAuthorized }
            if case .change = KeyRing.plan(rotation, of: after, fresh: [], policy: policy, at: now) { continue }
            return .done(try rotated(after, isChanged: true))
        }
        throw .store(.unavailable)
    }

    /// Seals every stored key under the first key of `master`, all or none. `master` must open all of them.
    package func reseal(
        under master: MasterKeys, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(KeyRingError) -> AdminResult<ResealedKeys> {
        let service = KeyService(store: store, master: master, policy: policy, makeSigningKey: makeSigningKey)
        for _ in 0..<KeyService.attempts {
            guard let stored = try await read(at: now, as: authority, from: origin) else { return .notAuthorized }
            let resealed = try KeyService.resealed(stored, under: master)
            let after = try await administer(
                at: now, as: authority, from: origin, audit: .keysResealed, detail: nil
            ) { current in
                current == stored && resealed != stored ? resealed : nil
            }
            guard let after else { return .notAuthorized }
            guard after == resealed else { continue }
            return .done(ResealedKeys(count: zip(stored, resealed).count { $0 != $1 }, service: service))
        }
        throw .store(.unavailable)
    }

    private static func resealed(_ stored: [StoredKey], under master: MasterKeys) throws(KeyRingError) -> [StoredKey] {
        var keys = stored
        for index in keys.indices {
            let key = keys[index]
            let secret: SecretBytes
            do throws(SealError) { secret = try master.open(key.sealed, purpose: key.purpose, keyID: key.id) } catch {
                throw .sealed(purpose: key.purpose, id: key.id, error)
            }
            if master.isCurrent(key.sealed) { continue }
            do throws(OpenSSLError) {
                keys[index].sealed = try master.seal(secret, purpose: key.purpose, keyID: key.id)
            } catch {
                throw .openSSL(error)
            }
        }
        return keys
    }

    private func rotated(_ stored: [StoredKey], isChanged: Bool) throws(KeyRingError) -> RotatedKeys {
        RotatedKeys(
            isChanged: isChanged, keys: KeyRing.describe(stored, policy: policy),
            snapshot: try KeyRingSnapshot(opening: stored, with: master))
    }

    /// Nil when not authorized.
    private func read(
        at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(KeyRingError) -> [StoredKey]? {
        try await administer(at: now, as: authority, from: origin, audit: .keyRotated, detail: nil) { _ in nil }
    }

    /// Nil when not authorized. Damaged rings are left as they are.
    private func administer(
        at now: UnixTime, as authority: Authority, from origin: RequestOrigin, audit event: AuditEvent,
        detail: String?, _ change: @escaping @Sendable ([StoredKey]) -> [StoredKey]?
    ) async throws(KeyRingError) -> [StoredKey]? {
        let result: AdminResult<[StoredKey]>
        do throws(StoreError) {
            result = try await store.administer(as: authority, from: origin, at: now, audit: event, detail: detail) {
                KeyRing.damage(of: $0) == nil ? change($0) : nil
            }
        } catch {
            throw .store(error)
        }
        guard case .done(let keys) = result else { return nil }
        if let damage = KeyRing.damage(of: keys) { throw .damaged(damage) }
        return keys
    }
}
