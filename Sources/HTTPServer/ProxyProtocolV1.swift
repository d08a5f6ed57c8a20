import Reactor

/// Version 1: one line of text, `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443` (section 2.1 of the specification). Exactly
/// one space between words, no leading zeros, CRLF at the end.
enum ProxyProtocolV1 {
    /// With its CRLF. A longer line is invalid.
    static let longestLine = 107
    private static let signature: StaticString = "PROXY "

    static func parse(_ bytes: UnsafeRawBufferPointer) -> ProxyProtocol.Outcome {
        let known = min(bytes.count, signature.utf8CodeUnitCount)
        for index in 0..<known where bytes[index] != signature.utf8Start[index] {
            return .malformed("the connection does not begin with a PROXY line")
        }
        let window = UnsafeRawBufferPointer(rebasing: bytes.prefix(longestLine))
        guard let lineFeed = window.firstIndex(of: 0x0A) else {
            return window.count < longestLine ? .incomplete : .malformed("the PROXY line is too long")
        }
        guard lineFeed >= signature.utf8CodeUnitCount, window[lineFeed - 1] == 0x0D else {
            return .malformed("the PROXY line ends without a carriage return")
        }
        let line = UnsafeRawBufferPointer(rebasing: window[signature.utf8CodeUnitCount..<(lineFeed - 1)])
        guard let source = source(line) else { return .malformed("the PROXY line is none of the protocol's") }
        return .header(source, length: lineFeed + 1)
    }

    /// From what follows `PROXY `. Nil when it is wrong.
    private static func source(_ line: UnsafeRawBufferPointer) -> ProxyProtocol.Source? {
        var words = Words(rest: line)
        guard let family = words.next() else { return nil }
        // What follows is to be ignored, whatever it is.
        if family.isEqual(to: "UNKNOWN") { return .connection }
        let isIPv6 = family.isEqual(to: "TCP6")
        guard isIPv6 || family.isEqual(to: "TCP4"), let source = words.next(), let destination = words.next(),
            let sourcePort = words.next().flatMap(port), words.next().flatMap(port) != nil, words.isAtEnd,
            source.contains(UInt8(ascii: ":")) == isIPv6, destination.contains(UInt8(ascii: ":")) == isIPv6,
            let client = SocketAddress(host: source, port: sourcePort), SocketAddress(host: destination) != nil,
            client != .none
        else { return nil }
        return .client(client)
    }

    private static func port(_ text: UnsafeRawBufferPointer) -> UInt16? {
        guard (1...5).contains(text.count), text.count == 1 || text[0] != UInt8(ascii: "0") else { return nil }
        var value = 0
        for byte in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return UInt16(exactly: value)
    }

    /// What stands between single spaces.
    private struct Words {
        var rest: UnsafeRawBufferPointer
        private(set) var isAtEnd = false

        init(rest: UnsafeRawBufferPointer) { self.rest = rest }

        mutating func next() -> UnsafeRawBufferPointer? {
            if isAtEnd { return nil }
            let end = rest.firstIndex(of: UInt8(ascii: " "))
            let word = UnsafeRawBufferPointer(rebasing: rest[..<(end ?? rest.count)])
            if let end { rest = UnsafeRawBufferPointer(rebasing: rest[(end + 1)...]) } else { isAtEnd = true }
            return word
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func isEqual(to word: StaticString) -> Bool {
        count == word.utf8CodeUnitCount && indices.allSatisfy { self[$0] == word.utf8Start[$0] }
    }
}
