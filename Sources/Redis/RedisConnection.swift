import OpenSSL
import Reactor

/// One connection from its socket's connect to its end: TLS, the greeting (AUTH, SELECT, PING), then exchanges in order. It
/// knows no deadlines and makes no second attempt: its client does.
///
/// Not Sendable: it belongs to its client's loop, and both closures are called there.
final class RedisConnection: ReadinessHandler {
    enum Phase { case connecting, securing, greeting, ready, retiring, closed }

    /// Why a connection ended.
    enum End: Equatable {
        /// The network says so: `errno`.
        case broken(Int32)
        case closedByPeer
        case insecure(OpenSSLError)
        case malformed
        /// The server cannot serve us, in its own words: wrong password, still loading, a replica that takes no writes.
        case unfit(String)
        /// Its client gave it up: a call was not answered in time.
        case timedOut
        /// Its client let it finish what was under way.
        case retired
    }

    let loop: EventLoop
    let limits: ReplyLimits
    var socket: Socket?
    var tls: TLSClient?
    var phase = Phase.connecting
    /// Bytes for the socket, encrypted if there is TLS.
    var unsent = ByteQueue()
    let reader: ReplyReader
    let buffers: Buffers
    /// Sent, in order, and not answered whole.
    var inFlight = ExchangeQueue()
    /// The peer sends no more: read to the end, no further event will tell.
    var hasInputEnded = false
    /// When the greeting went out.
    private(set) var greetingBegan = MonotonicTime.distantFuture
    /// An answer said that the server cannot serve us; the connection ends behind it.
    private var unfitness: String?

    private let greeting: [RedisCommand]
    private var registration: Registration?
    private let onReady: () -> Void
    private let onEnd: (End) -> Void

    /// `socket` has begun to connect. `greeting` must be answered well before others' commands are taken.
    init(
        _ socket: consuming Socket, tls: TLSClient?, greeting: [RedisCommand], limits: ReplyLimits, loop: EventLoop,
        onReady: @escaping () -> Void, onEnd: @escaping (End) -> Void
    ) {
        self.socket = consume socket
        self.tls = tls
        self.greeting = greeting
        self.limits = limits
        self.loop = loop
        self.onReady = onReady
        self.onEnd = onEnd
        reader = ReplyReader(limits: limits)
        buffers = Buffers(isSecure: tls != nil)
    }

    /// Takes its place on the loop.
    func start() throws(SystemError) {
        guard let descriptor = socket?.descriptor else { return }
        registration = try loop.register(descriptor, [.readable, .writable, .readClosed], self)
    }

    func ready(_ readiness: Readiness) {
        if readiness.endsInput { hasInputEnded = true }
        if phase == .connecting {
            guard !readiness.isDisjoint(with: [.writable, .hangUp, .failed]) else { return }
            let code = socket?.connectionError() ?? 0
            if code != 0 { return end(.broken(code)) }
            connected()
        }
        if readiness.contains(.writable) { flush() }
        if readiness.contains(.readable) || hasInputEnded { readInput() }
    }

    private func connected() {
        guard tls != nil else { return greet() }
        phase = .securing
        shakeHands()
    }

    /// As far as what was received allows.
    func shakeHands() {
        guard let tls else { return }
        do throws(OpenSSLError) {
            if try tls.handshake() { phase = .greeting }
        } catch {
            sendSecured()
            return end(.insecure(error))
        }
        sendSecured()
        if phase == .greeting { greet() }
    }

    private func greet() {
        phase = .greeting
        greetingBegan = .now
        let exchange = Exchange(id: 0, commands: greeting) { [unowned self] _, outcome in
            guard case .success(let replies) = outcome, phase == .greeting else { return }
            for case .error(let text) in replies { return unfitness = text }
            phase = .ready
        }
        submit(exchange)
    }

    // MARK: Exchanges

    /// Sends an exchange's commands behind what is under way.
    func submit(_ exchange: Exchange) {
        guard phase == .ready || phase == .greeting else { return exchange.finish(.failure(.unavailable)) }
        inFlight.append(exchange)
        send(exchange.takeCommands())
    }

    /// A reply: of the exchange sent first. One that nobody asked for ends the connection.
    func take(_ reply: RedisValue) {
        guard let exchange = inFlight.first else { return end(.malformed) }
        if case .error(let text) = reply, RedisConnection.tellsUnfitness(text) { unfitness = text }
        let isGreeting = phase == .greeting
        switch exchange.take(reply, byteCount: reader.replyBytes, limits: limits) {
        case .goesOn: return
        case .tooLarge: return end(.malformed)
        case .complete: inFlight.removeFirst()
        }
        if let unfitness { return end(.unfit(unfitness)) }
        if isGreeting, phase == .ready { onReady() }
        if phase == .retiring, inFlight.allSatisfy(\.isFinished) { end(.retired) }
    }

    /// Answers after which the same server has nothing for us: it became a replica, it lost its users, it starts.
    private static func tellsUnfitness(_ text: String) -> Bool {
        ["READONLY", "LOADING", "MASTERDOWN", "NOAUTH"].contains { text.hasPrefix($0) }
    }

    // MARK: End

    /// Takes nothing more and ends once what is under way is answered.
    func retire() {
        guard phase != .closed else { return }
        phase = .retiring
        if inFlight.allSatisfy(\.isFinished) { end(.retired) }
    }

    /// Ends the connection; what was sent and not answered fails with it.
    func end(_ reason: End) {
        guard phase != .closed else { return }
        phase = .closed
        if let registration { loop.deregister(registration, isClosing: true) }
        registration = nil
        socket.take()?.close()
        unsent = ByteQueue()
        let failed = inFlight.removeAll()
        for exchange in failed { exchange.finish(.failure(reason == .malformed ? .malformed : .disconnected)) }
        onEnd(reason)
    }
}

/// Exchanges in the order in which they were sent.
struct ExchangeQueue {
    /// Nil where one was taken.
    private var items: [Exchange?] = []
    private var head = 0

    var first: Exchange? { head < items.count ? items[head] : nil }
    var isEmpty: Bool { head == items.count }

    mutating func append(_ exchange: Exchange) { items.append(exchange) }

    mutating func removeFirst() {
        items[head] = nil
        head += 1
        if head * 2 >= items.count {
            items.removeFirst(head)
            head = 0
        }
    }

    mutating func removeAll() -> [Exchange] {
        defer { (items, head) = ([], 0) }
        return items[head...].compactMap { $0 }
    }

    func first(id: UInt64) -> Exchange? { items[head...].lazy.compactMap { $0 }.first { $0.id == id } }

    func allSatisfy(_ condition: (Exchange) -> Bool) -> Bool {
        items[head...].allSatisfy { $0.map(condition) ?? true }
    }
}
