/// How long to wait before the next attempt to connect: doubled each time, and jittered, so that nodes which lost their
/// server together do not come back together.
struct Backoff {
    static let firstMilliseconds: Int64 = 50
    static let longestMilliseconds: Int64 = 1000

    private var failures: Int64 = 0

    /// Between half of the step and the whole of it.
    mutating func next(using generator: inout some RandomNumberGenerator) -> Int64 {
        let step = min(Backoff.firstMilliseconds << min(failures, 10), Backoff.longestMilliseconds)
        failures += 1
        return Int64.random(in: (step / 2)...step, using: &generator)
    }

    mutating func reset() { failures = 0 }
}
