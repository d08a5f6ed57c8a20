import Reactor

/// Why a target cannot be attacked or reached: one sentence.
package struct TargetError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// `http://host:port/base/path` or the same with https: where a target is. No user, query or fragment.
package struct TargetURL: Sendable, Equatable, CustomStringConvertible {
    package let isTLS: Bool
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    package let host: String
    package let port: UInt16
    /// Empty, or begins with a slash and ends with none: what goes before every path of a profile.
    package let basePath: String
    private let isIPv6: Bool

    /// The value of the Host field: the port only when it is not the scheme's own.
    package var hostField: String {
        let name = isIPv6 ? "[\(host)]" : host
        return port == (isTLS ? 443 : 80) ? name : "\(name):\(port)"
    }

    package var description: String { "\(isTLS ? "https" : "http")://\(hostField)\(basePath)" }

    package init(parsing text: String) throws(TargetError) {
        func error(_ problem: String) -> TargetError {
            // Whoever put a user into it put a password there, too: the text is not repeated then.
            let shown =
                text.utf8.contains(UInt8(ascii: "@")) || text.utf8.count > 200 ? "The target" : "The target \(text)"
            return TargetError("\(shown) \(problem).")
        }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw error("must hold visible ASCII only")
        }
        if text.hasPrefix("http://") {
            isTLS = false
        } else if text.hasPrefix("https://") {
            isTLS = true
        } else {
            throw error("must begin with http:// or https://")
        }
        if text.utf8.contains(UInt8(ascii: "@")) { throw error("must hold no user and no password") }
        if text.utf8.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) {
            throw error("must have neither query nor fragment")
        }
        let rest = text.dropFirst(isTLS ? 8 : 7)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        guard let authority = Authority(rest[..<slash], defaultPort: isTLS ? 443 : 80) else {
            throw error(
                "must name a host, an IPv4 address or a bracketed IPv6 address, and a port from 1 to 65535 if any")
        }
        (host, port, isIPv6) = (authority.host, authority.port, authority.isIPv6)
        guard let path = Self.path(rest[slash...]) else {
            throw error(
                "must have a plain path: no empty and no dot segments, and % only before two hexadecimal digits")
        }
        basePath = path
    }

    /// Without a slash at the end; nil when it is none that every server reads alike.
    private static func path(_ text: Substring) -> String? {
        var path = text
        if path.last == "/" { path.removeLast() }
        if path.isEmpty { return "" }
        for segment in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            var rest = Array(segment.utf8)[...]
            if rest.isEmpty || segment == "." || segment == ".." { return nil }
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: "%") {
                    guard rest.count >= 2, rest.prefix(2).allSatisfy(isHexadecimal) else { return nil }
                } else if !isPlain(byte) {
                    return nil
                }
            }
        }
        return String(path)
    }

    /// What a segment holds unencoded (RFC 3986 section 3.3).
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~!$&'()*+,;=:".utf8.contains(byte)
        }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        Unicode.Scalar(byte).properties.isASCIIHexDigit
    }
}

/// Host and port of a URL.
private struct Authority {
    let host: String
    let port: UInt16
    let isIPv6: Bool

    init?(_ text: Substring, defaultPort: UInt16) {
        let hostText: Substring
        let portText: Substring
        if text.first == "[" {
            guard let bracket = text.firstIndex(of: "]") else { return nil }
            isIPv6 = true
            hostText = text[text.index(after: text.startIndex)..<bracket]
            portText = text[text.index(after: bracket)...]
            guard hostText.contains(":"), SocketAddress("[\(hostText)]:0") != nil else { return nil }
        } else {
            let colon = text.firstIndex(of: ":") ?? text.endIndex
            isIPv6 = false
            hostText = text[..<colon]
            portText = text[colon...]
            guard (1...253).contains(hostText.utf8.count), hostText.utf8.allSatisfy(Self.isHostCharacter) else {
                return nil
            }
        }
        host = String(hostText)
        if portText.isEmpty {
            port = defaultPort
            return
        }
        let digits = portText.dropFirst().utf8
        guard portText.first == ":", (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(portText.dropFirst()), port > 0
        else { return nil }
        self.port = port
    }

    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
