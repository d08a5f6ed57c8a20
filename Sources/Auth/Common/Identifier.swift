package import OpenSSL

/// A UUIDv7 (RFC 9562 section 5.7): users, sessions and tokens. Ordered by the time it was made; never reused.
package struct Identifier: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A new identifier made at `time`: 48 bits of milliseconds, 74 bits of randomness.
    package static func make(at time: UnixTime) throws(OpenSSLError) -> Identifier {
        let random = try SecureRandom.bytes(10)
        var first: UInt64 = 0
        var second: UInt64 = 0
        for byte in random[0..<2] { first = first << 8 | UInt64(byte) }
        for byte in random[2..<10] { second = second << 8 | UInt64(byte) }
        let timestamp = UInt64(clamping: max(0, time.milliseconds)) & 0xFFFF_FFFF_FFFF
        return Identifier(
            high: timestamp << 16 | 0x7000 | first & 0x0FFF,
            low: 0x8000_0000_0000_0000 | second & 0x3FFF_FFFF_FFFF_FFFF)
    }

    /// The canonical 36-character form, lower or upper case; anything else is nil.
    package init?(_ text: some StringProtocol) {
        var text = String(text)
        let parsed = text.withUTF8 { Identifier(utf8: UnsafeRawBufferPointer($0)) }
        guard let parsed else { return nil }
        self = parsed
    }

    package init?(utf8 text: UnsafeRawBufferPointer) {
        guard text.count == 36, [8, 13, 18, 23].allSatisfy({ text[$0] == UInt8(ascii: "-") }) else { return nil }
        func digits(_ offset: Int) -> UInt64 {
            UInt64(UInt32(bigEndian: text.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        }
        guard let first = Identifier.value(ofHex: digits(0) << 32 | digits(4)),
            let second = Identifier.value(ofHex: digits(9) << 32 | digits(14)),
            let third = Identifier.value(ofHex: digits(19) << 32 | digits(24)),
            let fourth = Identifier.value(ofHex: digits(28) << 32 | digits(32))
        else { return nil }
        self.init(high: first << 32 | second, low: third << 32 | fourth)
    }

    /// What eight hex digits say, all of them read at once, the first one in the highest byte. No sum below carries from
    /// one byte into the next, since bytes beyond ASCII are refused first.
    private static func value(ofHex text: UInt64) -> UInt64? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highBits = ones &* 0x80
        guard text & highBits == 0 else { return nil }
        /// The high bit of each byte that is from `first` to `last`.
        func range(_ bytes: UInt64, _ first: UInt64, _ last: UInt64) -> UInt64 {
            (bytes &+ ones &* (0x80 &- first)) & ~(bytes &+ ones &* (0x7F &- last)) & highBits
        }
        let letters = range(text | ones &* 0x20, 0x61, 0x66)
        guard range(text, 0x30, 0x39) | letters == highBits else { return nil }
        var value = (text & (ones &* 0x0F)) &+ (letters >> 7) &* 9
        value = (value | value >> 4) & 0x00FF_00FF_00FF_00FF
        value = (value | value >> 8) & 0x0000_FFFF_0000_FFFF
        return (value | value >> 16) & 0xFFFF_FFFF
    }

    /// Sixteen bytes in network order, as stores keep it.
    package var bytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * UInt64($0))) }
            + (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * UInt64($0))) }
    }

    /// From sixteen bytes; another count is nil.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        self.init(
            high: bytes[0..<8].reduce(0) { $0 << 8 | UInt64($1) }, low: bytes[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
        )
    }

    package var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            withText { text in
                for index in 0..<36 { buffer.initializeElement(at: index, to: text[index]) }
            }
            return 36
        }
    }

    /// The canonical form in lower case, in place: 36 bytes that are good during the call.
    package func withText(_ body: (UnsafeRawBufferPointer) -> Void) {
        let digits: StaticString = "0123456789abcdef"
        withUnsafeTemporaryAllocation(byteCount: 36, alignment: 1) { text in
            var position = 0
            for index in 0..<32 {
                if index == 8 || index == 12 || index == 16 || index == 20 {
                    text[position] = UInt8(ascii: "-")
                    position += 1
                }
                let half = index < 16 ? high : low
                text[position] = digits.utf8Start[Int(half >> UInt64(60 - 4 * (index & 15)) & 15)]
                position += 1
            }
            body(UnsafeRawBufferPointer(text))
        }
    }

    package static func < (left: Identifier, right: Identifier) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}
