internal import COpenSSL

/// Random bytes fit for keys, ids and nonces, from OpenSSL's generator (seeded by the kernel).
package enum SecureRandom {
    /// `count` random bytes; a negative count is treated as 0.
    package static func bytes(_ count: Int) throws(OpenSSLError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max(0, count))
        var failure: OpenSSLError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(OpenSSLError) { try fill(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Overwrites `buffer` with random bytes.
    package static func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(OpenSSLError) {
        guard let base = buffer.baseAddress, !buffer.isEmpty else { return }
        guard RAND_bytes_ex(nil, base.assumingMemoryBound(to: UInt8.self), buffer.count, 0) == 1 else {
            throw OpenSSLError("random bytes")
        }
    }
}
