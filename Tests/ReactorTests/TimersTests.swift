import Reactor
import TestSupport
import Testing

@Suite struct TimersTests {
    private func time(_ nanoseconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: nanoseconds) }

    @Test func `timers fire in order of deadline, equal ones in the order they were set`() {
        var timers = Timers<Int>()
        for (deadline, name) in [(30, 0), (10, 1), (20, 2), (10, 3), (5, 4)] {
            _ = timers.set(at: time(UInt64(deadline)), name)
        }
        var fired: [Int] = []
        while let name = timers.popDue(at: time(20)) { fired.append(name) }
        #expect(fired == [4, 1, 3, 2])
        #expect(timers.count == 1)
        #expect(timers.nextDeadline == time(30))
    }

    @Test func `a timer is never early`() {
        var timers = Timers<Int>()
        _ = timers.set(at: time(100), 1)
        #expect(timers.popDue(at: time(99)) == nil)
        #expect(timers.popDue(at: time(100)) == 1)
    }

    @Test func `a cancelled timer does not fire and cancelling twice does nothing`() {
        var timers = Timers<Int>()
        let first = timers.set(at: time(1), 1)
        _ = timers.set(at: time(2), 2)
        timers.cancel(first)
        timers.cancel(first)
        #expect(timers.popDue(at: time(10)) == 2)
        #expect(timers.popDue(at: time(10)) == nil)
        #expect(timers.count == 0)
    }

    @Test func `ten thousand random timers with half of them cancelled fire sorted`() {
        var generator = SeededGenerator(seed: 7)
        var timers = Timers<UInt64>()
        var kept: [UInt64] = []
        for index in 0..<10_000 {
            let deadline = UInt64.random(in: 0..<1_000_000, using: &generator)
            let id = timers.set(at: time(deadline), deadline)
            if index.isMultiple(of: 2) { timers.cancel(id) } else { kept.append(deadline) }
        }
        var fired: [UInt64] = []
        while let deadline = timers.popDue(at: .distantFuture) { fired.append(deadline) }
        #expect(fired == kept.sorted())
        #expect(timers.nextDeadline == nil)
    }

    @Test func `deadlines saturate instead of wrapping`() {
        #expect(time(.max - 1).adding(milliseconds: 1) == .distantFuture)
        #expect(time(1).adding(milliseconds: .max) == .distantFuture)
        #expect(time(5).adding(milliseconds: -1) == time(5))
        #expect(time(1).nanoseconds(since: time(2)) == 0)
    }
}
