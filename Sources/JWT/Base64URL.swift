/// base64url without padding (RFC 4648 section 5, RFC 7515 section 2), strict: one spelling for each value. Padding,
/// white space, the ordinary alphabet and non-zero trailing bits are refused.
package enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// For each byte its six bits, or `invalid`; filled once and never freed.
    nonisolated(unsafe) private static let values: UnsafePointer<UInt8> = {
        let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
        table.initialize(repeating: invalid, count: 256)
        for (value, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(truncatingIfNeeded: value) }
        return UnsafePointer(table)
    }()
    private static let invalid: UInt8 = 0xFF

    package static func encode(_ bytes: RawSpan) -> [UInt8] {
        bytes.withUnsafeBytes { bytes in
            var text: [UInt8] = []
            append(bytes, to: &text)
            return text
        }
    }

    package static func encode(_ bytes: [UInt8]) -> [UInt8] { encode(bytes.span.bytes) }

    /// Appends the text of `bytes` to `text`.
    static func append(_ bytes: UnsafeRawBufferPointer, to text: inout [UInt8]) {
        text.reserveCapacity(text.count + bytes.count / 3 * 4 + 4)
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count - index)
            var word: UInt32 = 0
            for offset in 0..<3 { word = word << 8 | (offset < count ? UInt32(bytes[index + offset]) : 0) }
            for place in 0...count { text.append(alphabet[Int(word >> (18 - 6 * UInt32(place))) & 63]) }
            index += 3
        }
    }

    /// Nil when `text` is not the one spelling of some bytes.
    package static func decode(_ text: RawSpan) -> [UInt8]? {
        text.withUnsafeBytes { text in
            var isValid = true
            let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3 + 2) { buffer, count in
                let decoded = decode(text, into: UnsafeMutableRawBufferPointer(buffer))
                isValid = decoded != nil
                count = decoded ?? 0
            }
            return isValid ? bytes : nil
        }
    }

    package static func decode(_ text: [UInt8]) -> [UInt8]? { decode(text.span.bytes) }

    /// Writes the bytes of `text` to the front of `output` and returns their count; nil when `text` is not the one
    /// spelling of some bytes or `output` is too small. What was written before is garbage then.
    package static func decode(_ text: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) -> Int? {
        let rest = text.count % 4
        let wholeCount = text.count / 4 * 3
        let count = wholeCount + max(0, rest - 1)
        guard rest != 1, output.count >= count else { return nil }
        let values = values
        var seen: UInt8 = 0
        var source = 0
        var target = 0
        while target < wholeCount {
            let first = values[Int(text[source])]
            let second = values[Int(text[source + 1])]
            let third = values[Int(text[source + 2])]
            let fourth = values[Int(text[source + 3])]
            seen |= first | second | third | fourth
            output[target] = first << 2 | second >> 4
            output[target + 1] = second << 4 | third >> 2
            output[target + 2] = third << 6 | fourth
            source += 4
            target += 3
        }
        if rest >= 2 {
            let first = values[Int(text[source])]
            let second = values[Int(text[source + 1])]
            let third = rest == 3 ? values[Int(text[source + 2])] : 0
            seen |= first | second | third
            output[target] = first << 2 | second >> 4
            if rest == 3 { output[target + 1] = second << 4 | third >> 2 }
            let unusedBits = rest == 3 ? third & 0b11 : second & 0b1111
            guard unusedBits == 0 else { return nil }
        }
        return seen & 0xC0 == 0 ? count : nil
    }
}
