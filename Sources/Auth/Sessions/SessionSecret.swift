package import OpenSSL

/// The random secret of one session, with the refresh key it was sealed under when the session was opened.
///
/// The session keeps that key for life: a refresh token is a function of session, counter, secret and key alone, so
/// "again" is the same bytes on every node, also when the ring rotated in between. The ring keeps a retired key for as
/// long as a session may live.
package struct SessionSecret: Sendable {
    /// What the session's row holds: the key's id, then nonce, ciphertext and tag.
    package let sealed: [UInt8]
    let session: Identifier
    let key: RefreshKey
    private let proving: HMACSHA256Key

    /// A fresh secret.
    package static func make(for session: Identifier, key: RefreshKey) throws(OpenSSLError) -> SessionSecret {
        let secret = try SecretBytes(randomCount: HMACSHA256Key.tagByteCount)
        let sealed = try AES256GCM.seal(
            secret, key: key.wrapping, associatedData: associatedData(key: key.id, session: session))
        return SessionSecret(
            sealed: key.id.bigEndianBytes + sealed, session: session, key: key, proving: HMACSHA256Key(secret))
    }

    /// From a row. Nil when it was not made for this session or its key is not in the ring.
    package static func open(_ sealed: [UInt8], for session: Identifier, keys: RefreshKeys) -> SessionSecret? {
        guard sealed.count > 8, let key = keys[UInt64(bigEndianBytes: sealed.prefix(8))] else { return nil }
        let secret: SecretBytes
        do throws(OpenSSLError) {
            secret = try AES256GCM.open(
                Array(sealed.dropFirst(8)), key: key.wrapping,
                associatedData: associatedData(key: key.id, session: session))
        } catch {
            return nil
        }
        return SessionSecret(sealed: sealed, session: session, key: key, proving: HMACSHA256Key(secret))
    }

    func proof(counter: UInt32) throws(OpenSSLError) -> [UInt8] {
        try proving.authenticate(provenBytes(counter: counter))
    }

    func isProof(_ proof: [UInt8], counter: UInt32) -> Bool {
        proving.isValid(proof, for: provenBytes(counter: counter))
    }

    private func provenBytes(counter: UInt32) -> [UInt8] {
        Array("refresh token proof".utf8) + session.bytes + counter.bigEndianBytes
    }

    private static func associatedData(key: UInt64, session: Identifier) -> [UInt8] {
        Array(KeyPurpose.refresh.rawValue.utf8) + [0] + key.bigEndianBytes + session.bytes
    }
}
