internal import COpenSSL

/// SHA-256 (FIPS 180-4).
package enum SHA256 {
    /// Bytes in a digest.
    package static let byteCount = 32

    package static func hash(_ bytes: RawSpan) throws(OpenSSLError) -> [UInt8] {
        guard let algorithm = Algorithms.sha256 else { throw OpenSSLError("fetching SHA-256") }
        var digest = [UInt8](repeating: 0, count: byteCount)
        let result = bytes.withUnsafeBytes { EVP_Digest($0.baseAddress, $0.count, &digest, nil, algorithm, nil) }
        guard result == 1 else { throw OpenSSLError("SHA-256") }
        return digest
    }
}
