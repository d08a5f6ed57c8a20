/// SplitMix64 (Steele, Lea and Flood, 2014): the same seed gives the same numbers everywhere, so that a run can be
/// repeated with `--seed`. Not for secrets that guard anything.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// The generator of item `index` of one `stream` of a run: any item can be had without those before it, and streams
    /// have nothing in common.
    package init(seed: UInt64, stream: UInt64, index: UInt64) {
        state = Self.mix(Self.mix(seed &+ Self.step &* (stream &+ 1)) &+ Self.step &* (index &+ 1))
    }

    package mutating func next() -> UInt64 {
        state &+= Self.step
        return Self.mix(state)
    }

    /// 0..<1, of 53 random bits.
    package mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// 0..<bound; 0 for no bound. Short of a bias that no run is long enough to show.
    package mutating func below(_ bound: Int) -> Int {
        guard bound > 0 else { return 0 }
        return Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
