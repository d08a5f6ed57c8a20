import Reactor
import TestSupport
import Testing

@testable import Redis

@Suite struct BreakerTests {
    private func time(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 1_000_000_000).adding(milliseconds: milliseconds)
    }

    @Test func `it is closed at first and opens at once when a connection fails`() {
        var breaker = Breaker()
        #expect(!breaker.isOpen)
        breaker.connectionFailed()
        #expect(breaker.state == .openUnreachable)
        breaker.connected()
        #expect(!breaker.isOpen)
    }

    @Test func `four timeouts leave it closed, the fifth within a second opens it`() {
        var breaker = Breaker()
        for index in 0..<4 { breaker.timedOut(at: time(Int64(index) * 240)) }
        #expect(!breaker.isOpen)
        breaker.timedOut(at: time(999))
        #expect(breaker.state == .openSlow)
    }

    @Test func `timeouts that are a second apart do not add up`() {
        var breaker = Breaker()
        for index in 0..<100 { breaker.timedOut(at: time(Int64(index) * 250)) }
        #expect(!breaker.isOpen)
        for index in 0..<5 { breaker.timedOut(at: time(100_000 + Int64(index) * 249)) }
        #expect(breaker.isOpen)
    }

    @Test func `a server that greets and then hangs stays counted`() {
        var breaker = Breaker()
        for index in 0..<4 {
            breaker.timedOut(at: time(Int64(index)))
            breaker.connected()
        }
        breaker.timedOut(at: time(5))
        #expect(breaker.isOpen)
    }

    @Test func `after it closed, it takes five new timeouts`() {
        var breaker = Breaker()
        for _ in 0..<5 { breaker.timedOut(at: time(0)) }
        breaker.connected()
        for _ in 0..<4 { breaker.timedOut(at: time(1)) }
        #expect(!breaker.isOpen)
        breaker.timedOut(at: time(1))
        #expect(breaker.isOpen)
    }

    @Test func `waits double from 50 ms to a second, a fifth more or less`() {
        var backoff = Backoff()
        var generator = SeededGenerator(seed: 1)
        for expected: Int64 in [50, 100, 200, 400, 800, 1000, 1000, 1000] {
            let delay = backoff.delay(using: &generator)
            #expect(abs(delay - expected) <= expected / 5)
        }
        backoff.reset()
        #expect(backoff.delay(using: &generator) <= 60)
        backoff.slowDown()
        #expect(backoff.delay(using: &generator) >= 800)
    }

    @Test func `waits differ between nodes`() {
        var delays: Set<Int64> = []
        for seed: UInt64 in 0..<50 {
            var backoff = Backoff()
            backoff.slowDown()
            var generator = SeededGenerator(seed: seed)
            delays.insert(backoff.delay(using: &generator))
        }
        #expect(delays.count > 25)
    }
}
