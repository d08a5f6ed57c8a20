/// A transaction under way, on a connection of its own. It ends when the body it was given to returns; used later, it
/// throws `unavailable`. One statement at a time.
package struct PostgresTransaction: Sendable {
    let client: PostgresClient
    let id: UInt64

    package func run(_ statement: Statement, _ parameters: [Value]) async throws(PostgresError) -> QueryResult {
        let results = try await batch([Query(statement, parameters)])
        guard let result = results.first else { throw PostgresError(.malformed, "an answer is missing") }
        return result
    }

    /// Several statements in one round trip. After an error nothing of the transaction can be committed any more.
    package func batch(_ queries: [Query]) async throws(PostgresError) -> [QueryResult] {
        try await client.run(queries, in: id)
    }
}
