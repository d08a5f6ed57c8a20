internal import COpenSSL

/// SHA-1 (FIPS 180-4), for names that others make with it. Broken against collisions: nothing secure may rest on it.
package enum SHA1 {
    /// Bytes in a digest.
    package static let byteCount = 20

    package static func hash(_ bytes: RawSpan) throws(OpenSSLError) -> [UInt8] {
        guard let algorithm = Algorithms.sha1 else { throw OpenSSLError("fetching SHA-1") }
        var digest = [UInt8](repeating: 0, count: byteCount)
        let result = bytes.withUnsafeBytes { EVP_Digest($0.baseAddress, $0.count, &digest, nil, algorithm, nil) }
        guard result == 1 else { throw OpenSSLError("SHA-1") }
        return digest
    }
}
