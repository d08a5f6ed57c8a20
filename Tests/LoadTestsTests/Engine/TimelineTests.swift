import Testing

@testable import LoadTests

@Suite("Timeline")
struct TimelineTests {
    private func second(_ number: Int, ok: UInt64 = 0, errors: UInt64 = 0, _ nanoseconds: UInt64...)
        -> OperationRecorder.Second
    {
        var second = OperationRecorder.Second(second: number)
        second.ok = ok
        second.errors = errors
        for value in nanoseconds { second.latency.record(value) }
        return second
    }

    @Test("An operation that nobody has heard of has no seconds")
    func unknown() {
        var builder = TimelineBuilder()
        #expect(builder.finish("verify").seconds.isEmpty)
        #expect(builder.progress(at: 0).isEmpty)
    }

    @Test("The seconds of all loops are added, and gaps between them are seconds without anything")
    func merge() {
        var builder = TimelineBuilder()
        builder.add([second(-1, ok: 1, 5_000_000), second(2, ok: 2, errors: 1, 1_000_000)], of: "verify")
        builder.add([second(2, ok: 3, errors: 4, 9_000_000)], of: "verify")
        builder.add([second(0, ok: 9)], of: "login")
        #expect(builder.names == ["verify", "login"])
        let (start, seconds) = builder.finish("verify")
        #expect(start == -1)
        #expect(seconds.map(\.ok) == [1, 0, 0, 5])
        #expect(seconds.map(\.errors) == [0, 0, 0, 5])
        #expect(seconds[1] == TimelineSecond())
        #expect((9_000...9_100).contains(seconds[3].max))
        #expect((1_000...1_020).contains(seconds[3].p50))
    }

    @Test("Making figures of old seconds early changes nothing of them, and the newest can be asked for")
    func compact() {
        var early = TimelineBuilder()
        var late = TimelineBuilder()
        for number in 0..<5 {
            for loop in 0..<2 {
                let one = second(number, ok: UInt64(loop + 1), UInt64(number + loop + 1) * 1_000_000)
                early.add([one], of: "verify")
                late.add([one], of: "verify")
            }
            early.compact(before: number - 2)
        }
        #expect(early.progress(at: 4).map(\.rate) == [3])
        #expect(early.progress(at: 9).map(\.rate) == [0])
        #expect(early.progress(at: 9).map(\.p99) == [nil])
        #expect(early.finish("verify").seconds == late.finish("verify").seconds)
        #expect(early.finish("verify").start == 0)
    }

    @Test("Of the waves of a siege the one that is on is shown, under their common name")
    func waves() {
        var builder = TimelineBuilder()
        builder.add([second(0, ok: 7)], of: "verify#0")
        builder.add([second(1, ok: 8)], of: "verify#1")
        builder.add([second(1, ok: 2)], of: "login")
        #expect(builder.progress(at: 0).map(\.name) == ["verify", "login"])
        #expect(builder.progress(at: 0).map(\.rate) == [7, 0])
        #expect(builder.progress(at: 1).first { $0.name == "verify" }?.rate == 8)
    }
}
