import HTTP
import Reactor

/// One client's connection: an actor whose executor is its loop. Events reach it straight from epoll, without a job;
/// what `ConnectionState` decides, it carries out.
///
/// The way of a request: `readInput` -> `consume` (Connection+Requests) -> handler -> `flush` (Connection+Output).
actor Connection: ReadinessHandler {
    nonisolated let host: ConnectionHost
    /// Who is at the other end: the socket's peer, or the client that a PROXY header names.
    var client: SocketAddress
    /// `client` is a trusted proxy: its requests say whose they are.
    var isProxy: Bool
    /// The PROXY header is still to come.
    var awaitsHeader: Bool
    var transport: Transport?
    var state: ConnectionState
    var parser: RequestParser

    /// Received and not yet consumed; empty while requests come whole.
    var pending: [UInt8] = []
    /// What the socket did not take yet.
    var unsent = OutputBuffer()
    /// The last answer and a FIN behind it are sent.
    var hasSentEnd = false
    /// The request under way, when it needs more than one event.
    var exchange: Exchange?
    /// Go with its answer, whoever makes it.
    var answerFields = Headers()
    var body: BodyInProgress?
    var task: Task<Void, Never>?
    /// The request under way is HEAD: whatever answers it has no body.
    var isHeadOnly = false
    /// Counts requests, so that an answer that comes too late is told from the one awaited.
    var serial: UInt64 = 0
    var isReadable = false
    /// There is more than one turn's work, in `pending` or in the socket: nothing is read before the next round.
    var hasBacklog = false

    private var registration: Registration?
    private var timer: TimerID?
    private var timerDeadline = MonotonicTime.distantFuture

    nonisolated var unownedExecutor: UnownedSerialExecutor { host.loop.asUnownedSerialExecutor() }

    init(host: ConnectionHost, transport: consuming Transport, peer: SocketAddress) {
        self.host = host
        client = peer
        awaitsHeader = host.clients.proxyProtocol != .off
        isProxy = host.clients.proxies.contains(peer)
        self.transport = consume transport
        parser = RequestParser(limits: host.headLimits)
        state = ConnectionState(deadlines: host.deadlines, now: host.loop.now, awaitsHeader: awaitsHeader)
    }

    /// Takes its place on the loop. A connection that epoll does not take is closed.
    func start() {
        host.add(self)
        // Anybody else could claim to be anyone.
        if awaitsHeader, !isProxy { return refuseConnection() }
        guard let descriptor = transport?.descriptor else { return }
        do throws(SystemError) {
            // Registered once for both directions: edge-triggered, an unused direction costs nothing.
            registration = try host.loop.register(descriptor, [.readable, .writable, .readClosed], self)
        } catch {
            return close()
        }
        if host.isDraining { state.drain(at: host.loop.now) }
        armTimer()
    }

    nonisolated func ready(_ readiness: Readiness) {
        assumeIsolated { $0.handle(readiness) }
    }

    private func handle(_ readiness: Readiness) {
        if readiness.endsInput { state.inputEnded() }
        // Whoever works for a peer that is not there any more may stop.
        if readiness.isGone, state.phase == .handling { return close() }
        if readiness.contains(.writable), state.phase == .writing { flushUnsent() }
        if readiness.contains(.readable) || readiness.endsInput { isReadable = true }
        readInput()
    }

    /// Reads while input is wanted and there. A short read ends it without asking for EAGAIN, which saves a system call a
    /// request, unless the event told of the input's end: no other event would. After a full buffer others get their
    /// turn, so that a peer that sends faster than it is answered does not keep the loop to itself.
    func readInput() {
        while isReadable, state.takesInput, !hasBacklog {
            guard let transfer = transport?.read(into: host.scratch) else { return }
            switch transfer {
            case .bytes(let count):
                if count < host.scratch.count, !state.hasInputEnded { isReadable = false }
                consume(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(host.scratch)[..<count]))
                if count == host.scratch.count { continueNextRound() }
            case .wouldBlock: isReadable = false
            case .end: return inputEnded()
            case .failed: return close()
            }
        }
        if state.phase != .closed { armTimer() }
    }

    /// The peer sends no more. What it asked for whole is answered; a request cut off is not (RFC 9112 section 8).
    private func inputEnded() {
        isReadable = false
        state.inputEnded()
        close()
    }

    /// Ends a connection that is not, or does not begin, as the listener's PROXY protocol has it. Without a word: what
    /// speaks it need not speak HTTP.
    func refuseConnection() {
        host.counters.refused()
        close()
    }

    // MARK: Deadlines

    /// One timer a connection, set anew only when the deadline moved closer: a busy connection's deadline moves away with
    /// every request and costs nothing.
    func armTimer() {
        if timer != nil, state.deadline >= timerDeadline { return }
        if let timer { host.loop.cancel(timer) }
        timerDeadline = state.deadline
        timer = host.loop.schedule(at: timerDeadline) { [self] in assumeIsolated { $0.timerFired() } }
    }

    private func timerFired() {
        timer = nil
        switch state.expiry(at: host.loop.now) {
        case .later: armTimer()
        case .close: awaitsHeader ? refuseConnection() : close()
        case .timeOut: endOverdue(RequestError(.requestTimeout, "the request took too long to arrive"))
        case .giveUp:
            task?.cancel()
            endOverdue(RequestError(.serviceUnavailable, "the answer took too long to make"))
        }
    }

    private func endOverdue(_ error: RequestError) {
        endRequest(error)
        // What is there already may hold the peer's end, of which no event tells again.
        readInput()
    }

    // MARK: End

    func drain() {
        state.drain(at: host.loop.now)
        armTimer()
    }

    /// Ends the connection in the state it is in, and the task that works for it.
    func close() {
        if state.phase == .closed { return }
        task?.cancel()
        task = nil
        state.closed()
        serial &+= 1
        if let timer { host.loop.cancel(timer) }
        timer = nil
        if let registration { host.loop.deregister(registration, isClosing: true) }
        registration = nil
        transport.take()?.close()
        pending = []
        unsent = OutputBuffer()
        body = nil
        host.remove(self)
    }
}
