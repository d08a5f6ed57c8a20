import Reactor
import TestSupport
import Testing

@testable import AuthServer

@Suite(.timeLimit(.minutes(1))) struct KeyLookTests {
    @Test func `many who ask at once share one look, and for a second it is good`() async {
        let (looks, isOpen) = (Lock(0), Lock(false))
        let time = Lock(MonotonicTime(nanoseconds: 5_000_000_000))
        let look = KeyLook(time: { time.withLock { $0 } }) {
            looks.withLock { $0 += 1 }
            await until { isOpen.withLock { $0 } }
            return true
        }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { await look.look() } }
            await until { looks.withLock { $0 } == 1 }
            isOpen.withLock { $0 = true }
            for await isKnown in group { #expect(isKnown) }
        }
        #expect(looks.withLock { $0 } == 1)
        time.withLock { $0 = $0.adding(milliseconds: 999) }
        #expect(await look.look())
        #expect(looks.withLock { $0 } == 1)
        time.withLock { $0 = $0.adding(milliseconds: 1) }
        #expect(await look.look())
        #expect(looks.withLock { $0 } == 2)
    }

    @Test func `a look that was not answered says that nothing is known, and is repeated in a second at the earliest`()
        async
    {
        let looks = Lock(0)
        let time = Lock(MonotonicTime(nanoseconds: 5_000_000_000))
        let look = KeyLook(time: { time.withLock { $0 } }) {
            looks.withLock {
                $0 += 1; return $0 > 1
            }
        }
        #expect(await look.look() == false)
        #expect(await look.look() == false)
        #expect(looks.withLock { $0 } == 1)
        time.withLock { $0 = $0.adding(milliseconds: 1000) }
        #expect(await look.look())
    }
}
