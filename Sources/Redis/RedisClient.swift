package import Reactor
import Synchronization

/// Redis as one event loop sees it: one connection, kept up by itself, over which commands go out as they come and are
/// answered in their order.
///
/// An actor on its loop; a caller there does not hop. Every call ends by its deadline. While Redis counts as away (`Breaker`)
/// calls are refused at once. While a connection is made anew after a timeout or a cancellation they wait for it, within
/// their deadlines.
package actor RedisClient {
    enum Phase: Equatable { case idle, connecting, ready, pausing, closed }

    /// Commands sent or waiting: what several thousand logins under way have, and a burst of revocations beside them.
    static let maximumInFlight = 32_768
    /// Bytes that may wait for the connection or the socket before calls are refused.
    static let maximumOutputBytes = 16 << 20
    /// Connections that finish what was under way when one of their calls was cancelled. More are cut.
    static let maximumRetiring = 4

    package nonisolated let configuration: RedisConfiguration
    nonisolated let loop: EventLoop
    nonisolated let resolver: Resolver
    nonisolated let counters = RedisCounters()
    private nonisolated let lastCallID = Atomic<UInt64>(0)

    var phase = Phase.idle
    var connection: RedisConnection?
    var retiring: [RedisConnection] = []
    /// Calls that came while a connection is made.
    private var waiting: [Exchange] = []
    private var waitingBytes = 0
    var breaker = Breaker()
    var backoff = Backoff()
    /// Counts attempts to connect: what belongs to one of before is told by it.
    var attempt: UInt64 = 0
    var attemptTimer: TimerID?
    /// The look-up of the attempt under way.
    var resolving: Task<Void, Never>?
    /// Which of a name's addresses is tried first: another one after each that swallowed a whole attempt in silence.
    var firstAddress = 0
    var connectedAt = MonotonicTime.distantFuture

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Reaches out only when started.
    package init(_ configuration: RedisConfiguration, loop: EventLoop, resolver: Resolver) {
        self.configuration = configuration
        self.loop = loop
        self.resolver = resolver
    }

    /// Connects, and from then on again whenever the connection is lost, until `close`.
    package func start() {
        guard phase == .idle else { return }
        connect()
    }

    /// Ends the connection and fails what waits for it; nothing is taken from then on.
    package func close() {
        guard phase != .closed else { return }
        phase = .closed
        counters.isAvailable.store(false, ordering: .relaxed)
        attempt &+= 1
        if let attemptTimer { loop.cancel(attemptTimer) }
        attemptTimer = nil
        resolving?.cancel()
        let ended = retiring + [connection].compactMap { $0 }
        (connection, retiring) = (nil, [])
        for connection in ended { connection.end(.retired) }
        failWaiting()
    }

    /// Whether a call would be taken now. Any thread.
    package nonisolated var isAvailable: Bool { counters.isAvailable.load(ordering: .relaxed) }

    /// Any thread.
    package nonisolated var statistics: RedisStatistics { counters.snapshot }

    /// What was last wrong with a connection, for a log line; without secrets. Any thread.
    package nonisolated var lastFailure: String? { counters.lastFailure.withLock { $0 } }

    // MARK: Calls

    /// Sends one command and gives its reply; an error of the server is thrown.
    /// - Parameter milliseconds: how long it may take at most; nil for the configuration's.
    package func send(_ command: RedisCommand, milliseconds: Int64? = nil) async throws(RedisError) -> RedisValue {
        let replies = try await call([command], before: deadline(milliseconds))
        guard let reply = replies.first else { throw .malformed }
        if case .error(let text) = reply { throw .refused(text) }
        return reply
    }

    /// Sends commands in one write and gives their replies in their order, errors of the server among them. Other calls'
    /// commands do not come between, but it is no transaction.
    package func pipeline(
        _ commands: [RedisCommand], milliseconds: Int64? = nil
    ) async throws(RedisError) -> [RedisValue] {
        try await call(commands, before: deadline(milliseconds))
    }

    /// Calls scripts in one pipeline, by name. Those that Redis does not know are sent once more with their source, within
    /// the same deadline.
    package func run(
        _ calls: [RedisScript.Call], milliseconds: Int64? = nil
    ) async throws(RedisError) -> [RedisValue] {
        let deadline = deadline(milliseconds)
        var replies = try await call(calls.map(\.command), before: deadline)
        let unknown = replies.indices.filter { index in
            if case .error(let text) = replies[index] { text.hasPrefix("NOSCRIPT") } else { false }
        }
        if unknown.isEmpty { return replies }
        let again = try await call(unknown.map { calls[$0].commandWithSource }, before: deadline)
        for (index, reply) in zip(unknown, again) { replies[index] = reply }
        return replies
    }

    /// Calls scripts and looks at no answer. Never repeated, not even where Redis has lost the script, but deadlined as any
    /// other call.
    package func post(_ calls: [RedisScript.Call]) {
        if calls.isEmpty { return }
        begin(nextID(), calls.map(\.command), before: deadline(nil)) { _ in }
    }

    private func deadline(_ milliseconds: Int64?) -> MonotonicTime {
        .now.adding(milliseconds: milliseconds ?? configuration.commandMilliseconds)
    }

    private nonisolated func nextID() -> UInt64 { lastCallID.add(1, ordering: .relaxed).newValue }

    private func call(
        _ commands: [RedisCommand], before deadline: MonotonicTime
    ) async throws(RedisError) -> [RedisValue] {
        if commands.isEmpty { return [] }
        if Task.isCancelled { throw .unavailable }
        let id = nextID()
        let outcome: Exchange.Outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                begin(id, commands, before: deadline) { continuation.resume(returning: $0) }
            }
        } onCancel: {
            // On the canceller's thread.
            loop.execute { self.assumeIsolated { $0.cancel(id) } }
        }
        return try outcome.get()
    }

    /// Sends a call or lets it wait for the connection; `tell` is called once, by its deadline.
    private func begin(
        _ id: UInt64, _ commands: [RedisCommand], before deadline: MonotonicTime,
        tell: @escaping (Exchange.Outcome) -> Void
    ) {
        let exchange = Exchange(id: id, commands: commands) { [self] exchange, outcome in
            if let timer = exchange.timer {
                loop.cancel(timer)
                counters.inFlight.subtract(exchange.count, ordering: .relaxed)
            }
            tell(outcome)
        }
        guard mayTake(exchange) else {
            counters.refusals.add(1, ordering: .relaxed)
            return exchange.finish(.failure(.unavailable))
        }
        counters.inFlight.add(exchange.count, ordering: .relaxed)
        exchange.timer = loop.schedule(at: deadline) { [self] in expire(exchange) }
        if let connection, phase == .ready {
            submit(exchange, to: connection)
        } else {
            waiting.append(exchange)
            waitingBytes += exchange.byteCount
        }
    }

    private func mayTake(_ exchange: Exchange) -> Bool {
        guard phase == .ready || phase == .connecting, !breaker.isOpen,
            counters.inFlight.load(ordering: .relaxed) + exchange.count <= RedisClient.maximumInFlight
        else { return false }
        let waitingForSocket = phase == .ready ? connection?.unsent.count ?? 0 : waitingBytes
        return waitingForSocket + exchange.byteCount <= RedisClient.maximumOutputBytes
    }

    private func submit(_ exchange: Exchange, to connection: RedisConnection) {
        counters.roundTrips.add(1, ordering: .relaxed)
        counters.commands.add(exchange.count, ordering: .relaxed)
        connection.submit(exchange)
    }

    // MARK: Calls that are given up

    /// An exchange's deadline passed.
    private func expire(_ exchange: Exchange) {
        guard !exchange.isFinished else { return }
        counters.timeouts.add(1, ordering: .relaxed)
        breaker.timedOut(at: .now)
        if removeWaiting(exchange.id) != nil {
            exchange.finish(.failure(.unavailable))
        } else {
            exchange.finish(.failure(.timedOut))
            let connections = retiring + [connection].compactMap { $0 }
            connections.first { $0.inFlight.first(id: exchange.id) != nil }?.end(.timedOut)
        }
        breakerMoved()
    }

    /// Whoever asked left. His reply must not be waited for, nor answer anybody else: the connection takes no further
    /// call, and ends when the others' that are under way on it are answered.
    private func cancel(_ id: UInt64) {
        if let exchange = removeWaiting(id) {
            exchange.finish(.failure(.unavailable))
        } else if let exchange = retiring.lazy.compactMap({ $0.inFlight.first(id: id) }).first {
            exchange.finish(.failure(.disconnected))
        } else if let connection, let exchange = connection.inFlight.first(id: id) {
            exchange.finish(.failure(.disconnected))
            self.connection = nil
            retire(connection)
            connect()
        }
    }

    private func retire(_ connection: RedisConnection) {
        retiring.append(connection)
        connection.retire()
        if retiring.count > RedisClient.maximumRetiring { retiring[0].end(.retired) }
    }

    func failWaiting() {
        for exchange in takeWaiting() { exchange.finish(.failure(.unavailable)) }
    }

    func submitWaiting(to connection: RedisConnection) {
        for exchange in takeWaiting() { submit(exchange, to: connection) }
    }

    private func takeWaiting() -> [Exchange] {
        defer { (waiting, waitingBytes) = ([], 0) }
        return waiting
    }

    private func removeWaiting(_ id: UInt64) -> Exchange? {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return nil }
        waitingBytes -= waiting[index].byteCount
        return waiting.remove(at: index)
    }
}
