package import Reactor
import Synchronization

/// A pool of connections to Postgres on one loop; callers of other loops hop here and back.
package actor PostgresClient {
    nonisolated let loop: EventLoop
    nonisolated let counters = PostgresCounters()

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    package init(_ configuration: PostgresConfiguration, connections: Int, loop: EventLoop, resolver: Resolver) {
        self.loop = loop
    }

    package func start() {}

    package func run(_ statement: Statement, _ parameters: [Value]) async throws(PostgresError) -> QueryResult {
        throw PostgresError(.unavailable, "not yet")
    }

    package func batch(_ queries: [Query]) async throws(PostgresError) -> [QueryResult] {
        throw PostgresError(.unavailable, "not yet")
    }

    package func transaction<Outcome: Sendable>(
        _ body: @Sendable (PostgresTransaction) async throws(PostgresError) -> Outcome
    ) async throws(PostgresError) -> Outcome {
        try await body(PostgresTransaction(client: self, id: 0))
    }

    package func execute(script: String, milliseconds: Int64) async throws(PostgresError) {}

    package func close() {}

    package nonisolated var isAvailable: Bool { counters.open.load(ordering: .relaxed) > 0 }
    package nonisolated var statistics: PostgresStatistics { counters.snapshot }

    func run(_ queries: [Query], in id: UInt64) async throws(PostgresError) -> [QueryResult] { [] }
}
