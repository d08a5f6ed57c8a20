package import Auth
import Postgres

/// What a node asks before it is one of the fleet's, and after it changed the key rings.
extension PostgresStore {
    private enum SQL {
        static let time = Statement(
            "clock_time", "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", isReadOnly: true)
        static let keysVersion = Statement("keys_version", "SELECT keys_version FROM meta", isReadOnly: true)
    }

    /// The database's clock.
    package func time() async throws(StoreError) -> UnixTime {
        let answer = try await run(SQL.time)
        return try read { () throws(PostgresError) in try answer.first().time(0) }
    }

    /// As a poll would tell it.
    package func keysVersion() async throws(StoreError) -> Int64 {
        let answer = try await run(SQL.keysVersion)
        return try read { () throws(PostgresError) in try answer.first().integer(0) }
    }
}
