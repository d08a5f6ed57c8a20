/// The loops of a process that serve alike.
package struct EventLoopGroup: Sendable {
    package let loops: [EventLoop]

    /// Makes `count` (at least one) loops, named `<name>-0`, `<name>-1`, …, and starts them.
    package init(count: Int, name: String) throws(SystemError) {
        var loops: [EventLoop] = []
        do throws(SystemError) {
            for index in 0..<max(1, count) {
                let loop = try EventLoop(name: "\(name)-\(index)")
                try loop.start()
                loops.append(loop)
            }
        } catch {
            for loop in loops { loop.stop() }
            for loop in loops { loop.join() }
            throw error
        }
        self.loops = loops
    }

    /// Runs `body` on every loop and returns when all have run it: the way an immutable snapshot is handed to all. A loop
    /// that has ended is left out.
    package func runOnAll(_ body: @escaping @Sendable (Int) -> Void) async {
        let remaining = Lock(loops.count)
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let finish: @Sendable () -> Void = {
                let isLast = remaining.withLock { count in
                    count -= 1
                    return count == 0
                }
                if isLast { continuation.resume() }
            }
            for (index, loop) in loops.enumerated() {
                let isTaken = loop.execute {
                    body(index)
                    finish()
                }
                if !isTaken { finish() }
            }
        }
    }

    /// Ends every loop after its current round and waits for their threads. Not from one of them.
    package func stopAndJoin() {
        for loop in loops { loop.stop() }
        for loop in loops { loop.join() }
    }
}
