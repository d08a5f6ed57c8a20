import Reactor
import TestSupport
import Testing

@testable import Postgres

struct PoolTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func after(_ milliseconds: Int64) -> MonotonicTime { start.adding(milliseconds: milliseconds) }

    private func pool(_ connections: Int = 1, maximumWaiting: Int = 8) -> ConnectionPool {
        ConnectionPool(connections: connections, waitMilliseconds: 500, maximumWaiting: maximumWaiting, now: start)
    }

    @Test func `an open connection is its caller's until released, and then of who waited longest`() {
        var pool = pool()
        #expect(pool.opened(0) == nil)
        #expect(pool.acquire(1, at: start) == .connection(0))
        #expect(pool.acquire(2, at: start) == .wait)
        #expect(pool.acquire(3, at: start) == .wait)
        #expect(pool.release(0, at: start) == .given(ticket: 2))
        #expect(pool.release(0, at: start) == .given(ticket: 3))
        #expect(pool.release(0, at: start) == .idle)
        #expect(pool.open == 1 && pool.inUse == 0 && pool.waiting == 0)
    }

    @Test func `callers before the first connection wait for it`() {
        var pool = pool()
        #expect(pool.acquire(1, at: start) == .wait)
        #expect(pool.opened(0) == 1)
        #expect(pool.inUse == 1)
    }

    @Test func `who waits is let go at its deadline, and not before`() {
        var pool = pool()
        #expect(pool.acquire(1, at: after(0)) == .wait)
        #expect(pool.acquire(2, at: after(100)) == .wait)
        #expect(pool.nextDeadline == after(500))
        #expect(pool.expire(at: after(499)) == [])
        #expect(pool.expire(at: after(500)) == [1])
        #expect(pool.expire(at: after(600)) == [2])
        #expect(pool.nextDeadline == nil)
    }

    @Test func `no more wait than may`() {
        var pool = pool(maximumWaiting: 2)
        _ = pool.acquire(1, at: start)
        _ = pool.acquire(2, at: start)
        #expect(pool.acquire(3, at: start) == .refused(.full))
        #expect(pool.withdraw(1) == true)
        #expect(pool.withdraw(1) == false)
        #expect(pool.acquire(4, at: start) == .wait)
    }

    @Test func `when nothing was open for as long as anybody waits, nobody waits any more, until something is`() {
        var pool = pool()
        _ = pool.opened(0)
        #expect(pool.broke(0, at: after(1000)) == true)
        #expect(pool.acquire(1, at: after(1499)) == .wait)
        #expect(pool.acquire(2, at: after(1500)) == .refused(.outage))
        #expect(pool.opened(0) == 1)
        #expect(pool.acquire(3, at: after(9000)) == .wait)
    }

    @Test func `a connection that broke in use is connected anew when its user is done with it`() {
        var pool = pool()
        _ = pool.opened(0)
        _ = pool.acquire(1, at: start)
        #expect(pool.broke(0, at: start) == false)
        #expect(pool.open == 0)
        #expect(pool.release(0, at: start) == .broken)
        #expect(pool.acquire(2, at: start) == .wait)
        #expect(pool.opened(0) == 2)
    }

    @Test func `a closed pool refuses, and says who waited`() {
        var pool = pool()
        _ = pool.acquire(1, at: start)
        #expect(pool.close() == [1])
        #expect(pool.acquire(2, at: start) == .refused(.closed))
    }

    @Test(arguments: 1...20)
    func `whatever happens, no connection has two users and no caller is forgotten`(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var pool = pool(3, maximumWaiting: 5)
        var users: [Int: Int] = [:]
        var open: Set<Int> = []
        var waiting: Set<UInt64> = []
        var now = start
        var ticket: UInt64 = 0
        func take(_ index: Int) {
            #expect(users[index] == nil)
            users[index] = 1
        }
        for _ in 0..<500 {
            now = now.adding(milliseconds: Int64.random(in: 0...50, using: &random))
            let index = Int.random(in: 0..<3, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                ticket += 1
                switch pool.acquire(ticket, at: now) {
                case .connection(let index): take(index)
                case .wait: waiting.insert(ticket)
                case .refused(let refusal): #expect(refusal != .full || waiting.count == 5)
                }
            case 1 where users[index] != nil:
                users[index] = nil
                switch pool.release(index, at: now) {
                case .idle: #expect(waiting.isEmpty)
                case .given(let ticket):
                    #expect(waiting.remove(ticket) != nil)
                    take(index)
                case .broken: #expect(!open.contains(index))
                }
            case 2 where open.contains(index):
                open.remove(index)
                #expect(pool.broke(index, at: now) == (users[index] == nil))
            case 3 where !open.contains(index) && users[index] == nil:
                open.insert(index)
                if let ticket = pool.opened(index) {
                    #expect(waiting.remove(ticket) != nil)
                    take(index)
                }
            default: for ticket in pool.expire(at: now) { #expect(waiting.remove(ticket) != nil) }
            }
            #expect(pool.waiting == waiting.count)
            #expect(pool.open == open.count)
        }
    }
}

struct PreparedStatementsTests {
    @Test func `a statement is prepared once`() {
        var statements = PreparedStatements()
        let first = statements.variant(of: "s", [20])
        #expect(first.isNew && first.0.name == "s" && first.types == [20])
        // A second one of the same exchange.
        #expect(statements.variant(of: "s", [20]).isNew == false)
        statements.confirm(first.0)
        statements.exchangeEnded()
        #expect(statements.variant(of: "s", [20]).isNew == false)
    }

    @Test func `what was not confirmed is prepared again`() {
        var statements = PreparedStatements()
        _ = statements.variant(of: "s", [20])
        statements.exchangeEnded()
        #expect(statements.variant(of: "s", [20]).isNew == true)
    }

    @Test func `null fits every type, and a value that comes where null was known needs a preparation of its own`() {
        var statements = PreparedStatements()
        #expect(statements.variant(of: "s", [0, 25]).0.name == "s")
        let second = statements.variant(of: "s", [20, 0])
        #expect(second.isNew && second.0.name == "s/1" && second.types == [20, 25])
        #expect(statements.variant(of: "s", [0, 0]).0.name == "s/1")
        #expect(statements.variant(of: "s", [20, 25]).0.name == "s/1")
    }
}

struct BackoffTests {
    @Test func `pauses double from 50 ms to a second, jittered down to half`() {
        var backoff = Backoff()
        var random = SeededGenerator(seed: 4)
        for step: Int64 in [50, 100, 200, 400, 800, 1000, 1000, 1000] {
            let pause = backoff.next(using: &random)
            #expect((step / 2...step).contains(pause))
        }
        backoff.reset()
        #expect(backoff.next(using: &random) <= 50)
    }
}
