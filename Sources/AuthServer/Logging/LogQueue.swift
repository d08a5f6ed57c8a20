import Glibc
package import Reactor
import Synchronization

/// Log lines on their way out: bounded, and written by a thread of its own. Whoever logs copies a line under a lock that
/// is held for no more than that; a reader that is slow or gone costs lines, which are counted, and never waits.
package final class LogQueue: Sendable {
    /// Some four thousand lines; as many again may be on their way out.
    static let standardCapacity = 1 << 20
    /// A line, its end included, is written in one piece and so not mixed with what others write.
    static let maximumLineBytes = BoundedOutput.maximumBytes
    /// For what is still there at the end.
    private static let flushMilliseconds: Int64 = 1000

    private struct Waiting {
        var bytes: [UInt8] = []
        /// Since the last batch.
        var dropped = 0
        var isStopped = false
    }

    private let output: BoundedOutput
    private let capacity: Int
    private let waiting = Lock(Waiting())
    private let thread: WorkerPool
    private let droppedTotal = Atomic<Int>(0)
    private let writtenTotal = Atomic<Int>(0)

    /// Lines lost for want of room or of a reader.
    package var dropped: Int { droppedTotal.load(ordering: .relaxed) }
    package var written: Int { writtenTotal.load(ordering: .relaxed) }

    /// Writes to `descriptor`, which it does not close.
    package init(descriptor: Int32, capacity: Int = LogQueue.standardCapacity) throws(SystemError) {
        self.capacity = capacity
        output = BoundedOutput(descriptor: descriptor)
        thread = try WorkerPool(name: "log", niceValues: [0], capacity: 1)
        _ = thread.enqueue { [self] in run() }
    }

    /// A whole line without its end. From any thread; waits for nobody.
    package func append(_ line: [UInt8]) {
        let isTaken = waiting.withLock { waiting in
            guard !waiting.isStopped, line.count < LogQueue.maximumLineBytes,
                waiting.bytes.count + line.count < capacity
            else {
                waiting.dropped += 1
                return false
            }
            waiting.bytes.append(contentsOf: line)
            waiting.bytes.append(UInt8(ascii: "\n"))
            return true
        }
        if isTaken { waiting.signal() } else { droppedTotal.add(1, ordering: .relaxed) }
    }

    /// Writes what is there, as long as somebody reads and no longer than a second, and ends the thread. Blocks.
    package func stop() {
        output.expire(at: .now.adding(milliseconds: LogQueue.flushMilliseconds))
        waiting.withLock { $0.isStopped = true }
        waiting.signal(all: true)
        thread.stopAndJoin()
        // A thread that had not begun yet has left everything.
        run()
    }

    private func run() {
        // Two buffers in turn, so that none grows anew under the lock.
        var batch: [UInt8] = []
        while let dropped = waiting.wait(for: { LogQueue.take(&$0, into: &batch) }) {
            if dropped > 0 { _ = output.write(LogLine.ofDropped(dropped)[...]) }
            write(batch)
        }
    }

    /// Everything that waits, with the number of lines dropped before it; `.some(nil)` at the end, nil to wait.
    private static func take(_ waiting: inout Waiting, into batch: inout [UInt8]) -> Int?? {
        if waiting.bytes.isEmpty { return waiting.isStopped ? .some(nil) : nil }
        batch.removeAll(keepingCapacity: true)
        swap(&batch, &waiting.bytes)
        defer { waiting.dropped = 0 }
        return waiting.dropped
    }

    private func write(_ lines: [UInt8]) {
        var rest = lines[...]
        while !rest.isEmpty {
            let piece = rest.prefix(LogQueue.maximumLineBytes)
            // A line fits in a piece, so there is an end of one.
            let end = piece.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? piece.endIndex
            let whole = rest[..<end]
            let count = whole.count { $0 == UInt8(ascii: "\n") }
            if output.write(whole) {
                writtenTotal.add(count, ordering: .relaxed)
            } else {
                droppedTotal.add(count, ordering: .relaxed)
            }
            rest = rest[end...]
        }
    }
}
