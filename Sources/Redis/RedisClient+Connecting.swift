import OpenSSL
import Reactor
import Synchronization

/// How a connection is made, and what becomes of the client when one ends.
extension RedisClient {
    /// A connection that lived this long was a good one: the next attempt after it comes quickly.
    private static let provenMilliseconds: Int64 = 1000

    /// Begins an attempt: name, socket, TLS, greeting, all within one deadline.
    func connect() {
        phase = .connecting
        attempt &+= 1
        let current = attempt
        if let attemptTimer { loop.cancel(attemptTimer) }
        let deadline = MonotonicTime.now.adding(milliseconds: configuration.connectMilliseconds)
        attemptTimer = loop.schedule(at: deadline) { [self] in
            guard attempt == current else { return }
            firstAddress &+= 1
            attemptFailed("no connection within \(configuration.connectMilliseconds) ms")
        }
        switch configuration.place {
        case .socket(let path):
            open(attempt: current, host: "", after: []) { () throws(SystemError) in
                try Socket.connect(toPath: path)
            }
        case .host(let name, let port):
            resolving = loop.spawn { [self] in
                let result: Result<[SocketAddress], SystemError>
                do throws(SystemError) {
                    result = .success(try await resolver.addresses(of: name, port: port))
                } catch {
                    result = .failure(error)
                }
                await resolved(result, host: name, attempt: current)
            }
        }
    }

    func resolved(_ result: Result<[SocketAddress], SystemError>, host: String, attempt current: UInt64) {
        guard attempt == current, phase == .connecting, connection == nil else { return }
        switch result {
        case .success(let addresses):
            let first = firstAddress % max(1, addresses.count)
            tryNext((addresses[first...] + addresses[..<first])[...], host: host, attempt: current)
        case .failure(let error): attemptFailed(error.description)
        }
    }

    private func tryNext(_ addresses: ArraySlice<SocketAddress>, host: String, attempt current: UInt64) {
        guard let address = addresses.first else { return attemptFailed("the name has no address") }
        open(attempt: current, host: host, after: addresses.dropFirst()) { () throws(SystemError) in
            try Socket.connect(to: address)
        }
    }

    /// Makes the socket and puts a connection on it; if that comes to nothing, tries the `rest` of the addresses.
    private func open(
        attempt current: UInt64, host: String, after rest: ArraySlice<SocketAddress>,
        _ makeSocket: () throws(SystemError) -> Socket
    ) {
        do throws(SystemError) {
            let socket = try makeSocket()
            let tls: TLSClient?
            do throws(OpenSSLError) {
                tls = try configuration.security.map { context throws(OpenSSLError) in
                    try TLSClient(context, host: host)
                }
            } catch {
                socket.close()
                return attemptFailed(error.description)
            }
            let made = RedisConnection(
                socket, tls: tls, greeting: configuration.greeting, limits: ReplyLimits(), loop: loop,
                onReady: { [self] in connectionReady(attempt: current) },
                onEnd: { [self] end in connectionEnded(end, attempt: current, host: host, rest: rest) })
            connection = made
            try made.start()
        } catch {
            connection?.end(.retired)
            connection = nil
            if rest.isEmpty { attemptFailed(error.description) } else { tryNext(rest, host: host, attempt: current) }
        }
    }

    private func connectionReady(attempt current: UInt64) {
        guard attempt == current, phase == .connecting, let connection else { return }
        if breaker.state == .openSlow {
            let tookNanoseconds = MonotonicTime.now.nanoseconds(since: connection.greetingBegan)
            if tookNanoseconds > UInt64(clamping: configuration.commandMilliseconds) &* 1_000_000 {
                return attemptFailed("the server is too slow")
            }
        }
        if let attemptTimer { loop.cancel(attemptTimer) }
        attemptTimer = nil
        phase = .ready
        connectedAt = .now
        counters.connections.add(1, ordering: .relaxed)
        counters.isAvailable.store(true, ordering: .relaxed)
        breaker.connected()
        counters.isBreakerOpen.store(false, ordering: .relaxed)
        submitWaiting(to: connection)
    }

    /// The connection of attempt `current` is over, established or not.
    private func connectionEnded(
        _ end: RedisConnection.End, attempt current: UInt64, host: String, rest: ArraySlice<SocketAddress>
    ) {
        retiring.removeAll { $0.phase == .closed }
        guard connection?.phase == .closed, attempt == current else { return }
        connection = nil
        switch (phase, end) {
        case (.closed, _), (_, .retired): return
        case (.connecting, .broken) where !rest.isEmpty: tryNext(rest, host: host, attempt: current)
        case (.connecting, _): attemptFailed("\(end)")
        case (_, .timedOut):
            failed("a call was not answered in time")
            resetBackoffIfProven()
            if breaker.isOpen { pause() } else { connect() }
        default:
            resetBackoffIfProven()
            attemptFailed("\(end)")
        }
    }

    private func resetBackoffIfProven() {
        if connectedAt.adding(milliseconds: RedisClient.provenMilliseconds) <= .now { backoff.reset() }
    }

    /// No connection: Redis counts as away until a later attempt succeeds.
    private func attemptFailed(_ reason: String) {
        failed(reason)
        attempt &+= 1
        resolving?.cancel()
        let unfinished = connection
        connection = nil
        unfinished?.end(.retired)
        if breaker.state != .openSlow { breaker.connectionFailed() }
        breakerMoved()
        pause()
    }

    private func failed(_ reason: String) {
        counters.failures.add(1, ordering: .relaxed)
        counters.lastFailure.withLock { $0 = reason }
    }

    /// Carries out that the breaker opened, if it did.
    func breakerMoved() {
        guard breaker.isOpen, phase != .closed else { return }
        counters.isAvailable.store(false, ordering: .relaxed)
        counters.isBreakerOpen.store(true, ordering: .relaxed)
        failWaiting()
    }

    private func pause() {
        phase = .pausing
        if let attemptTimer { loop.cancel(attemptTimer) }
        if breaker.state == .openSlow { backoff.slowDown() }
        let current = attempt
        attemptTimer = loop.schedule(at: .now.adding(milliseconds: backoff.delay())) { [self] in
            guard attempt == current, phase == .pausing else { return }
            connect()
        }
    }
}
