package import Reactor
import Synchronization

/// Takes connections for one loop. Pauses, and recovers by itself, when descriptors run out or the loop has as many
/// connections as it may; what is not taken waits in the kernel's queue.
///
/// `@unchecked Sendable`: touched only on its loop, but for `stopped`, which is atomic.
package final class Listener: ReadinessHandler, @unchecked Sendable {
    /// Connections taken in one go before others get their turn.
    private static let acceptsPerTurn = 64
    /// Wait before trying again without descriptors; a connection that closes ends the wait early.
    private static let pauseMilliseconds: Int64 = 100

    private let host: ConnectionHost
    private var socket: Socket?
    private var registration: Registration?
    private var retry: TimerID?
    private let stopped = Atomic(false)

    init(host: ConnectionHost, socket: consuming Socket) {
        self.host = host
        self.socket = consume socket
    }

    var loop: EventLoop { host.loop }
    /// Whether everything that was queued has become a connection, and nothing more will; from any thread.
    var isStopped: Bool { stopped.load(ordering: .acquiring) }

    func drainHost() { host.drain() }

    func start() throws(SystemError) {
        guard let descriptor = socket?.descriptor else { return }
        registration = try host.loop.register(descriptor, .readable, self)
        host.onClose = { [unowned self] in resume() }
    }

    package func ready(_ readiness: Readiness) { acceptAll() }

    private func acceptAll() {
        var left = Listener.acceptsPerTurn
        while true {
            if host.connectionCount >= host.maximumConnections { return pause() }
            guard left > 0 else { return continueNextRound() }
            guard let accepted = socket?.accept() else { return }
            switch consume accepted {
            case .connection(let socket, let peer): open(socket, peer)
            case .none: return
            case .retry: break
            case .exhausted: return pause()
            case .failed: return pause()
            }
            left -= 1
        }
    }

    private func open(_ socket: consuming Socket, _ peer: SocketAddress) {
        let connection = Connection(host: host, transport: Transport(socket), peer: peer)
        connection.assumeIsolated { $0.start() }
    }

    /// Edge-triggered: no event tells of connections that were queued before, so a timer does.
    private func pause() {
        guard retry == nil else { return }
        host.counters.paused()
        retry = host.loop.schedule(at: host.loop.now.adding(milliseconds: Listener.pauseMilliseconds)) { [self] in
            retry = nil
            acceptAll()
        }
    }

    private func continueNextRound() {
        guard retry == nil else { return }
        retry = host.loop.schedule(at: MonotonicTime(nanoseconds: host.loop.now.nanoseconds &+ 1)) { [self] in
            retry = nil
            acceptAll()
        }
    }

    /// A connection closed: what waits may have room now. Not at once, since it may be closing in the middle of ours.
    private func resume() {
        guard let waiting = retry else { return }
        host.loop.cancel(waiting)
        retry = nil
        continueNextRound()
    }

    /// Takes what the kernel has queued, so that nobody who was connected is reset, and stops listening. Who comes later
    /// than that cannot hold up the end.
    func stop() {
        for _ in 0..<Socket.backlog {
            guard let accepted = socket?.accept() else { break }
            switch consume accepted {
            case .connection(let socket, let peer):
                open(socket, peer)
                continue
            case .retry: continue
            case .none: break
            case .exhausted: break
            case .failed: break
            }
            break
        }
        close()
    }

    func closeAll() {
        close()
        host.closeAll()
    }

    private func close() {
        if let retry { host.loop.cancel(retry) }
        retry = nil
        host.onClose = nil
        if let registration { host.loop.deregister(registration, isClosing: true) }
        registration = nil
        socket.take()?.close()
        stopped.store(true, ordering: .releasing)
    }
}
