/// base64url without padding (RFC 4648 section 5, RFC 7515 section 2), strict: one spelling for each value. Padding,
/// white space, the ordinary alphabet and non-zero trailing bits are refused.
package enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// Four tables of 256: a byte's six bits where they stand in a little-endian word of three bytes, for each place in a
    /// group of four characters; `invalid` is set for bytes that are none of ours. Filled once and never freed.
    nonisolated(unsafe) private static let words: UnsafePointer<UInt32> = {
        let table = UnsafeMutablePointer<UInt32>.allocate(capacity: 4 * 256)
        table.initialize(repeating: invalid, count: 4 * 256)
        for (value, byte) in alphabet.enumerated() {
            let (value, index) = (UInt32(truncatingIfNeeded: value), Int(byte))
            table[index] = value << 2
            table[256 + index] = value >> 4 | (value & 0b1111) << 12
            table[512 + index] = (value >> 2) << 8 | (value & 0b11) << 22
            table[768 + index] = value << 16
        }
        return UnsafePointer(table)
    }()
    private static let invalid: UInt32 = 1 << 31

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
        let words = words
        var seen: UInt32 = 0
        var source = 0
        var target = 0
        // Whole words, the last byte of which the next group overwrites; so the last group goes below.
        while target + 3 < wholeCount {
            let word = group(text, source, words)
            seen |= word
            output.storeBytes(of: word.littleEndian, toByteOffset: target, as: UInt32.self)
            source += 4
            target += 3
        }
        if target < wholeCount {
            let word = group(text, source, words)
            seen |= word
            write(word, 3, to: output, at: target)
            source += 4
            target += 3
        }
        if rest >= 2 {
            var word = words[Int(text[source])] | words[256 + Int(text[source + 1])]
            if rest == 3 { word |= words[512 + Int(text[source + 2])] }
            seen |= word
            write(word, rest - 1, to: output, at: target)
            // Bits that belong to no byte.
            guard (word & ~invalid) >> UInt32(8 * (rest - 1)) == 0 else { return nil }
        }
        return seen & invalid == 0 ? count : nil
    }

    @inline(__always)
    private static func group(_ text: UnsafeRawBufferPointer, _ source: Int, _ words: UnsafePointer<UInt32>) -> UInt32 {
        words[Int(text[source])] | words[256 + Int(text[source + 1])] | words[512 + Int(text[source + 2])]
            | words[768 + Int(text[source + 3])]
    }

    /// The first `count` bytes of a word.
    private static func write(
        _ word: UInt32, _ count: Int, to output: UnsafeMutableRawBufferPointer, at target: Int
    ) {
        for index in 0..<count { output[target + index] = UInt8(truncatingIfNeeded: word >> UInt32(8 * index)) }
    }
}
