import HTTPServer
import Reactor
import Testing

@Suite struct ConnectionStateTests {
    private let deadlines = Deadlines()

    private func at(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: 1_000_000_000).adding(milliseconds: milliseconds)
    }

    private func state() -> ConnectionState { ConnectionState(deadlines: deadlines, now: at(0)) }

    @Test func `an idle connection is closed without a word when its time is over`() {
        let state = state()
        #expect(state.expiry(at: at(deadlines.idle - 1)) == .later(at(deadlines.idle)))
        #expect(state.expiry(at: at(deadlines.idle)) == .close)
    }

    @Test func `a head that comes byte by byte gets no more time than its first byte gave it`() {
        var state = state()
        for moment in stride(from: Int64(0), to: deadlines.head, by: 100) { state.headBegan(at: at(1000 + moment)) }
        #expect(state.phase == .head)
        #expect(state.expiry(at: at(1000 + deadlines.head - 1)) == .later(at(1000 + deadlines.head)))
        #expect(state.expiry(at: at(1000 + deadlines.head)) == .timeOut)
    }

    @Test func `body and answer are counted from the request's first byte`() {
        var state = state()
        state.headBegan(at: at(10))
        state.headEnded(at: at(5000))
        state.bodyBegan()
        #expect(state.expiry(at: at(10 + deadlines.body)) == .timeOut)
        state.handlingBegan()
        #expect(state.expiry(at: at(10 + deadlines.body)) == .later(at(10 + deadlines.total)))
        #expect(state.expiry(at: at(10 + deadlines.total)) == .giveUp)
    }

    @Test func `a request that comes whole starts its own clock`() {
        var state = state()
        state.headEnded(at: at(40_000))
        state.handlingBegan()
        #expect(state.deadline == at(40_000 + deadlines.total))
    }

    @Test func `no input is taken while an answer is made or waits for room`() {
        var state = state()
        #expect(state.takesInput)
        state.headEnded(at: at(1))
        state.handlingBegan()
        #expect(!state.takesInput)
        state.answered(at: at(2))
        #expect(state.takesInput)
        state.writeBlocked(at: at(3))
        #expect(!state.takesInput)
        #expect(state.expiry(at: at(3 + deadlines.write)) == .close)
        state.writeCompleted(at: at(4))
        #expect(state.phase == .idle)
        #expect(state.deadline == at(4 + deadlines.idle))
    }

    @Test func `an answer that blocks twice keeps the first deadline`() {
        var state = state()
        state.lingeringBegan(at: at(1))
        state.writeBlocked(at: at(2))
        state.writeBlocked(at: at(2000))
        #expect(state.deadline == at(2 + deadlines.write))
        state.writeCompleted(at: at(2001))
        #expect(state.phase == .lingering)
    }

    @Test func `draining leaves an idle connection a moment and makes every answer the last`() {
        var state = state()
        state.drain(at: at(100))
        #expect(state.isLastAnswer)
        #expect(state.expiry(at: at(100 + deadlines.drainingIdle)) == .close)
        var busy = self.state()
        busy.headEnded(at: at(1))
        busy.handlingBegan()
        busy.drain(at: at(2))
        #expect(busy.expiry(at: at(2 + deadlines.drainingIdle)) == .later(at(1 + deadlines.total)))
    }

    @Test func `an answer made while another waits for room keeps input closed until both are taken`() {
        var state = state()
        state.headEnded(at: at(1))
        state.handlingBegan()
        state.writeBlocked(at: at(2))
        state.answered(at: at(3))
        #expect(state.phase == .writing)
        #expect(!state.takesInput)
        #expect(state.deadline == at(2 + deadlines.write))
        state.writeCompleted(at: at(4))
        #expect(state.phase == .idle)
        #expect(state.deadline == at(4 + deadlines.idle))
    }

    @Test func `a last answer made while another waits for room is followed by lingering, not replaced by it`() {
        var state = state()
        state.headEnded(at: at(1))
        state.handlingBegan()
        state.writeBlocked(at: at(2))
        state.lingeringBegan(at: at(3))
        #expect(state.phase == .writing)
        state.writeCompleted(at: at(4))
        #expect(state.phase == .lingering)
        #expect(state.deadline == at(4 + deadlines.linger))
    }
}
