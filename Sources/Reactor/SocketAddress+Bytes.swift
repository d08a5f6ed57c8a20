import Glibc

/// Addresses from bytes that came over the network. Nothing is allocated: proxies name one with each request.
extension SocketAddress {
    /// The longest address as text: eight groups, the last two as dotted decimal.
    package static let longestHost = 45

    /// Four or sixteen bytes in network order; nil for any other count. An IPv4-mapped IPv6 address (RFC 4291 section
    /// 2.5.5.2) is the IPv4 address, as it is of an accepted connection.
    package init?(networkOrder address: UnsafeRawBufferPointer, port: UInt16 = 0) {
        var bytes = [16 of UInt8](repeating: 0)
        switch address.count {
        case 4:
            bytes[10] = 0xFF
            bytes[11] = 0xFF
            for index in 0..<4 { bytes[12 + index] = address[index] }
        case 16: for index in 0..<16 { bytes[index] = address[index] }
        default: return nil
        }
        self.init(mapped: bytes, port: port)
    }

    /// Dotted decimal without leading zeros, or a text form of RFC 4291 section 2.2. No brackets, zone or port. Nil if it
    /// is neither.
    package init?(host text: UnsafeRawBufferPointer, port: UInt16 = 0) {
        guard (2...SocketAddress.longestHost).contains(text.count), !text.contains(0) else { return nil }
        // inet_pton wants a NUL behind the text.
        var terminated = [46 of CChar](repeating: 0)
        for index in text.indices { terminated[index] = CChar(bitPattern: text[index]) }
        let isIPv6 = text.contains(UInt8(ascii: ":"))
        var binary = [16 of UInt8](repeating: 0)
        let isAddress = terminated.span.withUnsafeBufferPointer { characters in
            var output = binary.mutableSpan
            return output.withUnsafeMutableBytes { bytes in
                guard let source = characters.baseAddress, let target = bytes.baseAddress else { return false }
                return inet_pton(isIPv6 ? AF_INET6 : AF_INET, source, target) == 1
            }
        }
        guard isAddress else { return nil }
        let address = binary.span.withUnsafeBytes { bytes in
            SocketAddress(networkOrder: UnsafeRawBufferPointer(rebasing: bytes[..<(isIPv6 ? 16 : 4)]), port: port)
        }
        guard let address else { return nil }
        self = address
    }

    private init(mapped bytes: [16 of UInt8], port: UInt16) {
        self.bytes = bytes
        self.port = port
        isIPv4 = (0..<10).allSatisfy { bytes[$0] == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
    }

    /// The halves of `bytes` as numbers.
    package var halves: (high: UInt64, low: UInt64) {
        var (high, low): (UInt64, UInt64) = (0, 0)
        for index in 0..<8 {
            high = high << 8 | UInt64(bytes[index])
            low = low << 8 | UInt64(bytes[index + 8])
        }
        return (high, low)
    }
}
