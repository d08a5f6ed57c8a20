import Auth
import Reactor
import Testing

@testable import AuthServer

@Suite struct ClockEstimateTests {
    private static let millisecond: UInt64 = 1_000_000
    /// The database's clock says this at moment zero.
    private static let base: Int64 = 1_800_000_000_000

    private func moment(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: UInt64(milliseconds) * ClockEstimateTests.millisecond)
    }

    /// One round trip that begins at `start`; the database, `ahead` of where it was at first, is asked in its middle.
    private func measure(
        _ estimate: inout ClockEstimate, at start: Int64, roundTrip: Int64 = 2, ahead: Int64 = 0
    ) -> ClockEstimate.Change {
        estimate.measure(
            UnixTime(milliseconds: ClockEstimateTests.base + start + roundTrip / 2 + ahead), sentAt: moment(start),
            receivedAt: moment(start + roundTrip))
    }

    private func error(of estimate: ClockEstimate, at now: Int64) throws -> Int64 {
        ClockEstimate.time(at: moment(now), offset: try #require(estimate.offset)).milliseconds
            - ClockEstimateTests.base - now
    }

    @Test func `the first round trip gives the time to half its length`() throws {
        var estimate = ClockEstimate()
        #expect(estimate.offset == nil)
        #expect(measure(&estimate, at: 1000, roundTrip: 100) == .taken)
        #expect(try error(of: estimate, at: 2000) == 0)
    }

    @Test func `a round trip of 200 ms or more says nothing`() {
        var estimate = ClockEstimate()
        #expect(measure(&estimate, at: 1000, roundTrip: 200) == .ignored)
        #expect(estimate.offset == nil)
        #expect(measure(&estimate, at: 1000, roundTrip: 199) == .taken)
    }

    @Test func `a difference within the uncertainty of the round trip changes nothing`() throws {
        var estimate = ClockEstimate()
        _ = measure(&estimate, at: 1000)
        for second in 2..<50 { _ = measure(&estimate, at: Int64(second) * 1000, roundTrip: 100, ahead: 50) }
        #expect(try error(of: estimate, at: 60_000) == 0)
    }

    @Test func `a small difference is corrected slowly and time never runs back`() throws {
        var estimate = ClockEstimate()
        _ = measure(&estimate, at: 1000)
        var last = ClockEstimate.time(at: moment(1002), offset: try #require(estimate.offset))
        for second in 2..<30 {
            let start = Int64(second) * 1000
            #expect(measure(&estimate, at: start, ahead: -500) == .taken)
            let now = ClockEstimate.time(at: moment(start + 2), offset: try #require(estimate.offset))
            #expect(now.milliseconds - last.milliseconds >= 949)
            last = now
        }
        let rest = try error(of: estimate, at: 40_000)
        #expect(rest >= -500 && rest <= -497)
    }

    @Test func `a difference of over a second is corrected at once`() throws {
        var estimate = ClockEstimate()
        _ = measure(&estimate, at: 1000)
        #expect(measure(&estimate, at: 2000, ahead: 3000) == .taken)
        #expect(abs(try error(of: estimate, at: 2500) - 3000) <= 2)
    }

    @Test(arguments: [6000, -6000] as [Int64]) func `a move of over five seconds is told, once`(_ ahead: Int64) {
        var estimate = ClockEstimate()
        _ = measure(&estimate, at: 1000)
        guard case .moved(let milliseconds) = measure(&estimate, at: 2000, ahead: ahead) else {
            Issue.record("not told")
            return
        }
        #expect(abs(milliseconds - ahead) <= 2)
        #expect(measure(&estimate, at: 3000, ahead: ahead) == .taken)
    }

    @Test func `a slow drift of over five seconds is told too`() {
        var estimate = ClockEstimate()
        _ = measure(&estimate, at: 1000)
        var told = 0
        for second in 2..<400 {
            let start = Int64(second) * 1000
            if case .moved = measure(&estimate, at: start, ahead: Int64(second) * 20) { told += 1 }
        }
        #expect(told == 1)
    }

    @Test(arguments: [Int64.max, .min, .max / 1000, .min / 1000])
    func `a time that no clock has says nothing`(_ milliseconds: Int64) {
        var estimate = ClockEstimate()
        let change = estimate.measure(
            UnixTime(milliseconds: milliseconds), sentAt: moment(1), receivedAt: moment(2))
        #expect(change == .ignored)
    }

    @Test func `an answer from before its question says nothing`() {
        var estimate = ClockEstimate()
        let change = estimate.measure(
            UnixTime(milliseconds: ClockEstimateTests.base), sentAt: moment(2), receivedAt: moment(1))
        #expect(change == .ignored)
    }

    @Test func `thirty seconds are near and more are not`() {
        let time = UnixTime(milliseconds: ClockEstimateTests.base)
        #expect(ClockEstimate.isNear(time, time.adding(milliseconds: 30_000)))
        #expect(ClockEstimate.isNear(time, time.adding(milliseconds: -30_000)))
        #expect(!ClockEstimate.isNear(time, time.adding(milliseconds: 30_001)))
        #expect(!ClockEstimate.isNear(time, time.adding(milliseconds: -30_001)))
        #expect(!ClockEstimate.isNear(UnixTime(milliseconds: .min), UnixTime(milliseconds: .max)))
    }

    // MARK: The node's clock

    @Test func `a node alone goes by the system's clock and trusts it`() {
        let clock = NodeClock()
        #expect(abs(clock.now.milliseconds - systemTime().milliseconds) < 1000)
        #expect(clock.isTrusted)
        #expect(clock.millisecondsAheadOfSystem == nil)
    }

    @Test func `a node of a fleet issues nothing before its time is measured`() {
        let clock = NodeClock(ofFleet: true)
        #expect(!clock.isTrusted)
        let now = MonotonicTime.now
        clock.measured(databaseTime: systemTime().adding(milliseconds: -2000), sentAt: now, receivedAt: now)
        #expect(clock.isTrusted)
        #expect(abs((clock.millisecondsAheadOfSystem ?? 0) + 2000) < 500)
        #expect(abs(clock.now.milliseconds - systemTime().milliseconds + 2000) < 500)
    }

    @Test func `a node whose clock is five minutes from the fleet's goes by the fleet's and issues nothing`() {
        let clock = NodeClock(ofFleet: true)
        let now = MonotonicTime.now
        clock.measured(databaseTime: systemTime().adding(milliseconds: -300_000), sentAt: now, receivedAt: now)
        #expect(!clock.isTrusted)
        #expect(abs(clock.now.milliseconds - systemTime().milliseconds + 300_000) < 500)
    }
}
