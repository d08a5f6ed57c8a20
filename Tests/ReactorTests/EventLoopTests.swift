import Glibc
import Reactor
import Testing

/// An actor whose executor is a loop, as connections are.
private actor Resident {
    nonisolated let loop: EventLoop
    private var log: [Bool] = []

    init(loop: EventLoop) { self.loop = loop }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    func visit() async -> [Bool] {
        log.append(loop.isCurrent)
        await Task.yield()
        log.append(loop.isCurrent)
        return log
    }
}

@Suite struct EventLoopTests {
    @Test func `a task stays on its loop through suspensions, children and other actors`() async throws {
        try await withLoop { loop in
            let places = await withCheckedContinuation { continuation in
                loop.spawn {
                    var places = [loop.isCurrent]
                    places += await Resident(loop: loop).visit()
                    async let child = loop.isCurrent
                    places.append(await child)
                    await withTaskGroup(of: Bool.self) { group in
                        for _ in 0..<4 { group.addTask { loop.isCurrent } }
                        for await place in group { places.append(place) }
                    }
                    places.append(loop.isCurrent)
                    continuation.resume(returning: places)
                }
            }
            #expect(places.count == 9)
            #expect(places.allSatisfy { $0 })
        }
    }

    @Test func `an actor of a loop is reached from outside and leaves no task behind`() async throws {
        try await withLoop { loop in
            let resident = Resident(loop: loop)
            let log = await resident.visit()
            #expect(log == [true, true])
            for _ in 0..<500 { loop.spawn { _ = await resident.visit() } }
            while loop.taskCount > 0 { _ = await loop.perform { 0 } }
            #expect(loop.taskCount == 0)
        }
    }

    @Test func `a stale event never reaches the new owner of a reused descriptor`() async throws {
        try await withLoop { loop in
            let (first, firstPeer) = try makeSocketPair()
            let (victim, victimPeer) = try makeSocketPair()
            let (closer, heir) = (Recorder(), Recorder())
            let reused = await loop.perform { () -> Int32 in
                // Both descriptors are ready in one round; whichever is told first closes the other's and hands its
                // number to a new socket that nobody has written to.
                let victimHandler = Recorder()
                let firstRegistration = try? loop.register(first, .readable, closer)
                let victimRegistration = try? loop.register(victim, .readable, victimHandler)
                let replace: (Registration?, Int32) -> Void = { registration, descriptor in
                    guard heir.onEvent == nil, let registration, let (end, peer) = try? makeSocketPair() else { return }
                    heir.onEvent = { _ in }
                    loop.deregister(registration, isClosing: true)
                    close(descriptor)
                    dup2(end, descriptor)
                    close(end)
                    _ = try? loop.register(descriptor, .readable, heir)
                    _ = peer
                }
                closer.onEvent = { _ in replace(victimRegistration, victim) }
                victimHandler.onEvent = { _ in replace(firstRegistration, first) }
                write(firstPeer, "x", 1)
                write(victimPeer, "x", 1)
                return victim
            }
            _ = await loop.perform { 0 }
            let (heard, hasHeir) = await loop.perform { (heir.events, heir.onEvent != nil) }
            #expect(hasHeir, "one handler ran and replaced the other's descriptor \(reused)")
            #expect(heard.isEmpty, "the heir was told of an event that was not its own")
            for descriptor in [first, firstPeer, victim, victimPeer] { close(descriptor) }
        }
    }

    @Test func `many hand-ins between two rounds cost one wake-up`() async throws {
        try await withLoop { loop in
            _ = await loop.perform { 0 }
            let gate = Lock(false)
            let before = loop.wakeUpCount
            loop.execute { gate.wait { $0 ? () : nil } }
            let ran = Lock(0)
            while loop.wakeUpCount == before { sched_yield() }
            // The loop may still be on its way to the gate; the second wake-up is for the rest.
            for _ in 0..<1000 { loop.execute { ran.withLock { $0 += 1 } } }
            gate.withLock { $0 = true }
            gate.signal()
            _ = await loop.perform { 0 }
            #expect(ran.withLock { $0 } == 1000)
            #expect(loop.wakeUpCount - before <= 3)
        }
    }

    @Test func `a timer fires on the loop and a cancelled one does not`() async throws {
        try await withLoop { loop in
            let onLoop = await withCheckedContinuation { continuation in
                loop.execute {
                    let cancelled = loop.schedule(at: loop.now.adding(milliseconds: 1)) {
                        continuation.resume(returning: false)
                    }
                    loop.cancel(cancelled)
                    _ = loop.schedule(at: loop.now.adding(milliseconds: 5)) {
                        continuation.resume(returning: loop.isCurrent)
                    }
                }
            }
            #expect(onLoop)
            #expect(await loop.perform { loop.timerCount } == 0)
        }
    }

    @Test func `readiness tells of data and of the peer's end in one event`() async throws {
        try await withLoop { loop in
            let (descriptor, peer) = try makeSocketPair()
            let recorder = Recorder()
            let readiness = await withCheckedContinuation { continuation in
                loop.execute {
                    recorder.onEvent = { continuation.resume(returning: $0) }
                    write(peer, "x", 1)
                    shutdown(peer, Int32(SHUT_WR))
                    _ = try? loop.register(descriptor, [.readable, .readClosed], recorder)
                }
            }
            #expect(readiness.contains(.readable))
            #expect(readiness.endsInput)
            #expect(!readiness.isGone)
            close(descriptor)
            close(peer)
        }
    }

    @Test func `every loop of a group has run what was given to all when that returns`() async throws {
        let group = try EventLoopGroup(count: 3, name: "group")
        let seen = Lock(Set<Int>())
        await group.runOnAll { index in
            #expect(group.loops[index].isCurrent)
            seen.withLock { _ = $0.insert(index) }
        }
        #expect(seen.withLock { $0 } == [0, 1, 2])
        group.stopAndJoin()
        // A thread that ended takes nothing more and writes to no descriptor of somebody else.
        #expect(!group.loops[0].execute {})
        // Nor is it waited for.
        await group.runOnAll { _ in Issue.record("an ended loop ran something") }
    }

    @Test func `what was handed in before the end is run, and an ended loop holds nothing`() async throws {
        final class Witness: Sendable {}
        let loop = try EventLoop(name: "end")
        try loop.start()
        let ran = Lock(0)
        let gate = Lock(false)
        weak var inTimer: Witness?
        weak var inHandler: Witness?
        let (descriptor, peer) = try makeSocketPair()
        do {
            let (first, second) = (Witness(), Witness())
            (inTimer, inHandler) = (first, second)
            await loop.perform {
                _ = loop.schedule(at: .distantFuture) { [loop] in _ = (first, loop) }
                let recorder = Recorder()
                recorder.onEvent = { [loop] _ in _ = (second, loop) }
                _ = try? loop.register(descriptor, .readable, recorder)
            }
        }
        #expect(inTimer != nil && inHandler != nil)
        loop.execute { gate.wait { $0 ? () : nil } }
        loop.stop()
        for _ in 0..<10 { loop.execute { ran.withLock { $0 += 1 } } }
        gate.withLock { $0 = true }
        gate.signal()
        loop.join()
        #expect(ran.withLock { $0 } == 10)
        #expect(inTimer == nil && inHandler == nil)
        close(descriptor)
        close(peer)
    }

    @Test func `registering what epoll does not take is an error and leaves nothing registered`() async throws {
        try await withLoop { loop in
            let file = open("/dev/null", O_RDONLY)
            let codes = await loop.perform { () -> [Int32] in
                [file, -1].map { descriptor in
                    do throws(SystemError) {
                        _ = try loop.register(descriptor, .readable, Recorder())
                        return 0
                    } catch {
                        return error.code
                    }
                }
            }
            #expect(codes == [EPERM, EBADF])
            #expect(await loop.perform { loop.registrationCount } == 0)
            close(file)
        }
    }
}
