package import Reactor
import Synchronization

/// A pool of connections to Postgres on one loop; callers of other loops hop here and back.
///
/// Every call ends: it waits `waitMilliseconds` at most for a connection and `statementMilliseconds` and a grace for each
/// exchange. A connection that broke is replaced without anybody's doing; what it carried is repeated, once, where nothing
/// can have been committed, and is `inDoubt` otherwise. No statement is ever cancelled on the server: a commit that waits
/// for the synchronous standby would be reported as done.
package actor PostgresClient {
    nonisolated let loop: EventLoop
    nonisolated let configuration: PostgresConfiguration
    nonisolated let resolver: Resolver
    nonisolated let counters = PostgresCounters()
    /// Why there is no connection, for the log; nil while there is one.
    nonisolated let lastLoginFailure = Lock<PostgresError?>(nil)

    /// Who waits for a connection, or why there is none for it.
    private typealias Caller = UnsafeContinuation<Result<Int, PostgresError>, Never>

    /// By number, as the pool knows them.
    var connections: [PostgresConnection?]
    var pool: ConnectionPool
    /// Callers in the pool's queue, by ticket.
    private var waiters: [UInt64: Caller] = [:]
    private var lastTicket: UInt64 = 0
    private var waitTimer: TimerID?
    private(set) var isClosed = false
    private var isStarted = false

    // Connecting (PostgresClient+Connecting).
    var backoffs: [Backoff]
    /// From when on each counts as one that was good: it has answered, or lived for a while.
    var provenAt: [MonotonicTime]
    /// One that lived so long was a connection.
    static let provenMilliseconds: Int64 = 1000
    var reconnectTimers: [TimerID?]
    /// Index of the host that served last: tried first.
    var preferredHost = 0
    var lookups = Lookups()

    // Transactions (PostgresClient+Transactions).
    var transactions: [UInt64: TransactionState] = [:]
    var lastTransaction: UInt64 = 0

    package nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// `connections` is the number held open, at least one. Nothing is connected before `start`.
    package init(_ configuration: PostgresConfiguration, connections: Int, loop: EventLoop, resolver: Resolver) {
        let count = max(1, connections)
        self.configuration = configuration
        self.loop = loop
        self.resolver = resolver
        self.connections = Array(repeating: nil, count: count)
        backoffs = Array(repeating: Backoff(), count: count)
        provenAt = Array(repeating: .distantFuture, count: count)
        reconnectTimers = Array(repeating: nil, count: count)
        pool = ConnectionPool(
            connections: count, waitMilliseconds: configuration.waitMilliseconds,
            maximumWaiting: configuration.maximumWaiting, now: .now)
    }

    /// Begins to connect, and keeps at it until `close`.
    package func start() {
        if isStarted || isClosed { return }
        isStarted = true
        pool.started(at: .now)
        for index in connections.indices { connect(index) }
    }

    /// Ends every connection; who waits is refused. What runs is in doubt.
    package func close() {
        if isClosed { return }
        isClosed = true
        for ticket in pool.close() { resume(ticket, with: .failure(PostgresClient.refusal(.closed, nil))) }
        if let waitTimer { loop.cancel(waitTimer) }
        endConnecting()
        for connection in connections { connection?.close() }
        connections = connections.map { _ in nil }
        noteGauges()
    }

    /// A connection is open, as far as is known.
    package nonisolated var isAvailable: Bool { counters.open.load(ordering: .relaxed) > 0 }
    package nonisolated var statistics: PostgresStatistics { counters.snapshot }
    /// Why the last attempt to connect failed; nil while there is a connection.
    package nonisolated var loginFailure: PostgresError? { lastLoginFailure.withLock { $0 } }

    // MARK: Statements

    /// Runs one statement in a transaction of its own: one round trip.
    package func run(_ statement: Statement, _ parameters: [Value]) async throws(PostgresError) -> QueryResult {
        let results = try await batch([Query(statement, parameters)])
        guard let result = results.first else { throw PostgresError(.malformed, "an answer is missing") }
        return result
    }

    /// Runs all in one transaction, all or nothing, in one round trip. The answers are in the order of the queries.
    ///
    /// A batch of read-only statements is repeated when its connection breaks, any batch when the server said that it was
    /// not carried out for a reason that lies in the connection.
    package func batch(_ queries: [Query]) async throws(PostgresError) -> [QueryResult] {
        if queries.isEmpty { return [] }
        let isReadOnly = queries.allSatisfy(\.statement.isReadOnly)
        var repeats = repeats()
        while true {
            let index = try await acquire()
            let outcome = await exchange(queries, on: index)
            release(index)
            let mayRepeat = repeats.next()
            switch outcome {
            case .answered(let results): return results
            case .refused(let error):
                guard mayRepeat, error.isOfConnection else { throw error }
            case .ended(let error):
                guard mayRepeat else { throw error }
            case .broken(let message, let wasSent, let isLate):
                if wasSent, !isReadOnly { throw PostgresError(.inDoubt, message) }
                guard mayRepeat, !isLate else { throw PostgresError(.unavailable, message) }
            }
            counters.retries.count()
        }
    }

    /// How often a call may still be repeated. What ends one connection of a pool mostly ends all, so that a repeat may
    /// find another that is dead already: each may be found so once, within the time that a caller waits for one.
    struct Repeats {
        private var left: Int
        private let deadline: MonotonicTime

        init(_ count: Int, before deadline: MonotonicTime) {
            left = count
            self.deadline = deadline
        }

        mutating func next() -> Bool {
            left -= 1
            return left >= 0 && .now < deadline
        }
    }

    func repeats() -> Repeats {
        Repeats(connections.count, before: .now.adding(milliseconds: configuration.waitMilliseconds))
    }

    /// Runs a script of any statements by the simple protocol: one transaction unless it says otherwise. For migrations;
    /// its connection is not used again. Each of its statements may take `milliseconds`, and all together as much.
    package func execute(script: String, milliseconds: Int64) async throws(PostgresError) {
        let index = try await acquire()
        defer {
            connections[index]?.close()
            release(index)
        }
        let limit = Query(PostgresClient.setTimeout, [.text(String(milliseconds))])
        try await exchange([limit], on: index).results()
        let outcome = await withUnsafeContinuation { continuation in
            guard let connection = connections[index] else {
                return continuation.resume(
                    returning: ExchangeOutcome.broken("the connection broke", wasSent: false, isLate: false))
            }
            connection.run(script: script, milliseconds: milliseconds + PostgresConfiguration.graceMilliseconds) {
                continuation.resume(returning: $0)
            }
        }
        try outcome.results()
    }

    private static let setTimeout = Statement(
        "postgres_set_timeout", "SELECT set_config('statement_timeout', $1, false)", isReadOnly: true)

    /// Sends queries on a connection that was acquired.
    func exchange(_ queries: [Query], on index: Int) async -> ExchangeOutcome {
        let outcome = await withUnsafeContinuation { continuation in
            guard let connection = connections[index] else {
                return continuation.resume(
                    returning: ExchangeOutcome.broken("the connection broke", wasSent: false, isLate: false))
            }
            let milliseconds = configuration.statementMilliseconds + PostgresConfiguration.graceMilliseconds
            connection.run(queries, milliseconds: milliseconds) { continuation.resume(returning: $0) }
        }
        switch outcome {
        case .refused(let error):
            // The server turned read-only, or forgot what was prepared: another login finds the one that serves.
            if error.isOfConnection { connections[index]?.close() }
        case .broken(_, _, isLate: true):
            // It hangs, or is cut off: what is idle would make its callers wait as long.
            for idle in pool.idle { connections[idle]?.close() }
        default: break
        }
        return outcome
    }

    // MARK: Connections and who has them

    /// A connection for the caller alone, until `release`.
    func acquire() async throws(PostgresError) -> Int {
        lastTicket += 1
        let ticket = lastTicket
        let result = await withTaskCancellationHandler {
            // Asked for and kept in one step: an answer cannot come in between.
            await withUnsafeContinuation { (continuation: Caller) in
                switch pool.acquire(ticket, at: .now) {
                case .connection(let index): continuation.resume(returning: .success(index))
                case .refused(let refusal):
                    continuation.resume(returning: .failure(PostgresClient.refusal(refusal, loginFailure)))
                case .wait:
                    waiters[ticket] = continuation
                    armWaitTimer()
                }
                noteGauges()
            }
        } onCancel: {
            // On the canceller's thread: it only hands in.
            loop.execute { [self] in assumeIsolated { $0.withdraw(ticket) } }
        }
        return try result.get()
    }

    func release(_ index: Int) {
        // In a transaction, or in a state that nobody foresaw: never used again.
        if let connection = connections[index], connection.isOpen {
            // It has answered.
            provenAt[index] = .now
            if !connection.isReusable { connection.close() }
        }
        switch pool.release(index, at: .now) {
        case .idle: break
        case .given(let ticket): resume(ticket, with: .success(index))
        case .broken:
            connections[index] = nil
            reconnect(index)
        }
        noteGauges()
    }

    /// A connection that was just opened.
    func adopt(_ connection: PostgresConnection, _ index: Int) {
        // Broken meanwhile: `connectionEnded` has seen to it.
        guard connection.isOpen else { return }
        connections[index] = connection
        lastLoginFailure.withLock { $0 = nil }
        if let ticket = pool.opened(index) { resume(ticket, with: .success(index)) }
        noteGauges()
    }

    func connectionEnded(_ index: Int) {
        if isClosed { return }
        if pool.broke(index, at: .now) {
            connections[index] = nil
            reconnect(index)
        }
        noteGauges()
    }

    private func resume(_ ticket: UInt64, with result: Result<Int, PostgresError>) {
        waiters.removeValue(forKey: ticket)?.resume(returning: result)
    }

    private func withdraw(_ ticket: UInt64) {
        guard pool.withdraw(ticket) else { return }
        resume(ticket, with: .failure(PostgresError(.unavailable, "its caller left")))
        noteGauges()
    }

    private func armWaitTimer() {
        guard waitTimer == nil, let deadline = pool.nextDeadline else { return }
        waitTimer = loop.schedule(at: deadline) { [self] in assumeIsolated { $0.expireWaiters() } }
    }

    private func expireWaiters() {
        waitTimer = nil
        for ticket in pool.expire(at: .now) {
            let reason = loginFailure.map { ": \($0)" } ?? ""
            resume(ticket, with: .failure(PostgresError(.unavailable, "no connection became free in time\(reason)")))
        }
        armWaitTimer()
        noteGauges()
    }

    private func noteGauges() {
        counters.waiting.set(pool.waiting)
        counters.open.set(isClosed ? 0 : pool.open)
        counters.inUse.set(isClosed ? 0 : pool.inUse)
    }

    private static func refusal(_ refusal: ConnectionPool.Refusal, _ failure: PostgresError?) -> PostgresError {
        switch refusal {
        case .full: PostgresError(.unavailable, "too many wait for a connection")
        case .outage: PostgresError(.unavailable, "no connection\(failure.map { ": \($0)" } ?? "")")
        case .closed: PostgresError(.unavailable, "the client is closed")
        }
    }
}

extension ExchangeOutcome {
    /// The answers, or what kept them away, without a thought of repeating.
    @discardableResult
    func results() throws(PostgresError) -> [QueryResult] {
        switch self {
        case .answered(let results): return results
        case .refused(let error), .ended(let error): throw error
        case .broken(let message, let wasSent, _): throw PostgresError(wasSent ? .inDoubt : .unavailable, message)
        }
    }
}

extension PostgresError {
    /// Refused for the connection it came by: a server that is read-only now, and statements that it does not know any
    /// more or prepared for a table of other columns. Another connection does better.
    var isOfConnection: Bool {
        guard case .refused(let state) = code else { return false }
        return [SQLState.readOnlyTransaction, .unknownStatement, .featureNotSupported].contains(state)
    }
}
