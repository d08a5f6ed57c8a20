/// SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash whose values nobody without the key can steer. The standard
/// library's hasher would do, but goes through a buffer a byte range at a time.
struct SipHash: Sendable {
    private let first: UInt64
    private let second: UInt64

    /// A secret key of 128 bits.
    init(_ first: UInt64, _ second: UInt64) {
        self.first = first
        self.second = second
    }

    func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var state = State(first, second)
        var offset = 0
        while offset &+ 8 <= bytes.count {
            state.absorb(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
            offset &+= 8
        }
        var last = UInt64(truncatingIfNeeded: bytes.count) << 56
        var shift: UInt64 = 0
        while offset < bytes.count {
            last |= UInt64(bytes[offset]) << shift
            shift &+= 8
            offset &+= 1
        }
        state.absorb(last)
        return state.finish()
    }

    private struct State {
        var v0: UInt64
        var v1: UInt64
        var v2: UInt64
        var v3: UInt64

        init(_ k0: UInt64, _ k1: UInt64) {
            v0 = k0 ^ 0x736F_6D65_7073_6575
            v1 = k1 ^ 0x646F_7261_6E64_6F6D
            v2 = k0 ^ 0x6C79_6765_6E65_7261
            v3 = k1 ^ 0x7465_6462_7974_6573
        }

        @inline(__always) mutating func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        @inline(__always) mutating func finish() -> UInt64 {
            v2 ^= 0xFF
            round()
            round()
            round()
            round()
            return v0 ^ v1 ^ v2 ^ v3
        }

        @inline(__always) private mutating func round() {
            v0 = v0 &+ v1
            v2 = v2 &+ v3
            v1 = State.rotated(v1, 13) ^ v0
            v3 = State.rotated(v3, 16) ^ v2
            v0 = State.rotated(v0, 32)
            v2 = v2 &+ v1
            v0 = v0 &+ v3
            v1 = State.rotated(v1, 17) ^ v2
            v3 = State.rotated(v3, 21) ^ v0
            v2 = State.rotated(v2, 32)
        }

        @inline(__always) private static func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 {
            word &<< bits | word &>> (64 &- bits)
        }
    }
}
