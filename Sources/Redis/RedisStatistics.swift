import Reactor
import Synchronization

/// What a client has done so far.
package struct RedisStatistics: Sendable, Equatable {
    /// Pipelines sent, a single command being one: each waits for the network once.
    package var roundTrips = 0
    package var commands = 0
    /// Calls that were not answered within their deadline.
    package var timeouts = 0
    /// Connections that became usable, the first not counted.
    package var reconnects = 0
    /// Attempts to connect that failed and connections that broke.
    package var failures = 0
    /// Calls refused without being sent: no connection, breaker open, or too many in flight.
    package var refusals = 0
    package var isBreakerOpen = false
    /// Commands sent or waiting to be, and not answered.
    package var inFlight = 0

    package init() {}
}

/// The figures while they are counted: written on the client's loop, read by any thread.
final class RedisCounters: Sendable {
    let roundTrips = Atomic(0)
    let commands = Atomic(0)
    let timeouts = Atomic(0)
    let connections = Atomic(0)
    let failures = Atomic(0)
    let refusals = Atomic(0)
    let isBreakerOpen = Atomic(false)
    let isAvailable = Atomic(false)
    let inFlight = Atomic(0)
    let lastFailure = Lock<String?>(nil)

    var snapshot: RedisStatistics {
        var statistics = RedisStatistics()
        statistics.roundTrips = roundTrips.load(ordering: .relaxed)
        statistics.commands = commands.load(ordering: .relaxed)
        statistics.timeouts = timeouts.load(ordering: .relaxed)
        statistics.reconnects = max(0, connections.load(ordering: .relaxed) - 1)
        statistics.failures = failures.load(ordering: .relaxed)
        statistics.refusals = refusals.load(ordering: .relaxed)
        statistics.isBreakerOpen = isBreakerOpen.load(ordering: .relaxed)
        statistics.inFlight = inFlight.load(ordering: .relaxed)
        return statistics
    }
}
