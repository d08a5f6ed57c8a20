import Reactor
import Testing

@testable import LoadTests

@Suite("Arrival clock")
struct ArrivalClockTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    private func clock(
        _ pacing: Pacing, duration: Double, warmUp: Double = 0, share: Int = 0, of shares: Int = 1
    ) -> ArrivalClock {
        ArrivalClock(pacing, start: start, duration: duration, warmUp: warmUp, share: share, of: shares)
    }

    /// All that is ever due, in its order.
    private func all(_ clock: ArrivalClock) -> [ArrivalClock.Arrival] {
        var clock = clock
        var found: [ArrivalClock.Arrival] = []
        while let due = clock.popDue(at: .distantFuture) { found.append(due) }
        return found
    }

    @Test("Nothing is due before its time")
    func early() {
        var clock = clock(.constant(10), duration: 1)
        #expect(clock.popDue(at: MonotonicTime(nanoseconds: start.nanoseconds - 1)) == nil)
        #expect(clock.popDue(at: start)?.index == 0)
        #expect(clock.popDue(at: start.adding(nanoseconds: 99_999_999)) == nil)
        #expect(clock.popDue(at: start.adding(nanoseconds: 100_000_000))?.index == 1)
    }

    @Test("A pacing that saturates has no times at all")
    func saturating() {
        #expect(clock(Pacing(.saturate), duration: 10, warmUp: 3).upcoming == nil)
    }

    @Test(
        "The shares of any number of threads have each request once",
        arguments: ["250", "0..300", "300..0", "10,0,40", "7@300ms"], [1, 2, 3, 7, 64])
    func partition(_ rate: String, _ shares: Int) throws {
        let pacing = try Pacing(rate)
        let whole = all(clock(pacing, duration: 2, warmUp: 0.5))
        var parts: [ArrivalClock.Arrival] = []
        for share in 0..<shares {
            let own = all(clock(pacing, duration: 2, warmUp: 0.5, share: share, of: shares))
            #expect(own.map(\.at) == own.map(\.at).sorted())
            parts += own
        }
        parts.sort { $0.index < $1.index }
        #expect(parts.map(\.index) == whole.map(\.index))
        #expect(parts.map(\.at) == whole.map(\.at))
        #expect(whole.map(\.index) == Array((whole.first?.index ?? 0)...(whole.last?.index ?? 0)))
    }

    @Test("The warm-up goes before the start at the first rate, with numbers below zero")
    func warmUp() {
        let found = all(clock(.constant(10), duration: 1, warmUp: 0.5))
        #expect(found.map(\.index) == Array(-5...9))
        #expect(found[0].at.nanoseconds == start.nanoseconds - 500_000_000)
        #expect(found[4].at.nanoseconds == start.nanoseconds - 100_000_000)
        #expect(found[5].at == start)
    }

    @Test("A ramp from nothing warms up at a tenth of where it ends, and a burst spreads its own")
    func otherWarmUps() throws {
        let ramp = all(clock(try Pacing("0..100"), duration: 1, warmUp: 1))
        #expect(ramp.filter { $0.index < 0 }.count == 10)
        let burst = all(clock(try Pacing("5@1s"), duration: 1, warmUp: 1)).filter { $0.index < 0 }
        #expect(burst.count == 5)
        #expect(Set(burst.map(\.at)).count == 5)
    }

    @Test("A warm-up longer than the machine has been up begins with it")
    func longWarmUp() {
        let clock = ArrivalClock(
            .constant(1), start: MonotonicTime(nanoseconds: 2_000_000_000), duration: 1, warmUp: 3_600, share: 0, of: 1)
        #expect(clock.upcoming?.at == MonotonicTime(nanoseconds: 0))
    }
}
