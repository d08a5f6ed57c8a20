import Glibc
import Reactor

extension EventLoop {
    /// Runs `body` on the loop and returns its value.
    func perform<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            execute { continuation.resume(returning: body()) }
        }
    }
}

/// A started loop for the time of `body`, joined afterwards.
func withLoop<Value>(_ body: (EventLoop) async throws -> Value) async throws -> Value {
    let loop = try EventLoop(name: "test")
    try loop.start()
    defer {
        loop.stop()
        loop.join()
    }
    return try await body(loop)
}

/// A connected pair of non-blocking sockets.
func makeSocketPair() throws -> (Int32, Int32) {
    var descriptors: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, type, 0, &descriptors) == 0 else { throw SystemError("socketpair") }
    return (descriptors[0], descriptors[1])
}

/// Records what it is told; touched only on its loop.
final class Recorder: ReadinessHandler, @unchecked Sendable {
    // @unchecked: only the loop's thread touches it.
    var events: [Readiness] = []
    var onEvent: ((Readiness) -> Void)?

    func ready(_ readiness: Readiness) {
        events.append(readiness)
        onEvent?(readiness)
    }
}
