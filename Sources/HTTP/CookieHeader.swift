/// The `Cookie` field (RFC 6265 sections 4.2 and 5.4). Cookies of others on the same host are passed over, well-formed or
/// not; ours must be there once and well-formed.
package enum CookieHeader {
    package enum Match: Sendable, Equatable {
        case absent
        /// The value, without the quotes around it, counted from the field value's first byte.
        case value(ByteRange)
        /// More than one cookie of that name: nobody can say which one is meant.
        case repeated
        /// It holds a byte that is no cookie-octet.
        case malformed
    }

    /// `name` is compared byte by byte: names of cookies are case-sensitive.
    package static func find(_ name: StaticString, in value: UnsafeRawBufferPointer) -> Match {
        var result = Match.absent
        var start = 0
        while start < value.count {
            let end = value[start...].firstIndex(of: UInt8(ascii: ";")) ?? value.count
            if let range = cookie(named: name, in: value, start, end) {
                guard result == .absent else { return .repeated }
                result = range.of(value).allSatisfy(isCookieCharacter) ? .value(range) : .malformed
            }
            start = end + 1
        }
        return result
    }

    /// The value of the pair in `start..<end` when it has that name.
    private static func cookie(
        named name: StaticString, in value: UnsafeRawBufferPointer, _ start: Int, _ end: Int
    ) -> ByteRange? {
        var (start, end) = (start, end)
        while start < end, isBlank(value[start]) { start += 1 }
        while end > start, isBlank(value[end - 1]) { end -= 1 }
        guard let equals = value[start..<end].firstIndex(of: UInt8(ascii: "=")),
            UnsafeRawBufferPointer(rebasing: value[start..<equals]).equals(name)
        else { return nil }
        start = equals + 1
        if end - start >= 2, value[start] == UInt8(ascii: "\""), value[end - 1] == UInt8(ascii: "\"") {
            (start, end) = (start + 1, end - 1)
        }
        return ByteRange(start, end)
    }
}
