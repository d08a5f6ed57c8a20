import Glibc
import Reactor
import Synchronization
import Testing

/// Stands between a client and a server of this machine, on a thread of its own: counts how often the talk turned from the
/// server to the client, which is what a round trip is, and can fall silent or cut every connection.
final class Proxy: Sendable {
    private struct State {
        var isSilent = false
        var isCut = false
        var isEnding = false
        /// Cuts the connection when this many bytes more went to the server.
        var bytesUntilCut: Int?
    }

    /// Two ends of one connection.
    private struct Pair {
        let client: Int32
        let server: Int32
        /// Whether the server spoke last; nil before anybody did.
        var hasServerSpoken: Bool?
    }

    let port: UInt16
    private let target: UInt16
    private let listener: Int32
    private let state = Lock(State())
    private let turns = Atomic(0)
    private let thread = Lock<pthread_t?>(nil)

    init(to target: UInt16) throws {
        self.target = target
        let socket = try Socket.listen(on: try #require(SocketAddress("127.0.0.1:0")), .alone)
        port = try #require(socket.localAddress()?.port)
        listener = socket.descriptor
        var handle = pthread_t()
        let context = Unmanaged.passRetained(self)
        let code = pthread_create(
            &handle, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Proxy>.fromOpaque(argument).takeRetainedValue().serve()
                return nil
            }, context.toOpaque())
        guard code == 0 else { throw SystemError("pthread_create", code: code) }
        let made = handle
        thread.withLock { $0 = made }
    }

    /// Answers that followed a question, over all connections.
    var roundTrips: Int { turns.load(ordering: .relaxed) }
    /// Passes nothing on, and closes nothing: a half-open connection.
    func beSilent(_ isSilent: Bool) { state.withLock { $0.isSilent = isSilent } }
    /// Resets every connection there is now, and returns when it is done.
    func cut() {
        state.withLock { $0.isCut = true }
        state.wait { $0.isCut ? nil : () }
    }
    /// Resets the connection over which that many bytes more go to the server, without their answer.
    func cut(afterBytes count: Int) { state.withLock { $0.bytesUntilCut = count } }

    func end() {
        state.withLock { $0.isEnding = true }
        if let thread = thread.withLock({ $0.take() }) { pthread_join(thread, nil) }
    }

    private func serve() {
        var pairs: [Pair] = []
        while true {
            let state = state.withLock { $0 }
            if state.isEnding || state.isCut {
                for pair in pairs { Proxy.reset(pair) }
                pairs = []
                self.state.withLock { $0.isCut = false }
                self.state.signal(all: true)
            }
            if state.isEnding {
                close(listener)
                return
            }
            var events = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
            if !state.isSilent {
                for pair in pairs {
                    events.append(pollfd(fd: pair.client, events: Int16(POLLIN), revents: 0))
                    events.append(pollfd(fd: pair.server, events: Int16(POLLIN), revents: 0))
                }
            }
            poll(&events, nfds_t(events.count), 1)
            let ready = Set(events.filter { $0.revents != 0 }.map(\.fd))
            pairs = pairs.compactMap { forward($0, ready) }
            if ready.contains(listener), let pair = connect() { pairs.append(pair) }
        }
    }

    private func connect() -> Pair? {
        let client = accept(listener, nil, nil)
        guard client >= 0, let address = SocketAddress("127.0.0.1:\(target)") else { return nil }
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = address.port.bigEndian
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        let pair = Pair(client: client, server: server)
        if result == 0 { return pair }
        Proxy.reset(pair)
        return nil
    }

    /// Nil when the connection is over.
    private func forward(_ pair: Pair, _ ready: Set<Int32>) -> Pair? {
        var pair = pair
        var buffer = [UInt8](repeating: 0, count: 65_536)
        for (from, to) in [(pair.client, pair.server), (pair.server, pair.client)] where ready.contains(from) {
            let count = recv(from, &buffer, buffer.count, 0)
            if count <= 0 || isCut(after: from == pair.client ? count : 0, to: to, buffer) {
                Proxy.reset(pair)
                return nil
            }
            let isServer = from == pair.server
            if isServer, pair.hasServerSpoken == false { turns.wrappingAdd(1, ordering: .relaxed) }
            pair.hasServerSpoken = isServer
            var sent = 0
            while sent < count {
                let written = buffer[sent..<count].withUnsafeBytes {
                    send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if written <= 0 { break }
                sent += written
            }
        }
        return pair
    }

    /// Whether these bytes were the last to go to the server; then they went, and nothing comes back.
    private func isCut(after count: Int, to server: Int32, _ buffer: [UInt8]) -> Bool {
        let isLast = state.withLock { state in
            guard let left = state.bytesUntilCut, count > 0 else { return false }
            state.bytesUntilCut = left > count ? left - count : nil
            return left <= count
        }
        if isLast {
            _ = buffer.prefix(count).withUnsafeBytes { send(server, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        }
        return isLast
    }

    /// The server's end gets a FIN, so that it carries out what it has; the client's a reset.
    private static func reset(_ pair: Pair) {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        close(pair.client)
        close(pair.server)
    }
}
