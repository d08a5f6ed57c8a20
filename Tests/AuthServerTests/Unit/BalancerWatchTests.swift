import Reactor
import Testing

@testable import AuthServer

struct BalancerWatchTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    private func address(_ number: Int) throws -> SocketAddress {
        try #require(SocketAddress("10.0.0.\(number):\(number)"))
    }

    @Test func `nobody who asks has nothing to hear`() { #expect(BalancerWatch().hasBeenHeard(times: 3, at: start)) }

    @Test func `each who asks must hear it as often as it needs, in a row`() throws {
        let watch = BalancerWatch()
        watch.asked(by: try address(1), isReady: true, at: start)
        watch.asked(by: try address(2), isReady: true, at: start)
        // A stranger who asks without end does not speak for others.
        for _ in 0..<100 { watch.asked(by: try address(3), isReady: false, at: start) }
        for _ in 0..<3 {
            #expect(!watch.hasBeenHeard(times: 3, at: start))
            watch.asked(by: try address(1), isReady: false, at: start)
        }
        watch.asked(by: try address(2), isReady: false, at: start)
        watch.asked(by: try address(2), isReady: true, at: start)
        watch.asked(by: try address(2), isReady: false, at: start)
        watch.asked(by: try address(2), isReady: false, at: start)
        #expect(!watch.hasBeenHeard(times: 3, at: start))
        watch.asked(by: try address(2), isReady: false, at: start)
        #expect(watch.hasBeenHeard(times: 3, at: start))
    }

    @Test func `who has not asked for half a minute is forgotten`() throws {
        let watch = BalancerWatch()
        watch.asked(by: try address(1), isReady: true, at: start)
        #expect(!watch.hasBeenHeard(times: 1, at: start.adding(milliseconds: 29_999)))
        #expect(watch.hasBeenHeard(times: 1, at: start.adding(milliseconds: 30_000)))
    }

    @Test func `more askers than can be told apart are waited for until they are few`() throws {
        let watch = BalancerWatch()
        for number in 1...33 { watch.asked(by: try address(number), isReady: false, at: start) }
        #expect(!watch.hasBeenHeard(times: 1, at: start))
        let later = start.adding(milliseconds: 30_000)
        watch.asked(by: try address(33), isReady: false, at: later)
        #expect(watch.hasBeenHeard(times: 1, at: later))
    }
}
