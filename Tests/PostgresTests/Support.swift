import Postgres
import Reactor
import TestSupport

/// A started client on a loop of its own, for the time of `body`.
func withClient<Outcome>(
    _ url: String, connections: Int = 1, _ change: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresClient) async throws -> Outcome
) async throws -> Outcome {
    var configuration = try PostgresConfiguration(url: url)
    change(&configuration)
    let loop = try EventLoop(name: "postgres")
    let resolver = try Resolver()
    try loop.start()
    let client = PostgresClient(configuration, connections: connections, loop: loop, resolver: resolver)
    await client.start()
    let result: Result<Outcome, any Error>
    do { result = .success(try await body(client)) } catch { result = .failure(error) }
    await client.close()
    await offLoop {
        loop.stop()
        loop.join()
        resolver.stopAndJoin()
    }
    return try result.get()
}

/// Runs what blocks on a thread of its own choice: after a call of an actor one may still be on the actor's.
@concurrent func offLoop(_ body: @Sendable () throws -> Void) async rethrows { try body() }

/// The error of `body`; nil if there is none.
func failure(_ body: () async throws(PostgresError) -> Void) async -> PostgresError? {
    do throws(PostgresError) {
        try await body()
        return nil
    } catch {
        return error
    }
}

func milliseconds(since start: MonotonicTime) -> Int64 {
    Int64(MonotonicTime.now.nanoseconds(since: start) / 1_000_000)
}

enum SQL {
    static let one = Statement("test_one", "SELECT 1::bigint", isReadOnly: true)
    static let sleep = Statement("test_sleep", "SELECT pg_sleep($1::bigint / 1000.0)::text", isReadOnly: true)
    static let backend = Statement("test_backend", "SELECT pg_backend_pid()", isReadOnly: true)
}
