package import Reactor

/// The balancers whose word on the client's address is taken: networks, each written as a CIDR block or as one address.
/// Asked once a connection and once a hop, so it is a short list that is gone through.
package struct TrustedProxies: Sendable, Equatable {
    /// More than any chain of balancers has; each costs a comparison a hop.
    package static let limit = 64

    /// Addresses of one family that begin with the same bits.
    struct Network: Sendable, Equatable {
        let high: UInt64
        let low: UInt64
        let highMask: UInt64
        let lowMask: UInt64
        let isIPv4: Bool

        /// Nil unless it is an address, alone or with the number of leading bits that count, and all others are zero: a
        /// network with bits of a host is a mistake, and nobody knows which.
        init?(_ text: String) {
            let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let host = Array((parts.first ?? "").utf8)
            guard let address = host.span.bytes.withUnsafeBytes({ SocketAddress(host: $0) }) else { return nil }
            isIPv4 = address.isIPv4
            // An IPv4 address is the last 32 bits of its mapped form.
            var prefix = 128
            if parts.count == 2 {
                guard let bits = Network.bits(parts[1], atMost: isIPv4 && !text.contains(":") ? 32 : 128) else {
                    return nil
                }
                prefix = isIPv4 && !text.contains(":") ? 96 + bits : bits
            }
            guard !isIPv4 || prefix >= 96 else { return nil }
            highMask = prefix >= 64 ? .max : ~(UInt64.max >> UInt64(prefix))
            lowMask = prefix <= 64 ? 0 : prefix == 128 ? .max : ~(UInt64.max >> UInt64(prefix - 64))
            (high, low) = address.halves
            guard high & ~highMask == 0, low & ~lowMask == 0 else { return nil }
        }

        private static func bits(_ text: Substring, atMost limit: Int) -> Int? {
            guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                text.first != "0" || text.utf8.count == 1, let value = Int(text), value <= limit
            else { return nil }
            return value
        }
    }

    /// As they were given.
    package let texts: [String]
    private let networks: [Network]

    /// Nobody is trusted.
    package static let none = TrustedProxies()

    private init() {
        texts = []
        networks = []
    }

    /// Nil when one is no network or there are too many.
    package init?(_ texts: [String]) {
        guard texts.count <= TrustedProxies.limit else { return nil }
        var networks: [Network] = []
        for text in texts {
            guard let network = Network(text) else { return nil }
            networks.append(network)
        }
        self.texts = texts
        self.networks = networks
    }

    package var isEmpty: Bool { networks.isEmpty }

    /// Never of a peer without an address: who may use a Unix socket is said by its folder.
    package func contains(_ address: SocketAddress) -> Bool {
        if networks.isEmpty || address == .none { return false }
        let (high, low) = address.halves
        let isIPv4 = address.isIPv4
        for network in networks
        where network.isIPv4 == isIPv4 && (high ^ network.high) & network.highMask == 0
            && (low ^ network.low) & network.lowMask == 0
        {
            return true
        }
        return false
    }
}
