package import JWT
package import OpenSSL

/// Why the keys cannot be used. Nothing is changed then.
package enum KeyRingError: Error, Sendable, Equatable, CustomStringConvertible {
    case store(StoreError)
    /// The rings as stored cannot be what we wrote.
    case damaged(String)
    /// A stored key does not open with the master keys at hand.
    case sealed(purpose: KeyPurpose, id: String, SealError)
    case signing(TokenKeyError)
    case openSSL(OpenSSLError)

    package var description: String {
        switch self {
        case .store(let error): "the key store did not answer: \(error)"
        case .damaged(let reason): "the stored keys are damaged: \(reason). Restore the data from a backup."
        case .sealed(let purpose, let id, .unknownMasterKey(let master)):
            "the \(purpose.rawValue) key \(id) is sealed under master key \(master), which the master key file does not "
                + "hold. Put that key back into the file."
        case .sealed(let purpose, let id, .damaged):
            "the stored \(purpose.rawValue) key \(id) is damaged. Restore the data from a backup."
        case .signing(let error): "a signing key cannot be used: \(error)"
        case .openSSL(let error): "OpenSSL failed: \(error)"
        }
    }
}

/// The rings at one moment, opened: what every loop works with. Immutable; a change is a new snapshot.
package struct KeyRingSnapshot: Sendable {
    /// Signs access tokens.
    package let signing: TokenSigningKey
    /// Every key a good token may name: active, next, retired, in that order.
    package let verification: [TokenVerificationKey]
    package let refresh: RefreshKeys
    package let devices: DeviceKeys
    package let lookup: LookupKeys
    /// `/.well-known/jwks.json` (RFC 7517) and its strong entity tag, quotes included (RFC 9110 section 8.8.3).
    package let jwks: [UInt8]
    package let jwksETag: String

    /// Opens what is stored.
    package init(opening stored: [StoredKey], with master: MasterKeys) throws(KeyRingError) {
        if let damage = KeyRing.damage(of: stored) { throw .damaged(damage) }
        var signing: [KeyState: [TokenSigningKey]] = [:]
        var refresh: [KeyState: [RefreshKey]] = [:]
        var devices: [KeyState: [DeviceKey]] = [:]
        var lookup: LookupKeys?
        for key in stored {
            let secret: SecretBytes
            do throws(SealError) { secret = try master.open(key.sealed, purpose: key.purpose, keyID: key.id) } catch {
                throw .sealed(purpose: key.purpose, id: key.id, error)
            }
            switch key.purpose {
            case .signing: signing[key.state, default: []].append(try KeyRingSnapshot.signingKey(key, secret))
            case .refresh: refresh[key.state, default: []].append(try KeyRingSnapshot.refreshKey(key, secret))
            case .device: devices[key.state, default: []].append(try KeyRingSnapshot.deviceKey(key, secret))
            case .lookup where key.state == .active: lookup = LookupKeys(HMACSHA256Key(secret))
            case .lookup: break
            }
        }
        guard let activeSigning = signing[.active]?.first, let activeRefresh = refresh[.active]?.first, let lookup
        else {
            throw .damaged("a ring has no active key")
        }
        self.signing = activeSigning
        verification = [KeyState.active, .next, .retired].flatMap { signing[$0, default: []].map(\.verificationKey) }
        self.refresh = RefreshKeys(
            active: activeRefresh, others: refresh[.next, default: []] + refresh[.retired, default: []])
        // No active one in an installation from before there were any.
        self.devices = DeviceKeys(
            active: devices[.active]?.first, others: devices[.next, default: []] + devices[.retired, default: []])
        self.lookup = lookup
        do throws(TokenKeyError) { jwks = try JWKS.document(verification) } catch { throw .signing(error) }
        do throws(OpenSSLError) {
            jwksETag = "\"" + UInt64(bigEndianBytes: try SHA256.hash(jwks).prefix(8)).hexText + "\""
        } catch {
            throw .openSSL(error)
        }
    }

    /// The key at work; nil for a ring that does not rotate.
    package func activeID(of purpose: KeyPurpose) -> String? {
        switch purpose {
        case .signing: signing.keyID
        case .refresh: refresh.active.id.hexText
        case .device: devices.active?.id.hexText
        case .lookup: nil
        }
    }

    private static func signingKey(_ key: StoredKey, _ secret: SecretBytes) throws(KeyRingError) -> TokenSigningKey {
        guard let algorithm = SigningAlgorithm(rawValue: key.algorithm) else {
            throw .damaged("the algorithm of key \(key.id) is unknown")
        }
        do throws(TokenKeyError) {
            return try TokenSigningKey(keyID: key.id, algorithm: algorithm, exported: secret)
        } catch {
            throw .signing(error)
        }
    }

    private static func refreshKey(_ key: StoredKey, _ secret: SecretBytes) throws(KeyRingError) -> RefreshKey {
        guard let id = UInt64(hexText: key.id) else { throw .damaged("\(key.id) is no id of a refresh key") }
        do throws(OpenSSLError) { return try RefreshKey(id: id, secret: secret) } catch { throw .openSSL(error) }
    }

    private static func deviceKey(_ key: StoredKey, _ secret: SecretBytes) throws(KeyRingError) -> DeviceKey {
        guard let id = UInt64(hexText: key.id) else { throw .damaged("\(key.id) is no id of a device key") }
        do throws(OpenSSLError) { return try DeviceKey(id: id, secret: secret) } catch { throw .openSSL(error) }
    }
}
