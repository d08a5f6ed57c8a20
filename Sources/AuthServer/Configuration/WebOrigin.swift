/// An origin as browsers write it in `Origin` (HTML standard, "serialization of an origin"; RFC 6454 section 6.2). They are
/// compared byte by byte, so that one in any other form would never match: it is refused where it is configured.
enum WebOrigin {
    /// Completes "must be …".
    static let expectation =
        "origins as browsers send them (lower case, no path, no default port), such as https://app.example"

    /// Scheme `http` or `https`, host in lower case (a name in its ASCII form, an address), port unless it is the scheme's
    /// own; nothing else.
    static func isSerialized(_ text: String) -> Bool {
        for (scheme, defaultPort) in [("https://", 443), ("http://", 80)] where text.hasPrefix(scheme) {
            let authority = text.utf8.dropFirst(scheme.utf8.count)
            guard let hostEnd = endOfHost(authority) else { return false }
            let rest = authority[hostEnd...]
            return rest.isEmpty || rest.first == UInt8(ascii: ":") && isPort(rest.dropFirst(), except: defaultPort)
        }
        return false
    }

    /// Where the host ends; nil when there is no valid one.
    private static func endOfHost(_ authority: Substring.UTF8View) -> Substring.Index? {
        if authority.first == UInt8(ascii: "[") {
            guard let end = authority.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let address = authority[..<end].dropFirst()
            let isAddress =
                (2...39).contains(address.count) && address.contains(UInt8(ascii: ":"))
                && address.allSatisfy { isDigit($0) || (0x61...0x66).contains($0) || $0 == UInt8(ascii: ":") }
            return isAddress ? authority.index(after: end) : nil
        }
        let end = authority.firstIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
        let labels = authority[..<end].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let areValid = labels.allSatisfy { label in
            !label.isEmpty && label.allSatisfy { isDigit($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x5F }
        }
        return areValid && authority[..<end].count <= 253 ? end : nil
    }

    private static func isPort(_ digits: Substring.UTF8View, except defaultPort: Int) -> Bool {
        guard (1...5).contains(digits.count), digits.allSatisfy(isDigit), digits.first != UInt8(ascii: "0") else {
            return false
        }
        let port = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return port <= 65535 && port != defaultPort
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
