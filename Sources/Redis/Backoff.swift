/// How long to wait before the next attempt to connect: 50 ms, doubled up to a second, each spread by a fifth either way so
/// that the nodes of a fleet do not come at once.
struct Backoff {
    static let milliseconds: ClosedRange<Int64> = 50...1000

    private var next = Backoff.milliseconds.lowerBound

    /// The wait before the next attempt, in milliseconds.
    mutating func delay(using generator: inout some RandomNumberGenerator) -> Int64 {
        defer { next = min(next * 2, Backoff.milliseconds.upperBound) }
        return Int64.random(in: (next - next / 5)...(next + next / 5), using: &generator)
    }

    mutating func delay() -> Int64 {
        var generator = SystemRandomNumberGenerator()
        return delay(using: &generator)
    }

    /// A connection proved good.
    mutating func reset() { next = Backoff.milliseconds.lowerBound }

    /// Whoever is there is overloaded: no quick attempt.
    mutating func slowDown() { next = Backoff.milliseconds.upperBound }
}
