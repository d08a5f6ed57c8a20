import Reactor
import Testing

@testable import Redis

/// A client on a loop of its own for the time of `body`.
func withClient<Value>(
    _ url: String, commandMilliseconds: Int64 = 50, connectMilliseconds: Int64 = 1000,
    _ body: (RedisClient) async throws -> Value
) async throws -> Value {
    var configuration = try RedisConfiguration(url: url)
    configuration.commandMilliseconds = commandMilliseconds
    configuration.connectMilliseconds = connectMilliseconds
    let loop = try EventLoop(name: "redis")
    try loop.start()
    let resolver = try Resolver()
    let client = RedisClient(configuration, loop: loop, resolver: resolver)
    await client.start()
    let result: Result<Value, any Error>
    do { result = .success(try await body(client)) } catch { result = .failure(error) }
    await client.close()
    resolver.stopAndJoin()
    loop.stop()
    loop.join()
    return try result.get()
}

/// What a call came to.
func outcome<Value>(_ call: () async throws(RedisError) -> Value) async -> Result<Value, RedisError> {
    do throws(RedisError) { return .success(try await call()) } catch { return .failure(error) }
}

func failure<Value>(_ call: () async throws(RedisError) -> Value) async -> RedisError? {
    if case .failure(let error) = await outcome(call) { error } else { nil }
}

/// Milliseconds that `body` takes.
func milliseconds(_ body: () async -> Void) async -> Int {
    let start = MonotonicTime.now
    await body()
    return Int(MonotonicTime.now.nanoseconds(since: start) / 1_000_000)
}

/// Counts, across threads.
final class Counter: Sendable {
    private let count = Lock(0)

    var value: Int { count.withLock { $0 } }

    func increment() { count.withLock { $0 += 1 } }
}

extension RedisValue {
    init(_ text: String) { self = .bytes(Array(text.utf8)) }
}
