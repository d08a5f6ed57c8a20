import CPostgres
import Reactor

/// What came of sending statements.
enum ExchangeOutcome: Sendable {
    case answered([QueryResult])
    /// Refused by the server; nothing of it is there, and the connection is good.
    case refused(PostgresError)
    /// The same, and the connection is over: the server said why before it closed it.
    case ended(PostgresError)
    /// The connection broke, or was given up as `isLate`. If it `wasSent`, anything may have happened.
    case broken(String, wasSent: Bool, isLate: Bool)
}

/// One connection: it is opened once, carries one exchange at a time, and is never used again after anything that was not
/// foreseen. Not Sendable: its client owns it, and it is touched on the client's loop only.
///
/// epoll tells of an edge once, libpq reads as much as it likes at a time: so whoever waits for more reads until nothing
/// is there.
final class PostgresConnection: ReadinessHandler {
    private enum Phase {
        case new, connecting, idle, working, closed
    }

    /// What is under way between a write and its last answer.
    private struct Exchange {
        /// What answers are expected, in order; empty for a script.
        var steps: [Step] = []
        var position = 0
        var results: [QueryResult] = []
        var failure: PostgresError?
        let isScript: Bool
        let completion: (ExchangeOutcome) -> Void

        /// Statements are without an answer.
        var isIncomplete: Bool { results.count < steps.count(where: \.isQuery) }
    }

    private enum Step {
        case prepare(PreparedStatements.Variant)
        case query

        var isQuery: Bool {
            if case .query = self { true } else { false }
        }
    }

    private let loop: EventLoop
    private let counters: PostgresCounters
    /// Called once, when a connection that was open is not any more; before the exchange under way is told.
    private let onEnd: () -> Void

    private var handle: ConnectionHandle?
    private var phase = Phase.new
    private var registration: Registration?
    private var timer: TimerID?
    private var opening: ((PostgresError?) -> Void)?
    private var exchange: Exchange?
    private var prepared = PreparedStatements()
    private var isInPipeline = false
    /// The server told of a commit that it did not wait for as it should have.
    private var isCommitDoubtful = false

    init(loop: EventLoop, counters: PostgresCounters, onEnd: @escaping () -> Void) {
        self.loop = loop
        self.counters = counters
        self.onEnd = onEnd
    }

    var isOpen: Bool { phase == .idle || phase == .working }
    /// Nothing is under way, neither here nor in a transaction.
    var isReusable: Bool { phase == .idle && handle?.isBetweenTransactions == true }

    func ready(_ readiness: Readiness) {
        switch phase {
        case .connecting: advance()
        case .idle, .working:
            if readiness.contains(.writable), phase == .working, handle?.flush() == false { return lose() }
            receive(untilEnd: readiness.endsInput)
        case .new, .closed: break
        }
    }

    /// Ends it in whatever state it is. An exchange under way is told that it broke.
    func close() { end(.unavailable, "the connection was closed", isLate: false, isFailure: false) }

    // MARK: Opening

    /// Connects with libpq's `parameters` and tells `completion` once: nil when it is open.
    func open(
        _ parameters: [(name: String, value: String)], milliseconds: Int64,
        _ completion: @escaping (PostgresError?) -> Void
    ) {
        guard let handle = ConnectionHandle(parameters) else {
            return completion(PostgresError(.unavailable, "no memory for a connection"))
        }
        silenceNotices(of: handle)
        self.handle = consume handle
        phase = .connecting
        opening = completion
        timer = loop.schedule(at: .now.adding(milliseconds: milliseconds)) { [self] in
            counters.timeouts.count()
            end(.unavailable, "the server did not answer the login", isLate: true)
        }
        if self.handle?.isBroken == true { lose() } else { watch(.writable) }
    }

    private func advance() {
        switch handle?.poll() ?? .failed {
        case .reading: watch(.readable)
        case .writing: watch(.writable)
        case .failed: lose()
        case .open:
            // Whether there is input already is told anew by the registration.
            watch([.readable, .writable, .readClosed])
            if phase == .connecting { opened() }
        }
    }

    private func opened() {
        cancelTimer()
        phase = .idle
        counters.connects.count()
        opening.take()?(nil)
    }

    /// Registers the socket anew: while it connects libpq may have closed it and made another, which mostly has the same
    /// number. What is ready at that moment is an edge, so none is missed.
    private func watch(_ interest: Readiness) {
        if let registration { loop.deregister(registration, isClosing: false) }
        registration = nil
        do throws(SystemError) {
            registration = try loop.register(handle?.descriptor ?? -1, interest, self)
        } catch {
            end(.unavailable, "\(error)", isLate: false)
        }
    }

    // MARK: Exchanges

    /// Sends all queries, and what must be prepared for them, with one sync behind: one transaction unless they say
    /// otherwise, one write while the socket has room, one round trip. Tells `completion` once, within `milliseconds`.
    func run(_ queries: [Query], milliseconds: Int64, _ completion: @escaping (ExchangeOutcome) -> Void) {
        guard begin(Exchange(isScript: false, completion: completion), milliseconds) else { return }
        if !isInPipeline {
            guard handle?.enterPipeline() == true else { return lose() }
            isInPipeline = true
        }
        for query in queries {
            guard queue(query) else { return lose() }
        }
        counters.statements.count(queries.count)
        guard handle?.sendSync() == true, handle?.flush() == true else { return lose() }
    }

    /// Sends a script of any number of statements by the simple protocol.
    func run(script: String, milliseconds: Int64, _ completion: @escaping (ExchangeOutcome) -> Void) {
        guard begin(Exchange(isScript: true, completion: completion), milliseconds) else { return }
        if isInPipeline {
            guard handle?.leavePipeline() == true else { return lose() }
            isInPipeline = false
        }
        counters.statements.count()
        guard handle?.sendScript(script) == true, handle?.flush() == true else { return lose() }
    }

    /// False when there is no connection to send it on; `completion` knows.
    private func begin(_ exchange: Exchange, _ milliseconds: Int64) -> Bool {
        // The server's end may be there without its event having been taken yet: what is sent then would be in doubt.
        if phase == .idle { receive(untilEnd: false) }
        guard phase == .idle else {
            exchange.completion(.broken("the connection is not open", wasSent: false, isLate: false))
            return false
        }
        phase = .working
        isCommitDoubtful = false
        self.exchange = exchange
        counters.roundTrips.count()
        timer = loop.schedule(at: .now.adding(milliseconds: milliseconds)) { [self] in
            counters.timeouts.count()
            end(.inDoubt, "the server did not answer in time", isLate: true)
        }
        return true
    }

    private func queue(_ query: Query) -> Bool {
        let parameters = ParameterBlock(query.parameters)
        let (variant, types, isNew) = prepared.variant(of: "\(query.statement.name)", parameters.types)
        if isNew {
            guard handle?.sendPrepare(variant.name, query.statement.sql, types) == true else { return false }
            exchange?.steps.append(.prepare(variant))
        }
        guard handle?.sendQuery(prepared: variant.name, parameters) == true else { return false }
        exchange?.steps.append(.query)
        return true
    }

    // MARK: Receiving

    /// TLS: libpq takes at least 8 KiB of a record at a time, a record holds 16 KiB, and what is left of one is in no
    /// socket. So two reads more than the socket asks for have everything.
    private static let readsBehindTLS = 2
    /// Reads before others on the loop get their turn, the deadline among them. libpq takes 8 KiB at least with each: an
    /// idle connection, which is told next to nothing, is not sent as much by any server that means well.
    private static let readsPerTurn = 64

    /// Takes what is there. With `untilEnd` no further event will tell of the end of input.
    private func receive(untilEnd: Bool) {
        var spare = handle?.isEncrypted == true ? PostgresConnection.readsBehindTLS : 0
        var left = PostgresConnection.readsPerTurn
        while isOpen {
            if left == 0 { return receiveLater(untilEnd: untilEnd) }
            left -= 1
            let wasWorking = phase == .working
            let isSound = handle?.consumeInput() == true
            takeResults()
            guard isOpen else { return }
            if !isSound || handle?.isBroken != false { return lose() }
            // The usual case: it is all here, and nobody asks whether there is more. `begin` does.
            if wasWorking, phase == .idle, !untilEnd { return }
            if handle?.hasInput == true { continue }
            if spare == 0 { return }
            spare -= 1
        }
    }

    private func receiveLater(untilEnd: Bool) {
        if phase == .idle { return lose() }
        _ = loop.schedule(at: MonotonicTime(nanoseconds: loop.now.nanoseconds &+ 1)) { [self] in
            if isOpen { receive(untilEnd: untilEnd) }
        }
    }

    private func takeResults() {
        while phase == .working, handle?.isWaiting == false {
            guard let result = handle?.nextResult() else {
                if exchange?.isScript == true { return finish() }
                exchange?.position += 1
                // More ends than one a statement and one for an error of the commit: this is no answer to ours.
                if let exchange, exchange.position > exchange.steps.count + 1 { return lose() }
                continue
            }
            switch result.take() {
            case .answer(let answer): note(answer)
            case .error(let error):
                if error.code == .inDoubt { return lose() }
                if exchange?.failure == nil { exchange?.failure = error }
            case .skipped: break
            case .sync: return finish()
            case .unexpected: return lose()
            }
        }
    }

    private func note(_ answer: QueryResult) {
        guard let exchange else { return }
        if !exchange.isScript, exchange.steps.indices.contains(exchange.position),
            case .prepare(let variant) = exchange.steps[exchange.position]
        {
            return prepared.confirm(variant)
        }
        self.exchange?.results.append(answer)
    }

    /// All answers are there.
    private func finish() {
        guard let exchange = exchange.take() else { return }
        cancelTimer()
        prepared.exchangeEnded()
        phase = .idle
        if isCommitDoubtful {
            close()
            return exchange.completion(
                .broken("a commit was not waited for by the server", wasSent: true, isLate: false))
        }
        if let failure = exchange.failure { return exchange.completion(.refused(failure)) }
        guard !exchange.isIncomplete else {
            close()
            return exchange.completion(.broken("an answer is missing", wasSent: true, isLate: false))
        }
        exchange.completion(.answered(exchange.results))
    }

    // MARK: End

    /// libpq says that it is over.
    private func lose() {
        let message = handle?.message ?? ""
        let failure = LoginFailure(message)
        end(failure.code, failure.text, isLate: false)
    }

    private func end(_ code: PostgresError.Code, _ message: String, isLate: Bool, isFailure: Bool = true) {
        if phase == .closed { return }
        let wasOpen = isOpen
        phase = .closed
        cancelTimer()
        if let registration { loop.deregister(registration, isClosing: true) }
        registration = nil
        handle.take()?.close()
        if isFailure { counters.failures.count() }
        if wasOpen { onEnd() }
        opening.take()?(PostgresError(code, message))
        guard let exchange = exchange.take() else { return }
        // One statement failed: none is committed. But with every statement answered only the commit is left, of which
        // nothing is known; and a script may commit where it likes.
        if let failure = exchange.failure, !isLate, exchange.isIncomplete {
            exchange.completion(.ended(failure))
        } else {
            exchange.completion(.broken(message, wasSent: true, isLate: isLate))
        }
    }

    private func cancelTimer() {
        if let timer { loop.cancel(timer) }
        timer = nil
    }

    /// Notices are dropped, but for one: a commit that was to wait for the synchronous standby was made to stop waiting
    /// (pg_cancel_backend), and is reported as done with a warning. It may be lost in a failover.
    private func silenceNotices(of handle: borrowing ConnectionHandle) {
        handle.setNoticeReceiver(Unmanaged.passUnretained(self).toOpaque()) { context, notice in
            guard let context, StatementResult.field("R", of: notice) == "SyncRepWaitForLSN" else { return }
            Unmanaged<PostgresConnection>.fromOpaque(context).takeUnretainedValue().isCommitDoubtful = true
        }
    }
}
