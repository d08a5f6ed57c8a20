import HTTP

/// The credential of an `Authorization` field (RFC 6750 section 2.1).
enum BearerCredential {
    /// None, or of another scheme.
    case absent
    /// The bytes behind the scheme, whatever they are.
    case token(UnsafeRawBufferPointer)
    /// More than one field, or a scheme without a token.
    case invalid

    init(_ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer) {
        guard let range = head.authorization.range else {
            self = .absent
            return
        }
        guard head.authorization.count == 1 else {
            self = .invalid
            return
        }
        let value = range.of(bytes)
        guard value.count >= 6, BearerCredential.isBearer(value) else {
            self = .absent
            return
        }
        var start = 6
        while start < value.count, value[start] == UInt8(ascii: " ") { start += 1 }
        guard start > 6, start < value.count else {
            self = value.count > 6 && start == 6 ? .absent : .invalid
            return
        }
        self = .token(UnsafeRawBufferPointer(rebasing: value[start...]))
    }

    /// Scheme names are case-insensitive (RFC 9110 section 11.1).
    private static func isBearer(_ value: UnsafeRawBufferPointer) -> Bool {
        let scheme: StaticString = "bearer"
        for index in 0..<6 where value[index] | 0x20 != scheme.utf8Start[index] { return false }
        return true
    }
}
