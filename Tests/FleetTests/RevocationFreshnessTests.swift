import Reactor
import TestSupport
import Testing

@testable import AuthServer

@Suite(.timeLimit(.minutes(1))) struct RevocationFreshnessTests {
    private func moment(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }

    private func standing(confirmed: UInt64, resumed: UInt64 = 0, now: UInt64) -> RevocationFreshness.Standing {
        RevocationFreshness.standing(
            confirmedAt: moment(confirmed), resumedAt: moment(resumed), at: moment(now))
    }

    @Test func `two seconds are fresh, a minute is told, more is lost`() {
        #expect(standing(confirmed: 100_000, now: 100_000) == .confirmed)
        #expect(standing(confirmed: 100_000, now: 102_000) == .confirmed)
        #expect(standing(confirmed: 100_000, now: 102_001) == .aged(seconds: 3))
        #expect(standing(confirmed: 100_000, now: 159_500) == .aged(seconds: 60))
        #expect(standing(confirmed: 100_000, now: 160_000) == .aged(seconds: 60))
        #expect(standing(confirmed: 100_000, now: 160_001) == .lost)
    }

    @Test func `after a pause an answer waits half a second for a look`() {
        #expect(standing(confirmed: 100_000, resumed: 105_000, now: 105_000) == .resuming)
        #expect(standing(confirmed: 100_000, resumed: 105_000, now: 105_499) == .resuming)
        #expect(standing(confirmed: 100_000, resumed: 105_000, now: 105_500) == .aged(seconds: 6))
        #expect(standing(confirmed: 100_000, resumed: 200_000, now: 200_100) == .resuming)
        #expect(standing(confirmed: 100_000, resumed: 200_000, now: 200_500) == .lost)
        #expect(standing(confirmed: 105_001, resumed: 105_000, now: 105_100) == .confirmed)
    }

    @Test func `a set confirmed after the pause only ages`() {
        #expect(standing(confirmed: 106_000, resumed: 105_000, now: 109_000) == .aged(seconds: 3))
    }

    @Test func `a node alone is always sure`() async throws {
        let group = try EventLoopGroup(count: 1, name: "sure")
        let loop = group.loops[0]
        let isConfirmed = await run(loop) {
            let freshness = RevocationFreshness(loop: loop)
            return freshness.isConfirmed && freshness.standing == .confirmed
        }
        #expect(isConfirmed)
        group.stopAndJoin()
    }

    @Test func `before the first confirmation nothing is sure`() async throws {
        let group = try EventLoopGroup(count: 1, name: "unsure")
        let loop = group.loops[0]
        let freshness = RevocationFreshness(loop: loop, awaitingFeed: true)
        #expect(await run(loop) { freshness.standing } == .lost)
        #expect(await run(loop) { freshness.isConfirmed } == false)
        let confirmed: RevocationFreshness.Standing = await run(loop) {
            freshness.confirm(at: loop.now)
            return freshness.standing
        }
        #expect(confirmed == .confirmed)
        #expect(await run(loop) { freshness.isConfirmed })
        group.stopAndJoin()
    }

    @Test func `a loop that was held knows when it went on, and one that is idle was not`() async throws {
        let group = try EventLoopGroup(count: 1, name: "held")
        let loop = group.loops[0]
        let began = MonotonicTime.now
        #expect(await run(loop) { loop.resumedAt } == MonotonicTime(nanoseconds: 0))
        let isHeld = Lock(true)
        loop.execute { isHeld.wait { $0 ? nil : () } }
        await until(seconds: 20) { MonotonicTime.now.nanoseconds(since: began) > 2_300_000_000 }
        isHeld.withLock { $0 = false }
        isHeld.signal()
        let (resumedAt, now) = await run(loop) { (loop.resumedAt, loop.now) }
        #expect(resumedAt.nanoseconds(since: began) > 2_000_000_000)
        #expect(resumedAt <= now)
        group.stopAndJoin()
    }

    @Test func `who waits after a pause goes on with the confirmation, or without it in half a second`() async throws {
        let group = try EventLoopGroup(count: 1, name: "waits")
        let loop = group.loops[0]
        let freshness = RevocationFreshness(loop: loop, awaitingFeed: true)
        let began = MonotonicTime.now
        let isHeld = Lock(true)
        loop.execute { isHeld.wait { $0 ? nil : () } }
        await until(seconds: 20) { MonotonicTime.now.nanoseconds(since: began) > 2_300_000_000 }
        let ended = Lock<[RevocationFreshness.Standing]>([])
        loop.execute {
            loop.spawn {
                await freshness.settle()
                let standing = freshness.standing
                ended.withLock { $0.append(standing) }
            }
        }
        isHeld.withLock { $0 = false }
        isHeld.signal()
        await until { ended.withLock { $0.count } == 1 }
        #expect(ended.withLock { $0 } == [.lost])
        group.stopAndJoin()
    }

    /// What `body` gives on the loop.
    private func run<Value: Sendable>(_ loop: EventLoop, _ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in loop.execute { continuation.resume(returning: body()) } }
    }
}
