package import Reactor

/// Where a connection stands and until when, without its socket: events in, what to do out. Pure, so that every
/// deadline and every order of events is tested without waiting.
package struct ConnectionState: Sendable {
    package enum Phase: Sendable, Equatable {
        /// Before the PROXY header, where one must come.
        case header
        /// Between requests.
        case idle
        /// Part of a head has come.
        case head
        /// Part of a body has come.
        case body
        /// A request is being answered by a task.
        case handling
        /// An answer waits for room in the socket.
        case writing
        /// The last answer is sent; only the peer's end is awaited.
        case lingering
        case closed
    }

    /// What a passed deadline calls for.
    package enum Expiry: Sendable, Equatable {
        /// Not passed: look again then.
        case later(MonotonicTime)
        /// Nobody waits for an answer: close without a word.
        case close
        /// 408, then close (RFC 9110 section 15.5.9).
        case timeOut
        /// The answer did not get ready: 503, then close.
        case giveUp
    }

    package private(set) var phase = Phase.idle
    package private(set) var deadline: MonotonicTime
    /// When the first byte of the request under way came.
    package private(set) var firstByte: MonotonicTime
    /// No further request is taken after the one under way.
    package private(set) var isClosing = false
    /// The server ends: every answer says so.
    package private(set) var isDraining = false
    /// The peer sends no more.
    package private(set) var hasInputEnded = false

    private let deadlines: Deadlines
    private var phaseAfterWriting = Phase.idle

    package init(deadlines: Deadlines, now: MonotonicTime, awaitsHeader: Bool = false) {
        self.deadlines = deadlines
        firstByte = now
        // The balancer sends it at once: nobody is idle before.
        deadline = now.adding(milliseconds: awaitsHeader ? deadlines.head : deadlines.idle)
        if awaitsHeader { phase = .header }
    }

    /// Whether further input may be read now: not while an answer is made or waits to be taken, so that a peer that does
    /// not read its answers cannot make us hold more of them.
    package var takesInput: Bool {
        switch phase {
        case .header, .idle, .head, .body, .lingering: true
        case .handling, .writing, .closed: false
        }
    }

    /// The next answer is the last one.
    package var isLastAnswer: Bool { isClosing || isDraining }

    /// The PROXY header came whole.
    package mutating func proxyHeaderEnded(at now: MonotonicTime) {
        guard phase == .header else { return }
        phase = .idle
        deadline = now.adding(milliseconds: isDraining ? deadlines.drainingIdle : deadlines.idle)
    }

    /// Bytes of a request came, its head is not whole.
    package mutating func headBegan(at now: MonotonicTime) {
        guard phase == .idle else { return }
        phase = .head
        firstByte = now
        deadline = now.adding(milliseconds: deadlines.head)
    }

    /// A whole head came at `now`.
    package mutating func headEnded(at now: MonotonicTime) {
        if phase == .idle { firstByte = now }
    }

    /// The body of the request is awaited.
    package mutating func bodyBegan() {
        phase = .body
        deadline = firstByte.adding(milliseconds: deadlines.body)
    }

    /// A task makes the answer.
    package mutating func handlingBegan() {
        phase = .handling
        deadline = firstByte.adding(milliseconds: deadlines.total)
    }

    /// An answer was handed to the socket; `now` starts the wait for the next request. While earlier answers wait for
    /// room this one waits behind them.
    package mutating func answered(at now: MonotonicTime) {
        if phase == .writing {
            phaseAfterWriting = .idle
            return
        }
        phase = .idle
        deadline = now.adding(milliseconds: isDraining ? deadlines.drainingIdle : deadlines.idle)
    }

    /// The answer under way is the last.
    package mutating func closeAfterAnswer() { isClosing = true }

    /// The socket did not take all of an answer.
    package mutating func writeBlocked(at now: MonotonicTime) {
        if phase == .writing { return }
        phaseAfterWriting = phase
        phase = .writing
        deadline = now.adding(milliseconds: deadlines.write)
    }

    /// The socket took the rest.
    package mutating func writeCompleted(at now: MonotonicTime) {
        guard phase == .writing else { return }
        phase = phaseAfterWriting
        switch phase {
        case .idle: deadline = now.adding(milliseconds: isDraining ? deadlines.drainingIdle : deadlines.idle)
        case .body: deadline = firstByte.adding(milliseconds: deadlines.body)
        case .handling: deadline = firstByte.adding(milliseconds: deadlines.total)
        case .lingering: deadline = now.adding(milliseconds: deadlines.linger)
        case .header, .head, .writing, .closed: break
        }
    }

    /// The last answer was handed to the socket, perhaps behind others that wait for room.
    package mutating func lingeringBegan(at now: MonotonicTime) {
        if phase == .writing {
            phaseAfterWriting = .lingering
            return
        }
        phase = .lingering
        deadline = now.adding(milliseconds: deadlines.linger)
    }

    package mutating func closed() { phase = .closed }

    package mutating func inputEnded() { hasInputEnded = true }

    /// The server ends. An idle connection gets a moment for what is on its way.
    package mutating func drain(at now: MonotonicTime) {
        isDraining = true
        if phase == .idle || phase == .header {
            deadline = min(deadline, now.adding(milliseconds: deadlines.drainingIdle))
        }
    }

    package func expiry(at now: MonotonicTime) -> Expiry {
        if now < deadline { return .later(deadline) }
        switch phase {
        case .head, .body: return .timeOut
        case .handling: return .giveUp
        case .header, .idle, .writing, .lingering, .closed: return .close
        }
    }
}
