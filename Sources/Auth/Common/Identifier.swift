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
        guard text.count == 36 else { return nil }
        var (high, low): (UInt64, UInt64) = (0, 0)
        var digits = 0
        for offset in 0..<36 {
            let byte = text[offset]
            if offset == 8 || offset == 13 || offset == 18 || offset == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            if digits < 16 { high = high << 4 | UInt64(digit) } else { low = low << 4 | UInt64(digit) }
            digits += 1
        }
        self.init(high: high, low: low)
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
