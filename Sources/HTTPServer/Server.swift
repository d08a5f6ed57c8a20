package import Reactor

/// One address served by every loop of a group: a listener and its connections on each.
package struct Server: Sendable {
    package let address: SocketAddress
    package let hosts: [ConnectionHost]
    private let listeners: [Listener]

    /// Listens on `address` with one host per loop, and takes what comes at once.
    package static func start(on address: SocketAddress, hosts: [ConnectionHost]) async throws(SystemError) -> Server {
        let server = try await bind(to: address, hosts: hosts)
        try await server.begin()
        return server
    }

    /// Listens on `address` with one host per loop; who connects waits in the kernel's queue until `begin`. Port 0 lets the
    /// kernel choose; `address` then tells the port.
    package static func bind(to address: SocketAddress, hosts: [ConnectionHost]) async throws(SystemError) -> Server {
        var bound = address
        var listeners: [Listener] = []
        do throws(SystemError) {
            for host in hosts {
                let use: Socket.PortUse = hosts.count == 1 ? .alone : listeners.isEmpty ? .first : .joining
                let socket = try Socket.listen(on: bound, use)
                if let local = socket.localAddress() { bound = local }
                listeners.append(Listener(host: host, socket: socket))
            }
            return Server(address: bound, hosts: hosts, listeners: listeners)
        } catch {
            for listener in listeners { await listener.closeOnLoop() }
            throw error
        }
    }

    /// For a socket that listens already, a Unix socket for one, on one loop.
    package static func bind(to socket: consuming Socket, host: ConnectionHost) -> Server {
        let address = socket.localAddress() ?? .none
        return Server(address: address, hosts: [host], listeners: [Listener(host: host, socket: socket)])
    }

    /// Takes who waits and who comes. Once; after an error nothing listens any more.
    package func begin() async throws(SystemError) {
        do throws(SystemError) { for listener in listeners { try await listener.startOnLoop() } } catch {
            for listener in listeners { await listener.closeOnLoop() }
            throw error
        }
    }

    /// Takes what is queued, stops listening, and answers every request from now on with `Connection: close`.
    package func drain() {
        for listener in listeners { listener.drainOnLoop() }
    }

    /// False once what was queued when `drain` was called is among the open connections.
    package var isListening: Bool { !listeners.allSatisfy(\.isStopped) }

    /// Whether everybody who was connected or queued when `drain` was called is gone.
    package var isDrained: Bool { !isListening && openConnections == 0 }

    /// Connections open now, over all loops.
    package var openConnections: Int { hosts.reduce(0) { $0 + $1.counters.open } }

    /// Ends what is left, answered or not.
    package func closeAll() {
        for host in hosts { host.loop.execute { host.closeAll() } }
    }
}

extension Listener {
    func startOnLoop() async throws(SystemError) {
        let result: Result<Void, SystemError> = await withUnsafeContinuation { continuation in
            loop.execute {
                continuation.resume(returning: Result { () throws(SystemError) in try self.start() })
            }
        }
        try result.get()
    }

    /// Ends the listener and every connection it took.
    func closeOnLoop() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let close: @Sendable () -> Void = {
                self.closeAll()
                continuation.resume()
            }
            if !loop.execute(close) { continuation.resume() }
        }
    }

    func drainOnLoop() {
        loop.execute {
            self.stop()
            self.drainHost()
        }
    }
}
