package import JWT

/// How long keys stay where they are.
package struct KeyRingPolicy: Sendable, Equatable {
    /// What the next signing key is made for. When it changes, the ring rotates to it as soon as the next key may sign.
    package var signingAlgorithm = SigningAlgorithm.rs256
    /// How long a next key must have been in the JWKS before it signs: the JWKS's max-age (300 s) and a minute of skew,
    /// so that no verifier meets an unknown `kid`.
    package var publicationMilliseconds: Int64 = 360_000
    /// After how long a key is rotated by itself; nil: only when asked.
    package var activeMilliseconds: Int64? = 90 * 86_400_000
    /// How long a retired signing key still verifies: the longest access token (3600 s), the leeway, and skew.
    package var signingRetentionMilliseconds: Int64 = 3_720_000
    /// How long a retired refresh key still works: the absolute lifetime of sessions (30 d) and a day.
    package var refreshRetentionMilliseconds: Int64 = 31 * 86_400_000
    /// How long the credentials of a retired device key are still good: their lifetime and a day. The ring holds two or
    /// three such keys then.
    package var deviceRetentionMilliseconds: Int64 = (DeviceCredential.lifetimeSeconds + 86_400) * 1000

    package init() {}

    func retentionMilliseconds(of purpose: KeyPurpose) -> Int64 {
        switch purpose {
        case .signing: signingRetentionMilliseconds
        case .device: deviceRetentionMilliseconds
        case .refresh, .lookup: refreshRetentionMilliseconds
        }
    }
}

/// A rotation somebody asked for.
package enum KeyRotation: Sendable, Equatable {
    /// The key `active` retires, the next one takes over. Nothing happens when another key is active by now, so it is safe
    /// to repeat.
    case planned(KeyPurpose, active: String)
    /// The key `id` is dropped at once, wherever it stands; the next one takes over from an active one, published long
    /// enough or not. Repeated it finds no such key.
    case compromised(KeyPurpose, id: String)

    package var purpose: KeyPurpose {
        switch self {
        case .planned(let purpose, _), .compromised(let purpose, _): purpose
        }
    }

    /// The key it is about.
    package var id: String {
        switch self {
        case .planned(_, let id), .compromised(_, let id): id
        }
    }

    var auditEvent: AuditEvent {
        switch self {
        case .planned: .keyRotated
        case .compromised: .keyCompromised
        }
    }
}

/// What a rotation comes to.
package enum KeyRotationPlan: Sendable, Equatable {
    /// The rings after it. One more key of each purpose in `missing` belongs into them.
    case change([StoredKey], missing: [KeyPurpose])
    /// Another key is active by now.
    case done
    case tooEarly(until: UnixTime)
    /// The ring has no such key, or, planned, the key was never active; or the ring does not rotate.
    case unknownKey
}

/// The life of keys: next (published, not signing) -> active -> retired (verifies) -> gone. Pure; keys are made before
/// and handed in as `fresh`.
package enum KeyRing {
    /// What each installation has. Each purpose joins when its feature needs it.
    static let purposes: [KeyPurpose] = [.signing, .refresh, .device, .lookup]

    /// Names under `lookup` keys must keep their meaning, so that ring never rotates and has no next.
    private static func rotates(_ purpose: KeyPurpose) -> Bool { purpose != .lookup }

    /// Nil when the rings are what we would have written, else what is wrong.
    package static func damage(of stored: [StoredKey]) -> String? {
        if Set(stored.map(\.id)).count != stored.count { return "two keys have the same id" }
        for purpose in KeyPurpose.allCases {
            for state in [KeyState.active, .next]
            where stored.count(where: { $0.purpose == purpose && $0.state == state }) > 1 {
                return "the \(purpose.rawValue) ring has two keys that are \(state.rawValue)"
            }
        }
        return nil
    }

    /// The purposes of keys that `maintained` would need at `now`, one for each key.
    package static func missing(in stored: [StoredKey], policy: KeyRingPolicy, at now: UnixTime) -> [KeyPurpose] {
        var maintenance = Maintenance(keys: stored, fresh: [], policy: policy, now: now)
        maintenance.run()
        return maintenance.missing
    }

    /// Drops what is gone, promotes what is due and fills the rings up from `fresh`. Nil when nothing changes.
    package static func maintained(
        _ stored: [StoredKey], fresh: [StoredKey], policy: KeyRingPolicy, at now: UnixTime
    ) -> [StoredKey]? {
        var maintenance = Maintenance(keys: stored, fresh: fresh, policy: policy, now: now)
        maintenance.run()
        return maintenance.keys == stored ? nil : maintenance.keys
    }

    /// When a planned rotation of `purpose` may happen; nil without a next key, which lookup keys never have.
    package static func earliestRotation(
        of purpose: KeyPurpose, in stored: [StoredKey], policy: KeyRingPolicy
    ) -> UnixTime? {
        stored.first { $0.purpose == purpose && $0.state == .next }?
            .createdAt.adding(milliseconds: policy.publicationMilliseconds)
    }

    /// By purpose, and in each ring active, next, retired, the older first.
    static func describe(_ stored: [StoredKey], policy: KeyRingPolicy) -> [KeyDescription] {
        KeyPurpose.allCases.flatMap { purpose in
            [KeyState.active, .next, .retired].flatMap { state in
                stored.filter { $0.purpose == purpose && $0.state == state }.sorted { $0.createdAt < $1.createdAt }
            }
        }.map { key in
            KeyDescription(
                purpose: key.purpose, id: key.id, algorithm: key.algorithm, state: key.state, createdAt: key.createdAt,
                changedAt: key.changedAt,
                earliestRotation: key.state == .active
                    ? earliestRotation(of: key.purpose, in: stored, policy: policy) : nil)
        }
    }

    /// What `rotation` comes to at `now`, the rings filled up from `fresh`.
    package static func plan(
        _ rotation: KeyRotation, of stored: [StoredKey], fresh: [StoredKey], policy: KeyRingPolicy, at now: UnixTime
    ) -> KeyRotationPlan {
        let purpose = rotation.purpose
        guard rotates(purpose), let key = stored.first(where: { $0.purpose == purpose && $0.id == rotation.id }) else {
            return .unknownKey
        }
        var maintenance = Maintenance(keys: stored, fresh: fresh, policy: policy, now: now)
        switch rotation {
        case .planned:
            // A next key that is named was taken for the one to rotate to.
            if key.state == .next { return .unknownKey }
            if key.state == .retired { return .done }
            let earliest = earliestRotation(of: purpose, in: stored, policy: policy)
            guard let earliest, now >= earliest else {
                return .tooEarly(until: earliest ?? now.adding(milliseconds: policy.publicationMilliseconds))
            }
            maintenance.promoteNext(of: purpose)
        case .compromised:
            maintenance.keys.removeAll { $0.purpose == purpose && $0.id == rotation.id }
        }
        // What is due in another ring waits for the upkeep, in whose name it is audited.
        maintenance.run([purpose])
        return .change(maintenance.keys, missing: maintenance.missing)
    }

    /// One pass over the rings.
    private struct Maintenance {
        var keys: [StoredKey]
        var fresh: [StoredKey]
        let policy: KeyRingPolicy
        let now: UnixTime
        var missing: [KeyPurpose] = []

        init(keys: [StoredKey], fresh: [StoredKey], policy: KeyRingPolicy, now: UnixTime) {
            self.keys = keys
            self.fresh = fresh
            self.policy = policy
            self.now = now
        }

        func key(of purpose: KeyPurpose, in state: KeyState) -> StoredKey? {
            keys.first { $0.purpose == purpose && $0.state == state }
        }

        mutating func run(_ purposes: [KeyPurpose] = KeyRing.purposes) {
            keys.removeAll { key in
                key.state == .retired
                    && now >= key.changedAt.adding(milliseconds: policy.retentionMilliseconds(of: key.purpose))
            }
            for purpose in purposes {
                replaceUnwantedNext(of: purpose)
                if key(of: purpose, in: .active) == nil { promoteNext(of: purpose) }
                if key(of: purpose, in: .active) == nil { add(purpose, as: .active) }
                guard KeyRing.rotates(purpose) else { continue }
                if isDue(purpose) { promoteNext(of: purpose) }
                if key(of: purpose, in: .next) == nil { add(purpose, as: .next) }
            }
        }

        /// The active key retires, the next one becomes active.
        mutating func promoteNext(of purpose: KeyPurpose) {
            guard let next = key(of: purpose, in: .next) else { return }
            for index in keys.indices where keys[index].purpose == purpose {
                if keys[index].state == .active { move(index, to: .retired) }
                if keys[index].id == next.id { move(index, to: .active) }
            }
        }

        /// A next key has signed nothing, so one of another algorithm than is wanted now can just go, unless it is
        /// needed this moment.
        private mutating func replaceUnwantedNext(of purpose: KeyPurpose) {
            guard purpose == .signing, key(of: purpose, in: .active) != nil else { return }
            keys.removeAll {
                $0.purpose == purpose && $0.state == .next && $0.algorithm != policy.signingAlgorithm.rawValue
            }
        }

        private func isDue(_ purpose: KeyPurpose) -> Bool {
            guard let active = key(of: purpose, in: .active), let next = key(of: purpose, in: .next),
                now >= next.createdAt.adding(milliseconds: policy.publicationMilliseconds)
            else { return false }
            if purpose == .signing, active.algorithm != policy.signingAlgorithm.rawValue { return true }
            guard let limit = policy.activeMilliseconds else { return false }
            return now >= active.changedAt.adding(milliseconds: limit)
        }

        private mutating func move(_ index: Int, to state: KeyState) {
            keys[index].state = state
            keys[index].changedAt = now
        }

        private mutating func add(_ purpose: KeyPurpose, as state: KeyState) {
            guard let index = fresh.firstIndex(where: { $0.purpose == purpose }) else {
                missing.append(purpose)
                return
            }
            var key = fresh.remove(at: index)
            key.state = state
            keys.append(key)
        }
    }
}
