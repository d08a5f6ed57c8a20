package import HTTP
package import Reactor

/// Whose request it is that a trusted proxy hands on, by `X-Forwarded-For` or `Forwarded` (RFC 7239).
///
/// Read from the right, where the last proxy wrote: each hop that is a trusted proxy vouches for the one to its left, and
/// the first that is none is the client. What stands further left is what that client sent, and is never looked at: it
/// may hold anything, a quote without its end too. A hop that cannot be read, is hidden or is empty ends the way likewise:
/// the proxy that wrote it is the client then. Nothing is allocated.
package enum ForwardedAddress {
    /// Field lines looked at, the last ones: a proxy appends to a line or adds one, and no chain has as many.
    static let lines = 16

    /// The client of a request whose connection comes from `proxy`, which is trusted. `bytes` are those of `head`.
    package static func client(
        of proxy: SocketAddress, _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, _ policy: ClientPolicy
    ) -> SocketAddress {
        let isForwarded = policy.field == .forwarded
        let value = isForwarded ? head.forwarded : head.xForwardedFor
        guard let only = value.range else { return proxy }
        var hop = proxy
        if value.count == 1 {
            _ = walk(only.of(bytes), isForwarded: isForwarded, policy.proxies, &hop)
            return hop
        }
        var last = [16 of ByteRange](repeating: only)
        var count = 0
        head.forEachField(in: bytes) { name, value in
            guard name.of(bytes).equalsIgnoringCase(isForwarded ? "forwarded" : "x-forwarded-for") else { return }
            last[count % lines] = value
            count += 1
        }
        for index in stride(from: count - 1, through: max(0, count - lines), by: -1) {
            let line = last[index % lines].of(bytes)
            if !walk(line, isForwarded: isForwarded, policy.proxies, &hop) { break }
        }
        return hop
    }

    /// Goes through a line from its end; each hop that can be read becomes `hop`. False when the way ends here.
    private static func walk(
        _ line: UnsafeRawBufferPointer, isForwarded: Bool, _ proxies: TrustedProxies, _ hop: inout SocketAddress
    ) -> Bool {
        var end = line.count
        while true {
            let start = isForwarded ? quotedStart(line, end) : plainStart(line, end)
            let element = UnsafeRawBufferPointer(rebasing: line[start..<end]).trimmingBlanks
            let node = isForwarded ? ForwardedElement.node(of: element) : element
            guard let node, let address = Node.address(node, isForwarded: isForwarded) else { return false }
            hop = address
            guard proxies.contains(address) else { return false }
            if start == 0 { return true }
            end = start - 1
        }
    }

    /// Where the element that ends at `end` begins: behind a comma, or the line's beginning.
    private static func plainStart(_ line: UnsafeRawBufferPointer, _ end: Int) -> Int {
        var start = end
        while start > 0, line[start - 1] != UInt8(ascii: ",") { start -= 1 }
        return start
    }

    /// The same where commas may stand within quotes. A quote behind an odd number of backslashes is one that is quoted.
    private static func quotedStart(_ line: UnsafeRawBufferPointer, _ end: Int) -> Int {
        var start = end
        var isQuoted = false
        while start > 0 {
            let byte = line[start - 1]
            if byte == UInt8(ascii: "\"") {
                var slashes = 0
                while start - 2 - slashes >= 0, line[start - 2 - slashes] == UInt8(ascii: "\\") { slashes += 1 }
                if slashes % 2 == 0 { isQuoted.toggle() }
            } else if byte == UInt8(ascii: ","), !isQuoted {
                break
            }
            start -= 1
        }
        return start
    }
}

/// One hop of `Forwarded`: pairs between semicolons (RFC 7239 section 4).
enum ForwardedElement {
    /// The value of `for`, without quotes. Nil when there is none or two, and when anything in the element is not of the
    /// grammar. Blanks around semicolons are let pass: proxies write them.
    static func node(of element: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var rest = element
        var node: UnsafeRawBufferPointer?
        while true {
            rest = rest.trimmingBlanks
            if rest.first != UInt8(ascii: ";"), !rest.isEmpty {
                guard let pair = takePair(&rest) else { return nil }
                if pair.name.equalsIgnoringCase("for") {
                    if node != nil { return nil }
                    node = pair.value
                }
                rest = rest.trimmingBlanks
            }
            guard let separator = rest.first else { return node }
            guard separator == UInt8(ascii: ";") else { return nil }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
        }
    }

    /// `token=token` or `token="text"` from the front. A quoted pair in the text is refused: no address needs one.
    private static func takePair(
        _ rest: inout UnsafeRawBufferPointer
    ) -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
        let name = take(&rest) { isTokenCharacter($0) }
        guard !name.isEmpty, rest.first == UInt8(ascii: "=") else { return nil }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
        guard rest.first == UInt8(ascii: "\"") else {
            let value = take(&rest) { isTokenCharacter($0) }
            return value.isEmpty ? nil : (name, value)
        }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
        let value = take(&rest) { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        guard rest.first == UInt8(ascii: "\"") else { return nil }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
        return (name, value)
    }

    private static func take(
        _ rest: inout UnsafeRawBufferPointer, while isPart: (UInt8) -> Bool
    ) -> UnsafeRawBufferPointer {
        let end = rest.firstIndex { !isPart($0) } ?? rest.count
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[end...]) }
        return UnsafeRawBufferPointer(rebasing: rest[..<end])
    }
}

/// The address of one hop.
enum Node {
    /// Nobody has the address `::`, which here stands for none.
    static func address(_ node: UnsafeRawBufferPointer, isForwarded: Bool) -> SocketAddress? {
        guard let address = parse(node, isForwarded: isForwarded), address != .none else { return nil }
        return address
    }

    /// `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:80`; in `X-Forwarded-For` `2001:db8::1` too, in
    /// `Forwarded` a hidden port too. Nil of everything else: `unknown` and hidden names are no addresses.
    private static func parse(_ node: UnsafeRawBufferPointer, isForwarded: Bool) -> SocketAddress? {
        if node.first == UInt8(ascii: "[") {
            guard let end = node.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            let host = UnsafeRawBufferPointer(rebasing: node[1..<end])
            guard host.contains(UInt8(ascii: ":")), isPort(node[(end + 1)...], isForwarded) else { return nil }
            return SocketAddress(host: host)
        }
        guard let colon = node.firstIndex(of: UInt8(ascii: ":")) else { return SocketAddress(host: node) }
        if !isForwarded, node[(colon + 1)...].contains(UInt8(ascii: ":")) { return SocketAddress(host: node) }
        guard isPort(node[colon...], isForwarded) else { return nil }
        return SocketAddress(host: UnsafeRawBufferPointer(rebasing: node[..<colon]))
    }

    /// Nothing, or a colon with a port behind it.
    private static func isPort(_ text: Slice<UnsafeRawBufferPointer>, _ isForwarded: Bool) -> Bool {
        guard let colon = text.first else { return true }
        let port = text.dropFirst()
        guard colon == UInt8(ascii: ":"), let first = port.first else { return false }
        if isForwarded, first == UInt8(ascii: "_"), port.count > 1 {
            return port.allSatisfy { byte in
                isLetterOrDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
                    || byte == UInt8(ascii: "-")
            }
        }
        return port.count <= 5 && port.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
