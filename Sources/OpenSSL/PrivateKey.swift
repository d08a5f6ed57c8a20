internal import COpenSSL

/// A private key. OpenSSL holds its numbers and wipes them when the last reference goes. Any thread may sign with it.
package struct PrivateKey: Sendable {
    private let handle: KeyHandle
    /// The other half, with no private number in its memory.
    package let publicKey: PublicKey

    package var kind: KeyKind { handle.kind }

    /// A fresh key. `rsaBits` matters for RSA alone and must lie in `RSALimits.bits`. An RSA key takes some 0.1 s and
    /// up: never on a loop.
    package static func generate(_ kind: KeyKind, rsaBits: Int = 2048) throws(OpenSSLError) -> PrivateKey {
        let pointer: OpaquePointer?
        switch kind {
        case .rsa:
            guard RSALimits.bits.contains(rsaBits) else { throw OpenSSLError(refusing: "the size of an RSA key") }
            pointer = portcullis_generate_rsa(UInt32(clamping: rsaBits))
        case .p256: pointer = portcullis_generate_ec("P-256")
        case .ed25519: pointer = portcullis_generate_ed25519()
        }
        guard let pointer else { throw OpenSSLError("generating a key") }
        return try PrivateKey(handle: KeyHandle(adopting: pointer))
    }

    private init(handle: KeyHandle) throws(OpenSSLError) {
        self.handle = handle
        publicKey = try PublicKey(of: handle)
    }

    /// From a DER PKCS #8 PrivateKeyInfo (RFC 5958), not encrypted, with nothing after it; both halves are checked to
    /// belong together.
    package init(pkcs8 bytes: RawSpan) throws(OpenSSLError) {
        let pointer = bytes.withUnsafeBytes { bytes -> OpaquePointer? in
            guard let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
            var cursor: UnsafePointer<UInt8>? = start
            guard let information = d2i_PKCS8_PRIV_KEY_INFO(nil, &cursor, bytes.count) else { return nil }
            defer { PKCS8_PRIV_KEY_INFO_free(information) }
            guard cursor == start + bytes.count else { return nil }
            return EVP_PKCS82PKEY_ex(information, nil, nil)
        }
        guard let pointer else { throw OpenSSLError("reading a private key") }
        try self.init(handle: KeyHandle(adopting: pointer))
        try checkPair()
    }

    /// Signs and verifies once. OpenSSL's own check proves the primes of an RSA key again, which takes 40 ms.
    private func checkPair() throws(OpenSSLError) {
        let message = Array("pairwise consistency".utf8)
        guard try SignatureVerifier(publicKey).isValid(signature(for: message), for: message) else {
            throw OpenSSLError(refusing: "a private key whose halves do not belong together")
        }
    }

    /// The key as DER PKCS #8, for sealing.
    package func pkcs8() throws(OpenSSLError) -> SecretBytes {
        guard let information = EVP_PKEY2PKCS8(handle.pointer) else { throw OpenSSLError("writing a private key") }
        defer { PKCS8_PRIV_KEY_INFO_free(information) }
        let count = i2d_PKCS8_PRIV_KEY_INFO(information, nil)
        guard count > 0 else { throw OpenSSLError("writing a private key") }
        return try SecretBytes(count: Int(count)) { buffer throws(OpenSSLError) in
            var cursor = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
            guard i2d_PKCS8_PRIV_KEY_INFO(information, &cursor) == count else {
                throw OpenSSLError("writing a private key")
            }
        }
    }

    /// Signs by the scheme of the key's kind. ECDSA signatures are raw `r || s`, 64 bytes (RFC 7518 section 3.4).
    package func signature(for message: RawSpan) throws(OpenSSLError) -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else { throw OpenSSLError("signing") }
        defer { EVP_MD_CTX_free(context) }
        let digest = kind == .ed25519 ? nil : "SHA256"
        guard EVP_DigestSignInit_ex(context, nil, digest, nil, nil, handle.pointer, nil) == 1 else {
            throw OpenSSLError("signing")
        }
        var count = Int(EVP_PKEY_get_size(handle.pointer))
        guard count > 0 else { throw OpenSSLError("signing") }
        var signature = [UInt8](repeating: 0, count: count)
        let result = message.withUnsafeBytes {
            EVP_DigestSign(
                context, &signature, &count, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count)
        }
        guard result == 1, count <= signature.count else { throw OpenSSLError("signing") }
        signature.removeLast(signature.count - count)
        return kind == .p256 ? try ECDSASignature.raw(fromDER: signature) : signature
    }
}
