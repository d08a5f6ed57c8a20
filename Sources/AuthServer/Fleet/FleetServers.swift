import Postgres
import Redis

/// Where the fleet's servers are, from the settings.
struct FleetServers: Sendable {
    let database: PostgresConfiguration
    /// Nil in a fleet without Redis.
    let redis: RedisConfiguration?

    /// Reads the files that the URLs name. Blocks.
    init(_ configuration: Configuration) throws(StartupError) {
        do throws(PostgresURLError) { database = try PostgresConfiguration(url: configuration.databaseURL ?? "") } catch
        {
            throw StartupError(.configuration, "PORTCULLIS_DATABASE_URL cannot be used: \(error)")
        }
        do throws(RedisURLError) { redis = try configuration.usedRedisURL.map(FleetServers.redis) } catch {
            throw StartupError(.configuration, "PORTCULLIS_REDIS_URL cannot be used: \(error)")
        }
    }

    private static func redis(_ url: String) throws(RedisURLError) -> RedisConfiguration {
        try RedisConfiguration(url: url)
    }
}
