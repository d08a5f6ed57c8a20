internal import COpenSSL

/// Bytes that must not outlive their use: immutable, shared by reference, wiped when the last reference goes.
/// Neither printing nor reflection shows them.
package final class SecretBytes: Sendable {
    nonisolated(unsafe) private let storage: UnsafeMutableRawBufferPointer

    /// Room for `count` zero bytes that `fill` overwrites. When it throws, what it had written is wiped.
    package init<E: Error>(count: Int, filling fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void) throws(E) {
        storage = .allocate(byteCount: max(0, count), alignment: 16)
        storage.initializeMemory(as: UInt8.self, repeating: 0)
        try fill(storage)
    }

    package convenience init(copying bytes: RawSpan) {
        self.init(count: bytes.byteCount) { buffer in
            bytes.withUnsafeBytes { buffer.copyMemory(from: $0) }
        }
    }

    /// `randomCount` fresh random bytes.
    package convenience init(randomCount: Int) throws(OpenSSLError) {
        try self.init(count: randomCount) { buffer throws(OpenSSLError) in try SecureRandom.fill(buffer) }
    }

    deinit {
        OPENSSL_cleanse(storage.baseAddress, storage.count)
        storage.deallocate()
    }

    package var count: Int { storage.count }

    /// The pointer is good only inside `body`; copying out of it is the caller's to wipe.
    package func withUnsafeBytes<R, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try withExtendedLifetime(self) { () throws(E) in try body(UnsafeRawBufferPointer(storage)) }
    }
}

extension SecretBytes: Equatable {
    /// In constant time for equal counts.
    package static func == (left: SecretBytes, right: SecretBytes) -> Bool {
        left.withUnsafeBytes { left in right.withUnsafeBytes { constantTimeEqual(left, $0) } }
    }
}

extension SecretBytes: CustomStringConvertible, CustomReflectable {
    package var description: String { "SecretBytes(\(count))" }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection()) }
}
