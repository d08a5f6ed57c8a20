/// What a stored key is for. Each purpose has a ring of its own: one key's compromise does not touch another's.
package enum KeyPurpose: String, Sendable, CaseIterable {
    /// Access tokens (JWS).
    case signing
    /// Tags of refresh tokens, and the wrapping of session secrets.
    case refresh
    /// Device credentials.
    case device
    /// Keyed HMACs of names and addresses in the attempts table and throttle keys.
    case lookup
}

/// Where a key stands in its life: next (published, not yet signing) -> active -> retired (verifies) -> gone.
package enum KeyState: String, Sendable {
    case next, active, retired
}

/// A key as stored; its private part is sealed under the master key named in the sealed value.
package struct StoredKey: Sendable, Equatable {
    package let id: String
    package let purpose: KeyPurpose
    /// JWS `alg` for signing keys; "HS256" for the symmetric ones. A key is bound to it for life.
    package let algorithm: String
    package var state: KeyState
    package var sealed: [UInt8]
    package let createdAt: UnixTime
    /// When it entered `state`.
    package var changedAt: UnixTime

    package init(
        id: String, purpose: KeyPurpose, algorithm: String, state: KeyState, sealed: [UInt8], createdAt: UnixTime,
        changedAt: UnixTime
    ) {
        self.id = id
        self.purpose = purpose
        self.algorithm = algorithm
        self.state = state
        self.sealed = sealed
        self.createdAt = createdAt
        self.changedAt = changedAt
    }
}

/// The key rings as stored.
package protocol KeyStore: Sendable {
    /// Reads all keys, asks `change` and replaces them by its answer in one transaction (nil: leave as they are).
    /// Returns what is stored afterwards. Parallel callers are serialised, so a ring is initialised once. That a key
    /// retires is audited as a rotation by the server.
    func update(
        _ change: @escaping @Sendable ([StoredKey]) -> [StoredKey]?
    ) async throws(StoreError) -> [StoredKey]
}

/// Changes of the rings that somebody asks for.
package protocol KeyAdministration: KeyStore {
    /// As `update`, for an authority that is checked first, in the same transaction. `event` is audited, with `detail` (a
    /// key's id), only when `change` answers other keys. With a `change` of nil it is how an administrator reads the keys.
    func administer(
        as authority: Authority, from origin: RequestOrigin, at now: UnixTime, audit event: AuditEvent, detail: String?,
        _ change: @escaping @Sendable ([StoredKey]) -> [StoredKey]?
    ) async throws(StoreError) -> AdminResult<[StoredKey]>
}
