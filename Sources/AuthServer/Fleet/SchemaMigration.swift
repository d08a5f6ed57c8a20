import Postgres
import Reactor

/// `portcullis migrate`: brings the tables of a fleet's database up to date without serving.
package enum SchemaMigration {
    /// Adds what is missing; with `contract` takes away what builds before this one needed. Asks once: who runs it is
    /// there to see. Blocks.
    package static func run(
        _ configuration: Configuration, contract: Bool
    ) throws(StartupError) -> PostgresMigration.State {
        guard configuration.isFleet else {
            throw StartupError(
                .configuration,
                "PORTCULLIS_DATABASE_URL is not set: the database in the data folder is brought up to date by its server."
            )
        }
        let servers = try FleetServers(configuration)
        let result: Result<PostgresMigration.State, StartupError>
        do throws(SystemError) {
            let resolver = try Resolver()
            defer { resolver.stopAndJoin() }
            let group = try EventLoopGroup(count: 1, name: "migrate")
            defer { group.stopAndJoin() }
            let client = PostgresClient(servers.database, connections: 1, loop: group.loops[0], resolver: resolver)
            result = group.loops[0].runAndWait { await migrate(client, contract: contract) }
        } catch {
            throw StartupError("The threads that ask the database cannot be made", error)
        }
        return try result.get()
    }

    private static func migrate(
        _ client: PostgresClient, contract: Bool
    ) async -> Result<PostgresMigration.State, StartupError> {
        await client.start()
        let result: Result<PostgresMigration.State, StartupError>
        do throws(PostgresMigrationError) {
            result = .success(try await PostgresMigration.prepare(client, contract: contract))
        } catch {
            result = .failure(StartupError(error))
        }
        await client.close()
        return result
    }
}
