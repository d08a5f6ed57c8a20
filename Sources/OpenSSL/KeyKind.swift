internal import COpenSSL

/// The kinds of asymmetric keys we use. A kind has one signature scheme, so a key cannot be used with another.
package enum KeyKind: Sendable, Equatable, CaseIterable {
    /// 2048 to 8192 bits; RSASSA-PKCS1-v1_5 with SHA-256.
    case rsa
    /// NIST P-256; ECDSA with SHA-256, signatures as raw `r || s`.
    case p256
    /// Ed25519 (RFC 8032).
    case ed25519
}

/// Bounds of RSA keys: below, NIST SP 800-131A forbids them; above, one verification costs a client's whole patience.
package enum RSALimits {
    package static let bits = 2048...8192
}

/// One EVP_PKEY, checked when it was made and immutable since: any thread may use it.
final class KeyHandle: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer
    let kind: KeyKind

    /// Takes ownership of `pointer` and refuses what is no good key of ours: other types and curves, RSA keys out of
    /// bounds, points that are not on the curve.
    init(adopting pointer: OpaquePointer) throws(OpenSSLError) {
        guard let kind = KeyHandle.kind(of: pointer) else {
            EVP_PKEY_free(pointer)
            throw OpenSSLError("accepting the type of a key")
        }
        self.pointer = pointer
        self.kind = kind
    }

    deinit { EVP_PKEY_free(pointer) }

    /// Checks the public half (SP 800-89, SP 800-56A): a point on the curve and in the group, a plausible modulus.
    func checkPublicHalf() throws(OpenSSLError) {
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, pointer, nil) else { throw OpenSSLError("checking a key") }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_public_check(context) == 1 else { throw OpenSSLError("checking a public key") }
    }

    private static func kind(of pointer: OpaquePointer) -> KeyKind? {
        if EVP_PKEY_is_a(pointer, "RSA") == 1 {
            return RSALimits.bits.contains(Int(EVP_PKEY_get_bits(pointer))) ? .rsa : nil
        }
        if EVP_PKEY_is_a(pointer, "ED25519") == 1 { return .ed25519 }
        guard EVP_PKEY_is_a(pointer, "EC") == 1 else { return nil }
        var name = [CChar](repeating: 0, count: 64)
        var count = 0
        guard EVP_PKEY_get_group_name(pointer, &name, name.count, &count) == 1 else { return nil }
        return name.prefix(max(0, count)).elementsEqual("prime256v1".utf8.map { CChar($0) }) ? .p256 : nil
    }
}
