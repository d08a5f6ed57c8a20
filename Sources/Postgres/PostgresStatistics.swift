import Synchronization

/// What a client has done and is doing, for metrics and for tests that count round trips.
package struct PostgresStatistics: Sendable, Equatable {
    /// Writes with a sync behind them that the client waited for; connecting does not count.
    package var roundTrips = 0
    /// Statements sent, BEGIN and COMMIT among them.
    package var statements = 0
    /// Connections that were opened.
    package var connects = 0
    /// Attempts to connect that failed, and connections that broke.
    package var failures = 0
    /// Statements that did not answer in time and cost their connection.
    package var timeouts = 0
    /// Queries that were repeated on another connection.
    package var retries = 0
    /// Callers that wait for a connection.
    package var waiting = 0
    /// Connections that are open.
    package var open = 0
    /// Of those, the ones that work for a caller.
    package var inUse = 0
}

/// The same, written on the client's loop and read on any thread.
final class PostgresCounters: Sendable {
    let roundTrips = Atomic(0)
    let statements = Atomic(0)
    let connects = Atomic(0)
    let failures = Atomic(0)
    let timeouts = Atomic(0)
    let retries = Atomic(0)
    let waiting = Atomic(0)
    let open = Atomic(0)
    let inUse = Atomic(0)

    var snapshot: PostgresStatistics {
        PostgresStatistics(
            roundTrips: roundTrips.load(ordering: .relaxed), statements: statements.load(ordering: .relaxed),
            connects: connects.load(ordering: .relaxed), failures: failures.load(ordering: .relaxed),
            timeouts: timeouts.load(ordering: .relaxed), retries: retries.load(ordering: .relaxed),
            waiting: waiting.load(ordering: .relaxed), open: open.load(ordering: .relaxed),
            inUse: inUse.load(ordering: .relaxed))
    }
}

extension Atomic<Int> {
    func count(_ delta: Int = 1) { wrappingAdd(delta, ordering: .relaxed) }
    func set(_ value: Int) { store(value, ordering: .relaxed) }
}
