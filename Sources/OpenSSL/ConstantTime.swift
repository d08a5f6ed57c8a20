internal import COpenSSL

/// Compares without telling by its duration where two secrets differ. Different counts are told apart at once: counts
/// are not secret.
package func constantTimeEqual(_ left: RawSpan, _ right: RawSpan) -> Bool {
    left.withUnsafeBytes { left in right.withUnsafeBytes { constantTimeEqual(left, $0) } }
}

package func constantTimeEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count else { return false }
    guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else { return true }
    return CRYPTO_memcmp(leftBase, rightBase, left.count) == 0
}

/// Overwrites memory that held a secret, in a way the compiler may not leave out.
package func wipe(_ buffer: UnsafeMutableRawBufferPointer) {
    OPENSSL_cleanse(buffer.baseAddress, buffer.count)
}
