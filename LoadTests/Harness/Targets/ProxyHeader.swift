package import Reactor

/// The client's side of the PROXY protocol (HAProxy's `proxy-protocol.txt`): what goes before a connection's first byte
/// to say whose it is.
package enum ProxyHeader {
    package enum Version: String, Sendable, CaseIterable {
        /// A line of text.
        case v1
        /// Binary.
        case v2
    }

    /// The header of a TCP connection from `client` and `port` to `destination`. To an IPv6 destination the client goes
    /// as the IPv4-mapped address: both must be of one family.
    package static func bytes(
        _ version: Version, client: SyntheticAddress, port: UInt16, destination: SocketAddress
    ) -> [UInt8] {
        switch version {
        case .v1:
            let (family, prefix) = destination.isIPv4 ? ("TCP4", "") : ("TCP6", "::ffff:")
            return Array(
                "PROXY \(family) \(prefix)\(client.text) \(destination.host) \(port) \(destination.port)\r\n".utf8)
        case .v2: return binary(client, port, destination)
        }
    }

    private static let signature: StaticString = "\r\n\r\n\u{0}\r\nQUIT\n"

    private static func binary(_ client: SyntheticAddress, _ port: UInt16, _ destination: SocketAddress) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(52)
        for index in 0..<signature.utf8CodeUnitCount { bytes.append(signature.utf8Start[index]) }
        // Version 2, command PROXY; then family and TCP; then how much follows.
        bytes.append(0x21)
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + client.bytes
        if destination.isIPv4 {
            bytes += [0x11, 0, 12] + client.bytes + (12..<16).map { destination.bytes[$0] }
        } else {
            bytes += [0x21, 0, 36] + mapped + (0..<16).map { destination.bytes[$0] }
        }
        for port in [port, destination.port] {
            bytes.append(UInt8(truncatingIfNeeded: port >> 8))
            bytes.append(UInt8(truncatingIfNeeded: port))
        }
        return bytes
    }
}
