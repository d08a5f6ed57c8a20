import Auth
package import Postgres

/// The stores of a fleet: every node asks the same Postgres, which alone decides. What a request asks for is one statement,
/// a function of the schema, and so one round trip; what administrators ask for is a transaction of several.
///
/// READ COMMITTED everywhere. What must not happen twice or beside something else holds a lock first (`PostgresLocks`, or a
/// row) and reads afterwards, in a statement of its own, so that it sees what those before it committed.
package struct PostgresStore: Sendable {
    let client: PostgresClient
    let limits: PostgresLimits

    package init(client: PostgresClient, limits: PostgresLimits = PostgresLimits()) {
        self.client = client
        self.limits = limits
    }

    /// One statement, a transaction by itself.
    func run(_ statement: Statement, _ parameters: Value...) async throws(StoreError) -> QueryResult {
        do throws(PostgresError) { return try await client.run(statement, parameters) } catch {
            throw StoreError(postgres: error)
        }
    }

    /// Several statements in one transaction and one round trip.
    func batch(_ queries: [Query]) async throws(StoreError) -> [QueryResult] {
        do throws(PostgresError) { return try await client.batch(queries) } catch {
            throw StoreError(postgres: error)
        }
    }

    /// A transaction that reads before it decides.
    func transaction<Outcome: Sendable>(
        _ body: @Sendable (PostgresTransaction) async throws(PostgresError) -> Outcome
    ) async throws(StoreError) -> Outcome {
        do throws(PostgresError) { return try await client.transaction(body) } catch {
            throw StoreError(postgres: error)
        }
    }

    /// Reads an answer; what cannot be what we wrote is `damaged`.
    func read<Outcome>(_ body: () throws(PostgresError) -> Outcome) throws(StoreError) -> Outcome {
        do throws(PostgresError) { return try body() } catch { throw StoreError(postgres: error) }
    }
}

extension StoreError {
    /// Classes of SQLSTATE that pass by themselves: no connection, a rolled back transaction or a failover (25006), resources,
    /// a lock or a time that ran out, an operator's doing, the system's.
    private static let passing: Set<Substring> = ["08", "25", "40", "53", "55", "57", "58"]

    init(postgres error: PostgresError) {
        switch error.code {
        case .unavailable: self = .unavailable
        case .inDoubt: self = .commitInDoubt
        case .refused(let state) where StoreError.passing.contains(state.errorClass): self = .unavailable
        case .refused, .malformed: self = .damaged(error.description)
        }
    }
}
