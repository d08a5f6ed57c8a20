/// An IPv4 address that a simulated client has.
package struct SyntheticAddress: Sendable, Hashable {
    /// The first byte of the address on top.
    package let value: UInt32

    package init(value: UInt32) { self.value = value }

    /// In network order, four.
    package var bytes: [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// `10.1.2.3`.
    package var text: String { "\(value >> 24).\(value >> 16 & 255).\(value >> 8 & 255).\(value & 255)" }
}

/// Addresses of simulated clients, computed from an index, all different up to `count`. Networks (/24) follow one
/// another far apart, and those of attackers and of real users never meet. None of the ranges is routed on the
/// internet.
package struct ClientAddresses: Sendable {
    package enum Population: Sendable {
        /// Of 10.0.0.0/8: 65,536 networks.
        case bots
        /// Of 100.64.0.0/10 (RFC 6598): 16,384 networks.
        case users
    }

    private let first: UInt32
    private let networks: Int
    private let perNetwork: Int
    private let offset: Int

    /// `perNetwork`: how many neighbours by index share a /24, 1 to 254 (others are taken for the nearest). With 1, a
    /// limit on networks sees no more than one on addresses does.
    package init(_ population: Population, seed: UInt64, perNetwork: Int = 1) {
        switch population {
        case .bots: (first, networks) = (0x0A00_0000, 1 << 16)
        case .users: (first, networks) = (0x6440_0000, 1 << 14)
        }
        self.perNetwork = min(max(perNetwork, 1), 254)
        var random = SplitMix64(seed: seed, stream: 1, index: 0)
        offset = random.below(networks)
    }

    /// How many there are; beyond, they repeat.
    package var count: Int { networks * perNetwork }

    package subscript(_ index: Int) -> SyntheticAddress {
        let index = Int(UInt(bitPattern: index) % UInt(count))
        let (position, host) = index.quotientAndRemainder(dividingBy: perNetwork)
        // An odd factor makes a permutation of a power of two; this one goes through it in golden steps.
        let network = (position * 40_503 + offset) & (networks - 1)
        return SyntheticAddress(value: first + UInt32(network) << 8 + UInt32(host + 1))
    }
}
