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

/// Keeps everybody who passes the gate waiting, until `body` opens it or is done. Gates have numbers of their own.
func withClosedGate<Outcome>(
    _ url: String, _ body: (_ gate: Int64, _ open: () async throws -> Void) async throws -> Outcome
) async throws -> Outcome {
    let gate = Int64.random(in: 1 ... .max)
    return try await withClient(url) { holder in
        _ = try await holder.run(SQL.close, [.integer(gate)])
        return try await body(gate) { _ = try await holder.run(SQL.open, [.integer(gate)]) }
    }
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
    /// Hold a gate, and let go of it; the gate is open while nobody holds it.
    static let close = Statement("test_close", "SELECT pg_advisory_lock($1)::text")
    static let open = Statement("test_open", "SELECT pg_advisory_unlock($1)")
    /// Goes on when the gate is open.
    static let pass = Statement("test_pass", "SELECT pg_advisory_xact_lock_shared($1)::text", isReadOnly: true)
    static let backend = Statement("test_backend", "SELECT pg_backend_pid()", isReadOnly: true)
}
