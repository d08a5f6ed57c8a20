internal import COpenSSL

/// The public half of a key, checked: an RSA key has 2048 bits at least, a P-256 point lies on the curve.
package struct PublicKey: Sendable {
    /// The numbers of a key as a JWK spells them (RFC 7518 section 6, RFC 8037 section 2): big-endian bytes, of fixed
    /// length for the curves, without leading zeros for RSA.
    package enum Components: Sendable, Equatable {
        case rsa(modulus: [UInt8], exponent: [UInt8])
        case p256(x: [UInt8], y: [UInt8])
        case ed25519([UInt8])
    }

    let handle: KeyHandle

    package var kind: KeyKind { handle.kind }

    /// The public half of a private key, copied by way of its SubjectPublicKeyInfo. It is our own and not checked again.
    init(of privateKey: KeyHandle) throws(OpenSSLError) {
        let count = i2d_PUBKEY(privateKey.pointer, nil)
        guard count > 0 else { throw OpenSSLError("writing a public key") }
        var bytes = [UInt8](repeating: 0, count: Int(count))
        let written = bytes.withUnsafeMutableBufferPointer { buffer in
            var cursor = buffer.baseAddress
            return i2d_PUBKEY(privateKey.pointer, &cursor)
        }
        guard written == count, let pointer = PublicKey.parse(bytes.span.bytes) else {
            throw OpenSSLError("copying a public key")
        }
        handle = try KeyHandle(adopting: pointer)
    }

    /// From a DER SubjectPublicKeyInfo (RFC 5280), with nothing after it.
    package init(subjectPublicKeyInfo bytes: RawSpan) throws(OpenSSLError) {
        try self.init(checking: PublicKey.parse(bytes))
    }

    private static func parse(_ bytes: RawSpan) -> OpaquePointer? {
        bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
            var cursor: UnsafePointer<UInt8>? = start
            guard let key = d2i_PUBKEY_ex(nil, &cursor, bytes.count, nil, nil) else { return nil }
            guard cursor == start + bytes.count else {
                EVP_PKEY_free(key)
                return nil
            }
            return key
        }
    }

    /// From the numbers of a JWK.
    package init(_ components: Components) throws(OpenSSLError) {
        switch components {
        case .rsa(let modulus, let exponent):
            guard modulus.count * 8 <= RSALimits.bits.upperBound + 64, (1...8).contains(exponent.count) else {
                throw OpenSSLError(refusing: "the size of an RSA key")
            }
            try self.init(checking: portcullis_rsa_public_key(modulus, modulus.count, exponent, exponent.count))
        case .p256(let x, let y):
            guard x.count == 32, y.count == 32 else { throw OpenSSLError(refusing: "the size of a P-256 point") }
            try self.init(checking: portcullis_p256_public_key([0x04] + x + y))
        case .ed25519(let bytes):
            guard bytes.count == 32 else { throw OpenSSLError(refusing: "the size of an Ed25519 key") }
            try self.init(
                checking: EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, bytes, bytes.count))
        }
    }

    private init(checking pointer: OpaquePointer?) throws(OpenSSLError) {
        guard let pointer else { throw OpenSSLError("reading a public key") }
        handle = try KeyHandle(adopting: pointer)
        try handle.checkPublicHalf()
    }

    package func components() throws(OpenSSLError) -> Components {
        switch kind {
        case .rsa:
            return .rsa(modulus: try number("n", minimumCount: 1), exponent: try number("e", minimumCount: 1))
        case .p256:
            return .p256(x: try number("qx", minimumCount: 32), y: try number("qy", minimumCount: 32))
        case .ed25519:
            var bytes = [UInt8](repeating: 0, count: 32)
            var count = bytes.count
            guard EVP_PKEY_get_raw_public_key(handle.pointer, &bytes, &count) == 1, count == 32 else {
                throw OpenSSLError("reading an Ed25519 key")
            }
            return .ed25519(bytes)
        }
    }

    /// One of the key's numbers in big-endian bytes, padded in front to `minimumCount`.
    private func number(_ name: String, minimumCount: Int) throws(OpenSSLError) -> [UInt8] {
        var number: OpaquePointer?
        guard EVP_PKEY_get_bn_param(handle.pointer, name, &number) == 1, let number else {
            throw OpenSSLError("reading a number of a key")
        }
        defer { BN_free(number) }
        let count = max(minimumCount, (Int(BN_num_bits(number)) + 7) / 8)
        var bytes = [UInt8](repeating: 0, count: count)
        guard BN_bn2binpad(number, &bytes, Int32(clamping: count)) == Int32(clamping: count) else {
            throw OpenSSLError("reading a number of a key")
        }
        return bytes
    }
}
