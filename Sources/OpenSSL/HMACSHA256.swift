internal import COpenSSL

/// A key for HMAC with SHA-256 (RFC 2104). Any thread may use it: each use makes a context of its own.
package struct HMACSHA256Key: Sendable {
    /// Bytes in a tag.
    package static let tagByteCount = 32

    private let secret: SecretBytes

    package init(_ secret: SecretBytes) { self.secret = secret }

    package func authenticate(_ bytes: RawSpan) throws(OpenSSLError) -> [UInt8] {
        let context = try HMACContext(secret)
        var tag = [UInt8](repeating: 0, count: HMACSHA256Key.tagByteCount)
        let isMade = bytes.withUnsafeBytes { bytes in
            tag.withUnsafeMutableBytes { context.authenticate(bytes, into: $0) }
        }
        guard isMade else { throw OpenSSLError("HMAC-SHA-256") }
        return tag
    }

    /// Compares in constant time. A tag of another count than 32, or a failure of OpenSSL, is false.
    package func isValid(_ tag: RawSpan, for bytes: RawSpan) -> Bool {
        let expected: [UInt8]
        do throws(OpenSSLError) { expected = try authenticate(bytes) } catch { return false }
        return constantTimeEqual(expected.span.bytes, tag)
    }
}

/// A keyed HMAC context that can be used again and again by one thread: starting over keeps the key.
final class HMACContext {
    private let context: OpaquePointer

    init(_ secret: SecretBytes) throws(OpenSSLError) {
        guard let algorithm = Algorithms.hmac, let context = EVP_MAC_CTX_new(algorithm) else {
            throw OpenSSLError("fetching HMAC")
        }
        self.context = context
        let result = secret.withUnsafeBytes {
            portcullis_hmac_sha256_init(context, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count)
        }
        guard result == 1 else { throw OpenSSLError("keying HMAC-SHA-256") }
    }

    deinit { EVP_MAC_CTX_free(context) }

    /// Writes the 32-byte tag of `bytes`. False when OpenSSL failed; the error queue is the caller's to clear.
    func authenticate(_ bytes: UnsafeRawBufferPointer, into tag: UnsafeMutableRawBufferPointer) -> Bool {
        var count = 0
        return EVP_MAC_init(context, nil, 0, nil) == 1
            && EVP_MAC_update(context, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count) == 1
            && EVP_MAC_final(context, tag.baseAddress?.assumingMemoryBound(to: UInt8.self), &count, tag.count) == 1
            && count == HMACSHA256Key.tagByteCount
    }
}
