import CLinux
import Glibc

/// An IPv4 or IPv6 address with a port, as the kernel keeps it.
package struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// IPv6, or IPv4 in its mapped form (::ffff:a.b.c.d), in network order.
    package let bytes: [16 of UInt8]
    package let port: UInt16
    package let isIPv4: Bool

    /// No address: the peer at the other end of a Unix socket.
    package static let none = SocketAddress()

    private init() {
        bytes = [16 of UInt8](repeating: 0)
        port = 0
        isIPv4 = false
    }

    /// `127.0.0.1:8080`, `[::1]:8080`; port 0 lets the kernel choose. Names are not resolved. Nil if it is neither.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = String(text[..<colon])
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = String(host.dropFirst().dropLast()) }
        var bytes = [16 of UInt8](repeating: 0)
        var four = in_addr()
        var six = in6_addr()
        if !isBracketed, inet_pton(AF_INET, host, &four) == 1 {
            SocketAddress.mapIPv4(&four, into: &bytes)
            isIPv4 = true
        } else if isBracketed, inet_pton(AF_INET6, host, &six) == 1 {
            withUnsafeBytes(of: &six) { for index in 0..<16 { bytes[index] = $0[index] } }
            isIPv4 = false
        } else {
            return nil
        }
        self.bytes = bytes
        self.port = port
    }

    /// Nil for another family than IPv4 and IPv6.
    init?(_ storage: inout sockaddr_storage) {
        var bytes = [16 of UInt8](repeating: 0)
        switch Int32(storage.ss_family) {
        case AF_INET:
            var address = withUnsafeBytes(of: &storage) { $0.loadUnaligned(as: sockaddr_in.self) }
            SocketAddress.mapIPv4(&address.sin_addr, into: &bytes)
            port = UInt16(bigEndian: address.sin_port)
            isIPv4 = true
        case AF_INET6:
            var address = withUnsafeBytes(of: &storage) { $0.loadUnaligned(as: sockaddr_in6.self) }
            withUnsafeBytes(of: &address.sin6_addr) { for index in 0..<16 { bytes[index] = $0[index] } }
            port = UInt16(bigEndian: address.sin6_port)
            isIPv4 = (0..<10).allSatisfy { bytes[$0] == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
        default:
            return nil
        }
        self.bytes = bytes
    }

    private static func mapIPv4(_ address: inout in_addr, into bytes: inout [16 of UInt8]) {
        bytes[10] = 0xFF
        bytes[11] = 0xFF
        withUnsafeBytes(of: &address) { for index in 0..<4 { bytes[12 + index] = $0[index] } }
    }

    package var isLoopback: Bool {
        if isIPv4 { return bytes[12] == 127 }
        return (0..<15).allSatisfy { bytes[$0] == 0 } && bytes[15] == 1
    }

    /// The address without the port: `127.0.0.1`, `::1`.
    package var host: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        var copy = bytes
        withUnsafeBytes(of: &copy) { raw in
            let base = raw.baseAddress!
            if isIPv4 {
                inet_ntop(AF_INET, base + 12, &text, socklen_t(text.count))
            } else {
                inet_ntop(AF_INET6, base, &text, socklen_t(text.count))
            }
        }
        return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    package var description: String { isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)" }

    package static func == (left: SocketAddress, right: SocketAddress) -> Bool {
        left.port == right.port && left.isIPv4 == right.isIPv4
            && (0..<16).allSatisfy { left.bytes[$0] == right.bytes[$0] }
    }

    package func hash(into hasher: inout Hasher) {
        for index in 0..<16 { hasher.combine(bytes[index]) }
        hasher.combine(port)
    }

    /// Calls `body` with the kernel's form.
    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        let length: Int
        if isIPv4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &address.sin_addr) { for index in 0..<4 { $0[index] = bytes[12 + index] } }
            length = MemoryLayout<sockaddr_in>.size
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
        } else {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &address.sin6_addr) { for index in 0..<16 { $0[index] = bytes[index] } }
            length = MemoryLayout<sockaddr_in6>.size
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
        }
        return withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }
}
