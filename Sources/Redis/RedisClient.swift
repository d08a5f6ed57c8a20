package import Reactor
import Synchronization

/// Redis as one event loop sees it: one connection, kept up by itself, over which commands go out as they come and are
/// answered in their order.
///
/// An actor on its loop; a caller there does not hop. Every call ends by its deadline. What cannot be sent is refused at
/// once, so that a Redis that is away costs no request more than the look at a flag.
package actor RedisClient {
    nonisolated let loop: EventLoop
    nonisolated let configuration: RedisConfiguration
    nonisolated let resolver: Resolver
    nonisolated let counters = RedisCounters()

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Reaches out only when started.
    package init(_ configuration: RedisConfiguration, loop: EventLoop, resolver: Resolver) {
        self.configuration = configuration
        self.loop = loop
        self.resolver = resolver
    }

    /// Connects, and from then on again whenever the connection is lost, until `close`.
    package func start() {}

    /// Sends one command and gives its reply; an error of the server is thrown.
    /// - Parameter milliseconds: how long it may take at most; nil for the configuration's.
    package func send(_ command: RedisCommand, milliseconds: Int64? = nil) async throws(RedisError) -> RedisValue {
        throw .unavailable
    }

    /// Sends commands in one write and gives their replies in their order, errors of the server among them. Others' commands
    /// do not come between, but it is no transaction.
    package func pipeline(
        _ commands: [RedisCommand], milliseconds: Int64? = nil
    ) async throws(RedisError) -> [RedisValue] {
        throw .unavailable
    }

    /// Calls scripts in one pipeline, by name. Those that Redis does not know are sent once more with their source, within
    /// the same deadline.
    package func run(
        _ calls: [RedisScript.Call], milliseconds: Int64? = nil
    ) async throws(RedisError) -> [RedisValue] {
        throw .unavailable
    }

    /// Calls scripts and looks at no answer. Never repeated, but deadlined as any other call.
    package func post(_ calls: [RedisScript.Call]) {}

    /// Ends the connection and fails what waits for it; nothing is taken from then on.
    package func close() {}

    /// Whether a call would be sent now. Any thread.
    package nonisolated var isAvailable: Bool { counters.isAvailable.load(ordering: .relaxed) }

    /// Any thread.
    package nonisolated var statistics: RedisStatistics { counters.snapshot }
}
