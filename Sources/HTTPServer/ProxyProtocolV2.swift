import Reactor

/// Version 2: a binary header with addresses and further values, each with its length (section 2.2 of the specification).
enum ProxyProtocolV2 {
    private static let signature: StaticString = "\r\n\r\n\u{0}\r\nQUIT\n"
    /// Signature, version and command, family, length of what follows.
    private static let fixedLength = 16
    /// What may follow. Addresses and every value that HAProxy sends of itself fit; certificates of clients do not, and
    /// nobody here would read them. It is within one segment of IPv4's smallest guaranteed size (536 bytes).
    static let longestPayload = 536

    private enum Family: UInt8 {
        case unspecified = 0
        case ipv4 = 1
        case ipv6 = 2
        case unix = 3

        /// Of the two addresses with their ports.
        var length: Int {
            switch self {
            case .unspecified: 0
            case .ipv4: 12
            case .ipv6: 36
            case .unix: 216
            }
        }
    }

    /// PP2_TYPE_CRC32C: the only value that changes what the header means.
    private static let checksumType: UInt8 = 0x03

    static func parse(_ bytes: UnsafeRawBufferPointer) -> ProxyProtocol.Outcome {
        for index in 0..<min(bytes.count, signature.utf8CodeUnitCount) where bytes[index] != signature.utf8Start[index]
        {
            return .malformed("the connection does not begin with a PROXY header")
        }
        // Each refused as soon as it is there: a sender of garbage is not waited for.
        if bytes.count > 12, bytes[12] >> 4 != 2 || bytes[12] & 15 > 1 {
            return .malformed("the PROXY header has an unknown version or command")
        }
        guard bytes.count >= fixedLength else { return .incomplete }
        let isLocal = bytes[12] & 15 == 0
        let payload = Int(bytes[14]) << 8 | Int(bytes[15])
        guard payload <= longestPayload else { return .malformed("the PROXY header is too long") }
        let length = fixedLength + payload
        if isLocal {
            // The family and all that follows is to be discarded.
            return bytes.count < length ? .incomplete : .header(.connection, length: length)
        }
        let transport = bytes[13] & 15
        guard let family = Family(rawValue: bytes[13] >> 4), transport <= 2 else {
            return .malformed("the PROXY header has an unknown family or transport")
        }
        guard payload >= family.length else { return .malformed("the PROXY header is too short for its addresses") }
        guard bytes.count >= length else { return .incomplete }
        let header = UnsafeRawBufferPointer(rebasing: bytes[..<length])
        // Of an unspecified family nobody can say where addresses end and values begin: all is ignored.
        if family != .unspecified {
            if let problem = checkValues(of: header, from: fixedLength + family.length) { return .malformed(problem) }
        }
        // A transport that cannot have brought us this connection says nothing of it.
        guard transport == 1, let client = client(family, in: header), client != .none else {
            return .header(.connection, length: length)
        }
        return .header(.client(client), length: length)
    }

    private static func client(_ family: Family, in header: UnsafeRawBufferPointer) -> SocketAddress? {
        let addressLength: Int
        switch family {
        case .ipv4: addressLength = 4
        case .ipv6: addressLength = 16
        case .unspecified, .unix: return nil
        }
        let port = fixedLength + 2 * addressLength
        return SocketAddress(
            networkOrder: UnsafeRawBufferPointer(rebasing: header[fixedLength..<(fixedLength + addressLength)]),
            port: UInt16(header[port]) << 8 | UInt16(header[port + 1]))
    }

    /// Walks type, length, value to the header's end. What is wrong; nil when nothing is.
    private static func checkValues(of header: UnsafeRawBufferPointer, from start: Int) -> StaticString? {
        var position = start
        var hasChecksum = false
        while position < header.count {
            guard header.count - position >= 3 else { return "a value of the PROXY header is cut off" }
            let length = Int(header[position + 1]) << 8 | Int(header[position + 2])
            let value = position + 3
            guard header.count - value >= length else { return "a value of the PROXY header is cut off" }
            if header[position] == checksumType {
                guard length == 4, !hasChecksum else { return "the PROXY header's checksum is not one number" }
                hasChecksum = true
                guard CRC32C.checksum(of: header, zeroing: value..<(value + 4)) == number(header, at: value) else {
                    return "the PROXY header's checksum is wrong"
                }
            }
            position = value + length
        }
        return nil
    }

    private static func number(_ bytes: UnsafeRawBufferPointer, at start: Int) -> UInt32 {
        (start..<(start + 4)).reduce(0) { $0 << 8 | UInt32(bytes[$1]) }
    }
}

/// CRC-32C (Castagnoli), as RFC 4960 appendix B has it. Bit by bit: once a connection, over at most 552 bytes.
enum CRC32C {
    private static let reversedPolynomial: UInt32 = 0x82F6_3B78

    /// With zeros in place of the bytes in `gap`: where the checksum itself stands.
    static func checksum(of bytes: UnsafeRawBufferPointer, zeroing gap: Range<Int> = 0..<0) -> UInt32 {
        var remainder = UInt32.max
        for index in bytes.indices {
            remainder ^= UInt32(gap.contains(index) ? 0 : bytes[index])
            for _ in 0..<8 {
                let isOdd = remainder & 1 == 1
                remainder >>= 1
                if isOdd { remainder ^= reversedPolynomial }
            }
        }
        return ~remainder
    }
}
