import Glibc
import Reactor

/// Writing to a descriptor that others share, so that its mode is not ours to change, and whose reader may be slow: it
/// waits for room before each piece.
final class BoundedOutput: Sendable {
    /// What a pipe has room for when the kernel says that it has, and takes whole (PIPE_BUF).
    static let maximumBytes = 4096
    private static let sliceMilliseconds: Int32 = 50

    private let descriptor: Int32
    /// When waiting ends.
    private let end: Lock<MonotonicTime>

    init(descriptor: Int32, until end: MonotonicTime = .distantFuture) {
        self.descriptor = descriptor
        self.end = Lock(end)
    }

    /// From any thread.
    func expire(at time: MonotonicTime) { end.withLock { $0 = time } }

    /// False when nobody reads any more, it cannot be written, or the time is over. Blocks.
    func write(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            guard hasRoom() else { return false }
            let count = rest.prefix(BoundedOutput.maximumBytes).withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                return false
            }
        }
        return true
    }

    private func hasRoom() -> Bool {
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let isOver = MonotonicTime.now >= end.withLock { $0 }
            let ready = poll(&entry, 1, isOver ? 0 : BoundedOutput.sliceMilliseconds)
            if ready > 0 { return Int32(entry.revents) & POLLOUT != 0 && Int32(entry.revents) & POLLERR == 0 }
            guard !isOver, ready == 0 || errno == EINTR else { return false }
        }
    }
}
