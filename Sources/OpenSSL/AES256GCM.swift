internal import COpenSSL

/// Authenticated encryption with AES-256-GCM (NIST SP 800-38D). A sealed value is `nonce (12) || ciphertext || tag (16)`;
/// nonces are random, so one key must not seal more than 2^32 values.
package enum AES256GCM {
    package static let keyByteCount = 32
    /// What sealing adds to the plain bytes.
    package static let overheadByteCount = nonceByteCount + tagByteCount

    private static let nonceByteCount = 12
    private static let tagByteCount = 16

    /// Seals `plain`; `associatedData` is authenticated, not stored, and must be the same when opening.
    package static func seal(
        _ plain: RawSpan, key: SecretBytes, associatedData: RawSpan
    ) throws(OpenSSLError) -> [UInt8] {
        let nonce = try SecureRandom.bytes(nonceByteCount)
        let context = try Context(key: key, nonce: nonce.span.bytes, isSealing: true)
        var sealed = nonce + [UInt8](repeating: 0, count: plain.byteCount + tagByteCount)
        let isSealed = sealed.withUnsafeMutableBytes { output in
            let ciphertext = UnsafeMutableRawBufferPointer(
                rebasing: output[nonceByteCount..<output.count - tagByteCount])
            let tag = UnsafeMutableRawBufferPointer(rebasing: output[(output.count - tagByteCount)...])
            return context.authenticate(associatedData)
                && plain.withUnsafeBytes { context.update($0, into: ciphertext) }
                && context.finish()
                && EVP_CIPHER_CTX_ctrl(
                    context.pointer, EVP_CTRL_AEAD_GET_TAG, Int32(tagByteCount), tag.baseAddress) == 1
        }
        guard isSealed else { throw OpenSSLError("sealing with AES-256-GCM") }
        return sealed
    }

    /// Opens what `seal` made. Anything changed, cut or sealed under another key or associated data is an error, and no
    /// byte of the plain text is given out then.
    package static func open(
        _ sealed: RawSpan, key: SecretBytes, associatedData: RawSpan
    ) throws(OpenSSLError) -> SecretBytes {
        guard sealed.byteCount >= overheadByteCount else {
            throw OpenSSLError(refusing: "opening a short sealed value")
        }
        let context = try Context(key: key, nonce: sealed.extracting(first: nonceByteCount), isSealing: false)
        let ciphertext = sealed.extracting(droppingFirst: nonceByteCount).extracting(droppingLast: tagByteCount)
        var tag = sealed.extracting(last: tagByteCount).withUnsafeBytes { Array($0) }
        return try SecretBytes(count: ciphertext.byteCount) { plain throws(OpenSSLError) in
            let isOpen =
                context.authenticate(associatedData)
                && ciphertext.withUnsafeBytes { context.update($0, into: plain) }
                && EVP_CIPHER_CTX_ctrl(context.pointer, EVP_CTRL_AEAD_SET_TAG, Int32(tagByteCount), &tag) == 1
                && context.finish()
            guard isOpen else {
                wipe(plain)
                throw OpenSSLError("opening with AES-256-GCM")
            }
        }
    }

    /// One use of the cipher.
    private final class Context {
        let pointer: OpaquePointer

        init(key: SecretBytes, nonce: RawSpan, isSealing: Bool) throws(OpenSSLError) {
            guard key.count == keyByteCount else { throw OpenSSLError(refusing: "keying AES-256-GCM") }
            guard let cipher = Algorithms.aes256GCM, let pointer = EVP_CIPHER_CTX_new() else {
                throw OpenSSLError("fetching AES-256-GCM")
            }
            self.pointer = pointer
            let result = key.withUnsafeBytes { key in
                nonce.withUnsafeBytes { nonce in
                    EVP_CipherInit_ex2(
                        pointer, cipher, key.baseAddress?.assumingMemoryBound(to: UInt8.self),
                        nonce.baseAddress?.assumingMemoryBound(to: UInt8.self), isSealing ? 1 : 0, nil)
                }
            }
            guard result == 1 else { throw OpenSSLError("keying AES-256-GCM") }
        }

        deinit { EVP_CIPHER_CTX_free(pointer) }

        func authenticate(_ associatedData: RawSpan) -> Bool {
            associatedData.withUnsafeBytes { step($0, into: nil) }
        }

        func update(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Bool {
            step(input, into: output.baseAddress)
        }

        func finish() -> Bool {
            // GCM writes nothing here; OpenSSL still wants a place to write to.
            var block: (UInt64, UInt64) = (0, 0)
            var count: Int32 = 0
            return withUnsafeMutableBytes(of: &block) {
                EVP_CipherFinal_ex(pointer, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), &count) == 1
            }
        }

        private func step(_ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawPointer?) -> Bool {
            guard let inputCount = Int32(exactly: input.count) else { return false }
            guard inputCount > 0 else { return true }
            var count: Int32 = 0
            return EVP_CipherUpdate(
                pointer, output?.assumingMemoryBound(to: UInt8.self), &count,
                input.baseAddress?.assumingMemoryBound(to: UInt8.self), inputCount) == 1
        }
    }
}
