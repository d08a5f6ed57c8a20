import Postgres
import Redis

/// The stores of a fleet in the metrics.
extension FleetStorage {
    var figures: [Figure] {
        FleetStorage.figures(of: databaseStatistics) + FleetStorage.figures(of: cacheStatistics) + counters.figures
    }

    static func figures(of database: [PostgresStatistics]) -> [Figure] {
        func sum(_ value: (PostgresStatistics) -> Int) -> Int { database.reduce(0) { $0 + value($1) } }
        return [
            .counter("postgres_round_trips_total", "Round trips to Postgres.", sum(\.roundTrips)),
            .counter("postgres_statements_total", "Statements sent to Postgres.", sum(\.statements)),
            .counter("postgres_connects_total", "Connections to Postgres that were opened.", sum(\.connects)),
            .counter(
                "postgres_failures_total", "Attempts to connect to Postgres that failed, and connections that broke.",
                sum(\.failures)),
            .counter(
                "postgres_timeouts_total", "Statements that did not answer in time and cost their connection.",
                sum(\.timeouts)),
            .counter("postgres_retries_total", "Queries repeated on another connection.", sum(\.retries)),
            .gauge("postgres_waiting", "Callers that wait for a connection to Postgres.", sum(\.waiting)),
            .gauge("postgres_connections_open", "Connections to Postgres.", sum(\.open)),
            .gauge("postgres_connections_used", "Connections to Postgres that are at work.", sum(\.inUse)),
        ]
    }

    static func figures(of redis: [RedisStatistics]) -> [Figure] {
        func sum(_ value: (RedisStatistics) -> Int) -> Int { redis.reduce(0) { $0 + value($1) } }
        return [
            .counter("redis_round_trips_total", "Round trips to Redis.", sum(\.roundTrips)),
            .counter("redis_commands_total", "Commands sent to Redis.", sum(\.commands)),
            .counter("redis_timeouts_total", "Commands that Redis did not answer in time.", sum(\.timeouts)),
            .counter("redis_reconnects_total", "Connections to Redis that were opened.", sum(\.reconnects)),
            .counter("redis_failures_total", "Commands to Redis that failed.", sum(\.failures)),
            .counter("redis_refusals_total", "Commands refused without being sent to Redis.", sum(\.refusals)),
            .gauge("redis_breaker_open", "Loops that ask Redis nothing for now.", sum { $0.isBreakerOpen ? 1 : 0 }),
            .gauge("redis_in_flight", "Commands that Redis has not answered yet.", sum(\.inFlight)),
        ]
    }
}
