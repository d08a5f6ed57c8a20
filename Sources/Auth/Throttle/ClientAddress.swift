/// The address a request came from, as limits count it. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is the
/// IPv4 address, so that a dual-stack listener does not give every client two.
package struct ClientAddress: Sendable, Hashable, CustomStringConvertible {
    package enum Family: UInt8, Sendable {
        case ipv4 = 4
        case ipv6 = 6
    }

    package let family: Family
    /// Network order; an IPv4 address is the low 32 bits of `low`.
    let high: UInt64
    let low: UInt64

    /// Host order: 127.0.0.1 is 0x7F000001.
    package init(ipv4 value: UInt32) {
        family = .ipv4
        high = 0
        low = UInt64(value)
    }

    /// The two halves in host order.
    package init(ipv6High high: UInt64, low: UInt64) {
        if high == 0, low >> 32 == 0xFFFF {
            self.init(ipv4: UInt32(truncatingIfNeeded: low))
        } else {
            self.init(family: .ipv6, high: high, low: low)
        }
    }

    /// The first `prefix` bits, the rest zero; a prefix beyond the family's length is the address itself.
    package func network(prefix: Int) -> ClientAddress {
        let bits = UInt64(max(0, prefix))
        switch family {
        case .ipv4:
            let mask: UInt32 = bits >= 32 ? .max : ~(UInt32.max >> bits)
            return ClientAddress(ipv4: UInt32(truncatingIfNeeded: low) & mask)
        case .ipv6:
            let highMask: UInt64 = bits >= 64 ? .max : ~(UInt64.max >> bits)
            let lowMask: UInt64 = bits >= 128 ? .max : bits <= 64 ? 0 : ~(UInt64.max >> (bits - 64))
            return ClientAddress(family: .ipv6, high: high & highMask, low: low & lowMask)
        }
    }

    /// The family and sixteen bytes in network order: what a keyed HMAC of an address is made over.
    package var bytes: [UInt8] {
        [family.rawValue] + Identifier(high: high, low: low).bytes
    }

    /// Networks keep their family whatever bits remain.
    private init(family: Family, high: UInt64, low: UInt64) {
        self.family = family
        self.high = high
        self.low = low
    }
}

extension ClientAddress {
    /// Dotted decimal without leading zeros, or the text forms of RFC 4291 section 2.2. No port, brackets or zone.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8.prefix(46))
        guard bytes.count <= 45 else { return nil }
        if bytes.contains(UInt8(ascii: ":")) {
            guard let groups = ClientAddress.ipv6Groups(bytes[...]) else { return nil }
            self.init(
                ipv6High: groups[0..<4].reduce(0) { $0 << 16 | UInt64($1) },
                low: groups[4..<8].reduce(0) { $0 << 16 | UInt64($1) })
        } else {
            guard let value = ClientAddress.ipv4Value(bytes[...]) else { return nil }
            self.init(ipv4: value)
        }
    }

    private static func ipv4Value(_ text: ArraySlice<UInt8>) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0") else { return nil }
            var octet: UInt32 = 0
            for byte in part {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
            }
            guard octet <= 255 else { return nil }
            value = value << 8 | octet
        }
        return value
    }

    /// Eight groups, "::" filled in.
    private static func ipv6Groups(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        let colon = UInt8(ascii: ":")
        let gap = text.indices.dropLast().first { text[$0] == colon && text[$0 + 1] == colon }
        guard let gap else {
            guard let groups = groupList(text), groups.count == 8 else { return nil }
            return groups
        }
        guard let before = groupList(text[..<gap]), let after = groupList(text[(gap + 2)...]) else { return nil }
        // "::" stands for at least one group; an embedded IPv4 address may only end the whole text.
        guard before.count + after.count <= 7, !text[..<gap].contains(UInt8(ascii: ".")) else { return nil }
        return before + [UInt16](repeating: 0, count: 8 - before.count - after.count) + after
    }

    private static func groupList(_ text: ArraySlice<UInt8>) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var groups: [UInt16] = []
        let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let value = ipv4Value(part) else { return nil }
                groups += [UInt16(truncatingIfNeeded: value >> 16), UInt16(truncatingIfNeeded: value)]
            } else {
                guard let group = hexGroup(part) else { return nil }
                groups.append(group)
            }
        }
        return groups
    }

    private static func hexGroup(_ digits: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(digits.count) else { return nil }
        var value: UInt16 = 0
        for byte in digits {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt16(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt16(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt16(byte - UInt8(ascii: "A") + 10)
            default: return nil
            }
        }
        return value
    }

    /// Dotted decimal, or RFC 5952: lower case, the longest run of zero groups as "::".
    package var description: String {
        guard family == .ipv6 else {
            return [24, 16, 8, 0].map { String(low >> UInt64($0) & 255) }.joined(separator: ".")
        }
        let groups = [high, low].flatMap { half in [48, 32, 16, 0].map { half >> UInt64($0) & 0xFFFF } }
        var longest = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || groups[index] != 0 {
            if index - start > longest.count, index - start > 1 { longest = start..<index }
            start = index + 1
        }
        let text = groups.map { String($0, radix: 16) }
        guard !longest.isEmpty else { return text.joined(separator: ":") }
        return text[..<longest.lowerBound].joined(separator: ":") + "::"
            + text[longest.upperBound...].joined(separator: ":")
    }
}
