/// The fields of an argon2id hash in the PHC string format: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
///
/// Read before libsodium sees the string, so that parameters can be bounded; only the one spelling that argon2's own
/// encoder writes is accepted.
struct PHCString {
    /// libsodium's `crypto_pwhash_STRBYTES` counts the NUL.
    static let maximumBytes = 127

    let memoryKiB: UInt32
    let iterations: UInt32
    let lanes: UInt32

    init?(_ text: String) {
        guard text.utf8.count <= PHCString.maximumBytes else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].isEmpty, parts[1].elementsEqual("argon2id".utf8),
            parts[2].elementsEqual("v=19".utf8)
        else { return nil }
        let costs = parts[3].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard costs.count == 3,
            let memory = PHCString.number(costs[0], after: "m="),
            let passes = PHCString.number(costs[1], after: "t="),
            let count = PHCString.number(costs[2], after: "p=")
        else { return nil }
        // Salts of 8 to 48 bytes, hashes of 16 to 64, as base64 without padding.
        guard (11...64).contains(parts[4].count), parts[4].allSatisfy(PHCString.isBase64),
            (22...86).contains(parts[5].count), parts[5].allSatisfy(PHCString.isBase64)
        else { return nil }
        memoryKiB = memory
        iterations = passes
        lanes = count
    }

    /// A decimal without sign or leading zero.
    private static func number(_ text: Substring.UTF8View, after name: String) -> UInt32? {
        guard text.starts(with: name.utf8) else { return nil }
        let digits = text.dropFirst(name.utf8.count)
        guard let first = digits.first, first != UInt8(ascii: "0"), digits.count <= 10 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + UInt64(digit - UInt8(ascii: "0"))
        }
        return UInt32(exactly: value)
    }

    private static func isBase64(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }

    /// Base64 without padding, in the alphabet of RFC 4648 section 4.
    static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[Int(bits >> count & 63)])
            }
            bits &= 1 << count - 1
        }
        if count > 0 { text.append(alphabet[Int(bits << (6 - count) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }
}
