internal import COpenSSL

/// P-256 signatures have two spellings: JOSE's raw `r || s` and OpenSSL's DER `SEQUENCE { r, s }`.
enum ECDSASignature {
    /// Bytes of a raw signature.
    static let rawByteCount = 64
    /// Bytes of the longest DER spelling: two integers of 33 bytes, each with a tag and a length, and the outer two.
    static let maximumDERByteCount = 72

    /// Writes the DER spelling of `raw` and returns its count; 0 when the counts do not fit.
    static func writeDER(_ raw: UnsafeRawBufferPointer, into der: UnsafeMutableRawBufferPointer) -> Int {
        guard raw.count == rawByteCount, der.count >= maximumDERByteCount else { return 0 }
        var end = 2
        for start in [0, 32] {
            var first = start
            while first < start + 31, raw[first] == 0 { first += 1 }
            let needsZero = raw[first] & 0x80 != 0
            let count = start + 32 - first
            der[end] = 0x02
            der[end + 1] = UInt8(truncatingIfNeeded: count + (needsZero ? 1 : 0))
            end += 2
            if needsZero {
                der[end] = 0
                end += 1
            }
            for offset in 0..<count { der[end + offset] = raw[first + offset] }
            end += count
        }
        der[0] = 0x30
        der[1] = UInt8(truncatingIfNeeded: end - 2)
        return end
    }

    static func raw(fromDER der: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        let parsed = der.withUnsafeBufferPointer { der in
            var cursor = der.baseAddress
            return d2i_ECDSA_SIG(nil, &cursor, der.count)
        }
        guard let parsed else { throw OpenSSLError("reading an ECDSA signature") }
        defer { ECDSA_SIG_free(parsed) }
        var raw = [UInt8](repeating: 0, count: rawByteCount)
        let isWritten = raw.withUnsafeMutableBufferPointer { raw in
            BN_bn2binpad(ECDSA_SIG_get0_r(parsed), raw.baseAddress, 32) == 32
                && BN_bn2binpad(ECDSA_SIG_get0_s(parsed), raw.baseAddress.map { $0 + 32 }, 32) == 32
        }
        guard isWritten else { throw OpenSSLError("reading an ECDSA signature") }
        return raw
    }
}
