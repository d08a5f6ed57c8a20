import Glibc

/// A string as it stands in the input: checked, still escaped, not copied. It points into the bytes that were read and
/// is good only as long as they are.
package struct JSONText {
    /// What stands between the quotes.
    package let escaped: UnsafeRawBufferPointer
    /// True when `escaped` holds at least one backslash sequence.
    package let hasEscapes: Bool

    /// The string itself.
    package var string: String {
        if !hasEscapes { return String(decoding: escaped, as: UTF8.self) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(escaped.count)
        var rest = UnescapedBytes(self)
        while let byte = rest.next() { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Compares code point by code point, after unescaping (RFC 8259 section 8.3); allocates nothing.
    @inline(__always)
    package static func == (left: JSONText, right: JSONText) -> Bool {
        if !left.hasEscapes && !right.hasEscapes {
            guard left.escaped.count == right.escaped.count else { return false }
            guard let leftStart = left.escaped.baseAddress, let rightStart = right.escaped.baseAddress else {
                return true
            }
            // Names of one length mostly differ in their first byte.
            return left.escaped.isEmpty
                || left.escaped[0] == right.escaped[0] && memcmp(leftStart, rightStart, left.escaped.count) == 0
        }
        return areEqualUnescaped(left, right)
    }

    private static func areEqualUnescaped(_ left: JSONText, _ right: JSONText) -> Bool {
        var leftBytes = UnescapedBytes(left)
        var rightBytes = UnescapedBytes(right)
        while true {
            let byte = leftBytes.next()
            guard byte == rightBytes.next() else { return false }
            if byte == nil { return true }
        }
    }

    /// Compares with a literal, after unescaping; allocates nothing.
    package static func == (text: JSONText, literal: StaticString) -> Bool {
        let bytes = UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
        return text == JSONText(escaped: bytes, hasEscapes: false)
    }

    /// Lets `switch name { case "iss": … }` work on names of members; another length is told without a call.
    @inlinable
    package static func ~= (literal: StaticString, text: JSONText) -> Bool {
        if !text.hasEscapes && text.escaped.count != literal.utf8CodeUnitCount { return false }
        return text == literal
    }

    init(escaped: UnsafeRawBufferPointer, hasEscapes: Bool) {
        self.escaped = escaped
        self.hasEscapes = hasEscapes
    }
}

/// Walks the UTF-8 bytes of a string, undoing its escapes, which the lexer has already checked.
private struct UnescapedBytes {
    private let text: UnsafeRawBufferPointer
    private var position = 0
    /// Bytes of a `\u` escape not handed out yet, the next one lowest.
    private var pending: UInt32 = 0

    init(_ text: JSONText) { self.text = text.escaped }

    mutating func next() -> UInt8? {
        if pending != 0 {
            defer { pending >>= 8 }
            return UInt8(truncatingIfNeeded: pending)
        }
        guard let byte = take() else { return nil }
        guard byte == UInt8(ascii: "\\") else { return byte }
        guard let escape = take() else { return nil }
        switch escape {
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "f"): return 0x0C
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "u"): return encode(codePoint())
        default: return escape
        }
    }

    private mutating func take() -> UInt8? {
        guard position < text.count else { return nil }
        defer { position += 1 }
        return text[position]
    }

    private mutating func codePoint() -> UInt32 {
        let first = codeUnit()
        guard first & 0xFC00 == 0xD800 else { return first }
        position += 2
        return 0x10000 + ((first & 0x3FF) << 10) + (codeUnit() & 0x3FF)
    }

    private mutating func codeUnit() -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 { unit = unit << 4 | UInt32(take().flatMap(hexadecimalDigit) ?? 0) }
        return unit
    }

    /// The first byte of the code point's UTF-8 form; the others wait in `pending`.
    private mutating func encode(_ codePoint: UInt32) -> UInt8 {
        func continuation(_ shift: UInt32) -> UInt32 { 0x80 | (codePoint >> shift) & 0x3F }
        switch codePoint {
        case ..<0x80:
            return UInt8(truncatingIfNeeded: codePoint)
        case ..<0x800:
            pending = continuation(0)
            return UInt8(truncatingIfNeeded: 0xC0 | codePoint >> 6)
        case ..<0x10000:
            pending = continuation(6) | continuation(0) << 8
            return UInt8(truncatingIfNeeded: 0xE0 | codePoint >> 12)
        default:
            pending = continuation(12) | continuation(6) << 8 | continuation(0) << 16
            return UInt8(truncatingIfNeeded: 0xF0 | codePoint >> 18)
        }
    }
}

func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte &- UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte &- UInt8(ascii: "a") &+ 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte &- UInt8(ascii: "A") &+ 10
    default: nil
    }
}
