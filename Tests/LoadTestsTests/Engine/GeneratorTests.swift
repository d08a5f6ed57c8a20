import Reactor
import TestSupport
import Testing

@testable import LoadTests

@Suite("Generator", .timeLimit(.minutes(1)))
struct GeneratorTests {
    /// A generator that has not begun, on a loop of its own.
    private func run(
        port: UInt16 = 1, start: MonotonicTime = .now, duration: Double = 600, connections: Int = 4,
        maximumOutstanding: Int = 200_000, _ lay: @escaping @Sendable (Generator) -> Void,
        _ body: (Generator) async throws -> Void
    ) async throws {
        let loop = try EventLoop(name: "generator")
        try loop.start()
        defer {
            loop.stop()
            loop.join()
        }
        let address = try #require(SocketAddress("127.0.0.1:\(port)"))
        let plan = Generator.Plan(
            endpoints: [Endpoint(address, host: "a")], start: start, duration: duration, connections: connections,
            maximumOutstanding: maximumOutstanding)
        let generator = loop.runAndWait {
            let generator = Generator(plan, share: 0, on: loop)
            lay(generator)
            return generator
        }
        let isBegun = loop.runAndWait {
            do throws(SystemError) { try generator.begin() } catch { return false }
            return true
        }
        try #require(isBegun)
        try await body(generator)
        loop.runAndWait { generator.close() }
        await until { loop.runAndWait { generator.outstanding } == 0 }
    }

    /// So long ago.
    private func ago(_ seconds: UInt64) -> MonotonicTime {
        let now = MonotonicTime.now.nanoseconds
        return MonotonicTime(nanoseconds: now - min(now, seconds * 1_000_000_000))
    }

    @Test("A generator that comes too late says how late, for each request")
    func lag() async throws {
        let fired = Lock(0)
        try await run(start: ago(5), duration: 1) { generator in
            generator.addStream(.constant(1_000)) { _ in fired.withLock { $0 += 1 } }
        } _: { generator in
            await until { fired.withLock { $0 } == 1_000 }
            let lag = generator.loop.runAndWait { generator.lag }
            #expect(lag.count == 1_000)
            #expect(lag.min >= 3_900_000_000)
            #expect(lag.max >= 5_000_000_000)
        }
    }

    @Test("Requests beyond the bound are shed and counted, and none goes missing")
    func shed() async throws {
        try await run(start: ago(5), duration: 1, maximumOutstanding: 100) { generator in
            generator.addStream(.constant(1_000)) { turn in
                generator.spawn { await $0.sleep(seconds: 3_600) }
            }
        } _: { generator in
            await until { generator.loop.runAndWait { generator.lag.count } == 1_000 }
            #expect(generator.loop.runAndWait { generator.outstanding } == 100)
            #expect(generator.loop.runAndWait { generator.shed } == 900)
        }
    }

    @Test("What was due when the arrivals stop is begun, however far behind the pace is, and nothing after that")
    func stopArrivals() async throws {
        let turns = Lock<[Int]>([])
        try await run(start: ago(5), duration: 1) { generator in
            generator.addStream(.constant(50_000)) { turn in turns.withLock { $0.append(turn.index) } }
        } _: { generator in
            generator.loop.runAndWait { generator.stopArrivals() }
            #expect(turns.withLock { $0 } == Array(0..<50_000))
            generator.loop.runAndWait { generator.stopArrivals() }
            #expect(turns.withLock { $0.count } == 50_000)
        }
        let later = Lock(0)
        try await run(start: MonotonicTime.now.adding(milliseconds: 3_600_000)) { generator in
            generator.addStream(.constant(1_000)) { _ in later.withLock { $0 += 1 } }
        } _: { generator in
            generator.loop.runAndWait { generator.stopArrivals() }
            #expect(later.withLock { $0 } == 0)
        }
    }

    @Test("Who sleeps wakes when the generator closes, and sleeps no more then")
    func sleepers() async throws {
        let woken = Lock(0)
        try await run { _ in
        } _: { generator in
            generator.loop.runAndWait {
                for _ in 0..<10 {
                    generator.spawn { generator in
                        await generator.sleep(seconds: 1e300)
                        woken.withLock { $0 += 1 }
                    }
                }
            }
            await until { generator.loop.runAndWait { generator.loop.timerCount } >= 11 }
            #expect(woken.withLock { $0 } == 0)
            generator.loop.runAndWait { generator.close() }
            await until { woken.withLock { $0 } == 10 }
            generator.loop.runAndWait { await generator.sleep(seconds: 3_600) }
        }
    }

    @Test("A sleep ends by itself, and one of nothing or less at once")
    func shortSleep() async throws {
        try await run { _ in
        } _: { generator in
            let begun = MonotonicTime.now
            generator.loop.runAndWait {
                await generator.sleep(seconds: 0)
                await generator.sleep(seconds: -1)
                await generator.sleep(seconds: 0.02)
            }
            #expect(MonotonicTime.now.nanoseconds(since: begun) >= 20_000_000)
        }
    }

    @Test("A closed loop does not hammer a target that refuses")
    func refusing() async throws {
        let socket = try Socket.listen(on: try #require(SocketAddress("127.0.0.1:0")), .alone)
        let port = try #require(socket.localAddress()?.port)
        socket.close()
        let turns = Lock(0)
        let begun = MonotonicTime.now
        try await run(port: port) { generator in
            generator.addStream(Pacing(.saturate)) { turn in
                turns.withLock { $0 += 1 }
                generator.send([0x20], intended: turn.intended) { _, end, _ in
                    generator.finished(turn, isAnswered: end == .answered)
                }
            }
        } _: { generator in
            await until { turns.withLock { $0 } >= 40 }
            // Four at once, and ten milliseconds behind each failure: the fortieth comes after nine of them.
            #expect(MonotonicTime.now.nanoseconds(since: begun) >= 90_000_000)
        }
    }

    @Test("Ten thousand requests as fast as they go are all counted")
    func saturated() async throws {
        let target = try ScriptedTarget.answering(reply("x"))
        defer { target.end() }
        let (answered, others) = (Lock(0), Lock(0))
        let turns = Lock<[Int]>([])
        try await run(port: target.port) { generator in
            let recorder = generator.recorder("verify")
            generator.addStream(Pacing(.saturate)) { turn in
                turns.withLock { $0.append(turn.index) }
                generator.send(Array("GET / HTTP/1.1\r\n\r\n".utf8), intended: turn.intended) { exchange, end, _ in
                    (end == .answered ? answered : others).withLock { $0 += 1 }
                    recorder.record(
                        .ok, status: 200, intended: turn.intended, sent: exchange.sent, done: .now)
                    generator.finished(turn, isAnswered: end == .answered)
                }
            }
        } _: { generator in
            await until { answered.withLock { $0 } >= 10_000 }
            generator.loop.runAndWait { generator.stopArrivals() }
            await until { generator.loop.runAndWait { generator.outstanding } == 0 }
            let count = turns.withLock { $0.count }
            #expect(turns.withLock { $0 } == Array(0..<count))
            #expect(answered.withLock { $0 } == count)
            #expect(others.withLock { $0 } == 0)
            #expect(target.requests == count)
            #expect(target.connections == 4)
            let result = generator.loop.runAndWait { generator.finish()[0].0 }
            #expect(result.count == count)
            #expect(result.latency.count == count)
            #expect(result.service.count == count)
        }
    }

    @Test("A sign-in that is given up is on the timeline when that was known, and moves no other second")
    func givenUp() async throws {
        try await run { _ in
        } _: { generator in
            let start = generator.plan.start
            let seconds = generator.loop.runAndWait {
                let recorder = generator.recorder("real")
                var answer = Answer(end: .answered, variables: Variables())
                answer.verdict = .throttled
                answer.status = 429
                answer.done = start.adding(milliseconds: 1_500)
                let login = RealLogin(device: .new, begun: 1)
                generator.record(
                    SignIn.Outcome(session: nil, login: login, last: answer),
                    intended: start.adding(milliseconds: 1_400), in: recorder)
                recorder.record(
                    .ok, status: 200, intended: start, sent: start, done: start.adding(milliseconds: 2_500))
                return recorder.finish().1
            }
            #expect(seconds.map(\.second) == [1, 2])
            #expect(seconds.map(\.errors) == [1, 0])
            #expect(seconds.map(\.ok) == [0, 1])
        }
    }
}
