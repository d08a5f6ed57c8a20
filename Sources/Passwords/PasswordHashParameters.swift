/// The cost of an argon2id hash (RFC 9106). libsodium computes one lane, so parallelism is always 1 for what we make.
package struct PasswordHashParameters: Sendable, Equatable {
    /// 8 KiB to 4 GiB in units of 1024 bytes.
    package let memoryKiB: UInt32
    package let iterations: UInt32

    /// OWASP's first choice for argon2id: 19 MiB, two passes.
    package static let standard = PasswordHashParameters(unchecked: 19_456, 2)

    /// Nil beyond `PasswordHashBounds.standard`: what we would refuse to verify is never made.
    package init?(memoryKiB: UInt32, iterations: UInt32) {
        guard PasswordHashBounds.standard.accepts(memoryKiB: memoryKiB, iterations: iterations, lanes: 1) else {
            return nil
        }
        self.init(unchecked: memoryKiB, iterations)
    }

    private init(unchecked memoryKiB: UInt32, _ iterations: UInt32) {
        self.memoryKiB = memoryKiB
        self.iterations = iterations
    }
}

/// What a stored hash may ask of the machine that verifies it. A row that was tampered with must not be able to take
/// gigabytes or minutes.
package struct PasswordHashBounds: Sendable, Equatable {
    package let memoryKiB: ClosedRange<UInt32>
    package let iterations: ClosedRange<UInt32>
    package let lanes: ClosedRange<UInt32>
    /// Of memory times iterations, which is what time goes with.
    package let workKiB: UInt64

    /// Up to 256 MiB and, with it, four passes: about 27 times the default's work.
    package static let standard = PasswordHashBounds(
        memoryKiB: 8...262_144, iterations: 1...16, lanes: 1...4, workKiB: 1_048_576)

    func accepts(memoryKiB memory: UInt32, iterations passes: UInt32, lanes count: UInt32) -> Bool {
        memoryKiB.contains(memory) && iterations.contains(passes) && lanes.contains(count)
            && UInt64(memory) >= 8 * UInt64(count) && UInt64(memory) * UInt64(passes) <= workKiB
    }
}
