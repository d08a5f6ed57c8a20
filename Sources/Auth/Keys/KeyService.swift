package import JWT
import OpenSSL

/// Makes, keeps and rotates the rings in the store.
package struct KeyService: Sendable {
    /// Makes a signing key. RS256 takes some 0.1 s, so that a server gives one that leaves the loop.
    package typealias SigningKeyMaker = @Sendable (SigningAlgorithm) async throws(TokenKeyError) -> TokenSigningKey

    /// Looks that are answered by a change of somebody else's before it is given up.
    static let attempts = 4

    let store: any KeyAdministration
    let master: MasterKeys
    let policy: KeyRingPolicy
    let makeSigningKey: SigningKeyMaker

    package init(
        store: any KeyAdministration, master: MasterKeys, policy: KeyRingPolicy,
        makeSigningKey: @escaping SigningKeyMaker = { algorithm throws(TokenKeyError) in try .generate(algorithm) }
    ) {
        self.store = store
        self.master = master
        self.policy = policy
        self.makeSigningKey = makeSigningKey
    }

    /// The rings, after making what an installation lacks, promoting what is due and dropping what is gone. For the start
    /// and, about once a minute, for the upkeep. Keys that do not open are an error before anything is changed.
    ///
    /// Unless `completely`, only what is needed to begin is made: a new installation's next keys, which nobody can wait
    /// for yet, would double the time to its first answer.
    package func load(at now: UnixTime, completely: Bool = true) async throws(KeyRingError) -> KeyRingSnapshot {
        let policy = policy
        var stored = try await update { _ in nil }
        if !stored.isEmpty { _ = try KeyRingSnapshot(opening: stored, with: master) }
        // A parallel start may fill the rings between the look and the change; then nothing is missing any more.
        for _ in 0..<KeyService.attempts {
            var missing = KeyRing.missing(in: stored, policy: policy, at: now)
            if !completely {
                missing = Set(missing).filter { purpose in !stored.contains { $0.purpose == purpose } }
                    .sorted { $0.rawValue < $1.rawValue }
                if missing.isEmpty { break }
            }
            guard KeyRing.maintained(stored, fresh: [], policy: policy, at: now) != nil || !missing.isEmpty else {
                break
            }
            let fresh = try await makeKeys(for: missing, at: now)
            stored = try await update { KeyRing.maintained($0, fresh: fresh, policy: policy, at: now) }
        }
        return try KeyRingSnapshot(opening: stored, with: master)
    }

    /// The rings as they are stored now; nothing is made and nothing moves on.
    package func reload() async throws(KeyRingError) -> KeyRingSnapshot {
        try KeyRingSnapshot(opening: try await update { _ in nil }, with: master)
    }

    /// The same with another list of master keys.
    package func under(_ master: MasterKeys) -> KeyService {
        KeyService(store: store, master: master, policy: policy, makeSigningKey: makeSigningKey)
    }

    private func update(
        _ change: @escaping @Sendable ([StoredKey]) -> [StoredKey]?
    ) async throws(KeyRingError) -> [StoredKey] {
        do throws(StoreError) {
            return try await store.update { stored in KeyRing.damage(of: stored) == nil ? change(stored) : nil }
        } catch {
            throw .store(error)
        }
    }

    func makeKeys(for purposes: [KeyPurpose], at now: UnixTime) async throws(KeyRingError) -> [StoredKey] {
        var keys: [StoredKey] = []
        for purpose in purposes { keys.append(try await makeKey(for: purpose, at: now)) }
        return keys
    }

    private func makeKey(for purpose: KeyPurpose, at now: UnixTime) async throws(KeyRingError) -> StoredKey {
        let id: String
        let algorithm: SigningAlgorithm
        let secret: SecretBytes
        if purpose == .signing {
            let key: TokenSigningKey
            do throws(TokenKeyError) { key = try await makeSigningKey(policy.signingAlgorithm) } catch {
                throw .signing(error)
            }
            id = key.keyID
            algorithm = key.algorithm
            do throws(OpenSSLError) { secret = try key.exported() } catch { throw .openSSL(error) }
        } else {
            algorithm = .hs256
            do throws(OpenSSLError) {
                id = UInt64(bigEndianBytes: try SecureRandom.bytes(8)).hexText
                secret = try SecretBytes(randomCount: 32)
            } catch {
                throw .openSSL(error)
            }
        }
        let sealed: [UInt8]
        do throws(OpenSSLError) { sealed = try master.seal(secret, purpose: purpose, keyID: id) } catch {
            throw .openSSL(error)
        }
        return StoredKey(
            id: id, purpose: purpose, algorithm: algorithm.rawValue, state: .next, sealed: sealed, createdAt: now,
            changedAt: now)
    }
}
