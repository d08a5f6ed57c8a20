/// The name of one request in logs, problems and `X-Request-Id`: `[A-Za-z0-9._-]{1,64}`. Kept in place, not on the heap.
package struct RequestID: Sendable, CustomStringConvertible {
    package static let maximumCount = 64

    private var storage = InlineArray<64, UInt8>(repeating: 0)
    private var count = 0

    /// A caller's own name for its request; nil when it is empty, too long or holds anything else. Whether the caller
    /// may choose is decided elsewhere.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        guard (1...Self.maximumCount).contains(bytes.count) else { return nil }
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                storage[index] = byte
            default: return nil
            }
        }
        count = bytes.count
    }

    /// Thirty-two hexadecimal digits: a number of the process, say, and a counter.
    package init(_ high: UInt64, _ low: UInt64) {
        let digits: StaticString = "0123456789abcdef"
        for index in 0..<16 {
            let shift = UInt64(60 - 4 * index)
            storage[index] = digits.utf8Start[Int(high >> shift & 15)]
            storage[index + 16] = digits.utf8Start[Int(low >> shift & 15)]
        }
        count = 32
    }

    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        storage.span.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    package var description: String { withBytes { String(decoding: $0, as: UTF8.self) } }
}
