internal import COpenSSL

/// Verifies signatures (or HMAC-SHA-256 tags) of one key, again and again, on one thread.
///
/// Everything that does not depend on the message is done once: contexts made, keyed and set up, so that a verification
/// is a digest and the mathematics. The key is a copy of its own, because OpenSSL takes a lock on a shared RSA key.
/// Not Sendable: one verifier belongs to one loop.
package final class SignatureVerifier {
    private enum Method {
        /// SHA-256 apart, then `EVP_PKEY_verify` on an initialised context (16.6 us where `EVP_DigestVerify` takes 19.6).
        case digestThenVerify(EVP, isECDSA: Bool)
        /// Ed25519 takes the whole message.
        case wholeMessage(EVP)
        case hmac(HMACContext)
    }

    private let method: Method

    package init(_ key: PublicKey) throws(OpenSSLError) {
        let context = try EVP(copying: key.handle)
        switch key.kind {
        case .rsa: try context.prepare(hasPKCS1Padding: true)
        case .p256: try context.prepare(hasPKCS1Padding: false)
        case .ed25519: break
        }
        method = key.kind == .ed25519 ? .wholeMessage(context) : .digestThenVerify(context, isECDSA: key.kind == .p256)
    }

    /// Verifies HMAC-SHA-256 tags made with `secret`.
    package init(hmacSecret secret: SecretBytes) throws(OpenSSLError) {
        method = .hmac(try HMACContext(secret))
    }

    /// True when `signature` is this key's for `message`; any failure of OpenSSL is false.
    package func isValid(_ signature: RawSpan, for message: RawSpan) -> Bool {
        signature.withUnsafeBytes { signature in message.withUnsafeBytes { isValid(signature, for: $0) } }
    }

    package func isValid(_ signature: UnsafeRawBufferPointer, for message: UnsafeRawBufferPointer) -> Bool {
        let isValid =
            switch method {
            case .digestThenVerify(let context, isECDSA: false): context.verify(signature, overDigestOf: message)
            case .digestThenVerify(let context, isECDSA: true): context.verify(raw: signature, overDigestOf: message)
            case .wholeMessage(let context): context.verify(signature, over: message)
            case .hmac(let context): SignatureVerifier.verify(signature, over: message, with: context)
            }
        if !isValid { ERR_clear_error() }
        return isValid
    }

    private static func verify(
        _ tag: UnsafeRawBufferPointer, over message: UnsafeRawBufferPointer, with context: HMACContext
    ) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: HMACSHA256Key.tagByteCount, alignment: 16) { expected in
            expected.initializeMemory(as: UInt8.self, repeating: 0)
            return context.authenticate(message, into: expected)
                && constantTimeEqual(UnsafeRawBufferPointer(expected), tag)
        }
    }

    /// OpenSSL's contexts for one key.
    private final class EVP {
        private let digest: OpaquePointer
        private let key: OpaquePointer
        private let verification: OpaquePointer
        private let sha256: OpaquePointer

        init(copying handle: KeyHandle) throws(OpenSSLError) {
            guard let sha256 = Algorithms.sha256 else { throw OpenSSLError("fetching SHA-256") }
            guard let digest = EVP_MD_CTX_new() else { throw OpenSSLError("preparing a verifier") }
            guard let key = EVP_PKEY_dup(handle.pointer) else {
                EVP_MD_CTX_free(digest)
                throw OpenSSLError("preparing a verifier")
            }
            guard let verification = EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else {
                EVP_PKEY_free(key)
                EVP_MD_CTX_free(digest)
                throw OpenSSLError("preparing a verifier")
            }
            self.sha256 = sha256
            self.digest = digest
            self.key = key
            self.verification = verification
        }

        deinit {
            EVP_PKEY_CTX_free(verification)
            EVP_PKEY_free(key)
            EVP_MD_CTX_free(digest)
        }

        func prepare(hasPKCS1Padding: Bool) throws(OpenSSLError) {
            guard EVP_PKEY_verify_init(verification) == 1,
                !hasPKCS1Padding || EVP_PKEY_CTX_set_rsa_padding(verification, RSA_PKCS1_PADDING) == 1,
                EVP_PKEY_CTX_set_signature_md(verification, sha256) == 1
            else { throw OpenSSLError("preparing a verifier") }
        }

        func verify(_ signature: UnsafeRawBufferPointer, overDigestOf message: UnsafeRawBufferPointer) -> Bool {
            withUnsafeTemporaryAllocation(byteCount: SHA256.byteCount, alignment: 16) { hash in
                guard let hash = hash.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    EVP_DigestInit_ex2(digest, sha256, nil) == 1,
                    EVP_DigestUpdate(digest, message.baseAddress, message.count) == 1,
                    EVP_DigestFinal_ex(digest, hash, nil) == 1
                else { return false }
                return EVP_PKEY_verify(
                    verification, signature.baseAddress?.assumingMemoryBound(to: UInt8.self), signature.count, hash,
                    SHA256.byteCount) == 1
            }
        }

        func verify(raw signature: UnsafeRawBufferPointer, overDigestOf message: UnsafeRawBufferPointer) -> Bool {
            withUnsafeTemporaryAllocation(byteCount: ECDSASignature.maximumDERByteCount, alignment: 16) { der in
                let count = ECDSASignature.writeDER(signature, into: der)
                guard count > 0 else { return false }
                return verify(UnsafeRawBufferPointer(rebasing: der[..<count]), overDigestOf: message)
            }
        }

        func verify(_ signature: UnsafeRawBufferPointer, over message: UnsafeRawBufferPointer) -> Bool {
            EVP_DigestVerifyInit_ex(digest, nil, nil, nil, nil, key, nil) == 1
                && EVP_DigestVerify(
                    digest, signature.baseAddress?.assumingMemoryBound(to: UInt8.self), signature.count,
                    message.baseAddress?.assumingMemoryBound(to: UInt8.self), message.count) == 1
        }
    }
}
