import Glibc
import HTTP
import OpenSSL
import Reactor

/// Whoever gave a connection its work, and learns when it is free or gone.
protocol ConnectionOwner: AnyObject {
    var readBuffer: UnsafeMutableRawBufferPointer { get }
    /// The answer is whole and another request may follow.
    func connectionIsFree(_ connection: ClientConnection)
    /// It is closed, and has ended its exchange.
    func connectionIsGone(_ connection: ClientConnection)
}

/// One connection to a target, with at most one exchange at a time. On its loop only.
final class ClientConnection: ReadinessHandler {
    private enum State { case connecting, handshaking, open, closed }

    /// Larger than any answer of an authentication server; a page of metrics fits.
    private static let limits: Limits = {
        var limits = Limits()
        limits.bodyBytes = 4 * 1024 * 1024
        return limits
    }()

    private let loop: EventLoop
    private unowned let owner: any ConnectionOwner
    private let socket: Int32
    private let tls: TLSClient?
    private var registration: Registration?
    private var state = State.connecting
    private var parser = ResponseParser(limits: ClientConnection.limits)
    /// What could not be sent at once.
    private var unsent: [UInt8] = []
    private var unsentStart = 0
    /// The peer sends no more: what comes is the last of it.
    private var hasPeerEnded = false
    private(set) var exchange: Exchange?
    /// Its place in the owner's list.
    var slot = -1

    /// Begins to connect. `preface` goes before everything else, outside of TLS: a PROXY header.
    init(
        to endpoint: Endpoint, preface: [UInt8], on loop: EventLoop, owner: any ConnectionOwner
    ) throws(SystemError) {
        self.loop = loop
        self.owner = owner
        if let endpoint = endpoint.tls {
            do throws(OpenSSLError) {
                tls = try TLSClient(endpoint.context, host: endpoint.name)
            } catch {
                throw SystemError("TLS", code: EPROTO)
            }
        } else {
            tls = nil
        }
        socket = try Socket.connect(to: endpoint.address).descriptor
        unsent = preface
        do throws(SystemError) {
            registration = try loop.register(socket, [.readable, .writable, .readClosed], self)
        } catch {
            Glibc.close(socket)
            throw error
        }
    }

    /// Gives it its next exchange; it must be free, or have had none yet.
    func start(_ exchange: Exchange) {
        self.exchange = exchange
        parser.begin()
        guard state == .open else { return }
        exchange.sent = .now
        send(exchange.request)
    }

    func close(_ end: ExchangeEnd) {
        guard state != .closed else { return }
        state = .closed
        if let registration { loop.deregister(registration, isClosing: true) }
        Glibc.close(socket)
        let exchange = exchange.take()
        owner.connectionIsGone(self)
        exchange?.finish(end, nil)
    }

    func ready(_ readiness: Readiness) {
        if state == .connecting {
            guard !readiness.isDisjoint(with: [.writable, .hangUp, .failed]) else { return }
            connected()
        }
        if state != .closed, unsentStart < unsent.count { flush() }
        if readiness.endsInput { hasPeerEnded = true }
        let isReadable = !readiness.isDisjoint(with: [.readable, .readClosed, .hangUp, .failed])
        if state == .handshaking || state == .open, isReadable { receive() }
    }

    private func connected() {
        let code = Socket(owning: socket).connectionError()
        guard code == 0 else { return close(.refused(code)) }
        state = tls == nil ? .open : .handshaking
        if state == .open { begin() } else { handshake() }
    }

    private func begin() {
        guard let exchange else { return owner.connectionIsFree(self) }
        exchange.sent = .now
        send(exchange.request)
    }

    // MARK: Sending

    private func send(_ bytes: [UInt8]) {
        guard let tls else { return put(bytes.span.bytes) }
        do throws(OpenSSLError) {
            try bytes.span.bytes.withUnsafeBytes { (bytes) throws(OpenSSLError) in try tls.write(bytes) }
            takeOutput(of: tls)
        } catch {
            close(.broken)
        }
    }

    /// Straight into the socket, and what does not fit is kept.
    private func put(_ bytes: RawSpan) {
        if unsentStart < unsent.count {
            bytes.withUnsafeBytes { unsent.append(contentsOf: $0) }
            return flush()
        }
        var rest = 0
        let isBroken = bytes.withUnsafeBytes { bytes in
            switch Socket(owning: socket).write(bytes) {
            case .bytes(let count): rest = count
            case .wouldBlock: rest = 0
            case .end, .failed: return true
            }
            if rest < bytes.count { unsent = Array(UnsafeRawBufferPointer(rebasing: bytes[rest...])) }
            return false
        }
        unsentStart = 0
        if isBroken { close(.broken) }
    }

    private func flush() {
        while unsentStart < unsent.count {
            let transfer = unsent.withUnsafeBytes {
                Socket(owning: socket).write(UnsafeRawBufferPointer(rebasing: $0[unsentStart...]))
            }
            guard case .bytes(let count) = transfer else {
                if transfer != .wouldBlock { close(.broken) }
                return
            }
            unsentStart += count
        }
        unsent = []
        unsentStart = 0
    }

    private func takeOutput(of tls: TLSClient) {
        while state != .closed, tls.outputCount > 0 {
            var bytes = [UInt8](repeating: 0, count: tls.outputCount)
            let count = bytes.withUnsafeMutableBytes { tls.takeOutput(into: $0) }
            put(bytes.span.extracting(first: count).bytes)
        }
    }

    private func handshake() {
        guard let tls else { return }
        do throws(OpenSSLError) {
            let isDone = try tls.handshake()
            takeOutput(of: tls)
            if isDone, state == .handshaking {
                state = .open
                begin()
            }
        } catch {
            takeOutput(of: tls)
            close(.refused(EPROTO))
        }
    }

    // MARK: Receiving

    private func receive() {
        let buffer = owner.readBuffer
        while state != .closed {
            switch Socket(owning: socket).read(into: buffer) {
            case .bytes(let count):
                take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                // A short read has emptied the socket; what comes later is another event.
                if count < buffer.count && !hasPeerEnded { return }
            case .wouldBlock: return
            case .end: return ended()
            case .failed: return close(.broken)
            }
        }
    }

    private func ended() {
        guard exchange != nil, state == .open else { return close(state == .open ? .broken : .refused(ECONNRESET)) }
        do throws(ResponseError) {
            try parser.finish()
        } catch {
            return close(.broken)
        }
        answered()
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        guard let tls else { return parse(bytes) }
        do throws(OpenSSLError) {
            try tls.receive(bytes)
            if state == .handshaking { handshake() }
            guard state == .open else { return }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 * 1024, alignment: 16)
            defer { buffer.deallocate() }
            while state == .open {
                switch try tls.read(into: buffer) {
                case .bytes(let count): parse(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                case .wantsInput: return takeOutput(of: tls)
                case .end: return ended()
                }
            }
        } catch {
            close(.broken)
        }
    }

    private func parse(_ bytes: UnsafeRawBufferPointer) {
        // Nobody asked: a server that speaks on an idle connection.
        guard exchange != nil else { return close(.broken) }
        let taken: Int
        do throws(ResponseError) {
            taken = try parser.receive(bytes)
        } catch {
            return close(.malformed)
        }
        guard parser.isComplete else { return }
        if taken < bytes.count { return close(.malformed) }
        answered()
    }

    private func answered() {
        guard let exchange = exchange.take() else { return }
        if parser.keepAlive, !hasPeerEnded, unsentStart == unsent.count {
            // The answer first: its completion may want the very connection.
            let parser = parser
            owner.connectionIsFree(self)
            exchange.finish(.answered, parser)
        } else {
            let parser = parser
            close(.broken)
            exchange.finish(.answered, parser)
        }
    }
}
