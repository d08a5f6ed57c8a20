import Glibc
import Reactor

/// Look-ups of host names that are waited for. One that takes too long is given up, whatever becomes of it.
struct Lookups {
    struct Waiting {
        let continuation: UnsafeContinuation<Result<[SocketAddress], SystemError>, Never>
        let timer: TimerID
    }

    var waiting: [UInt64: Waiting] = [:]
    var lastID: UInt64 = 0
}

/// How a connection comes to be: the hosts in order, beginning with the one that served last; each address of a host; then
/// a pause, and again.
extension PostgresClient {
    func connect(_ index: Int) {
        if isClosed { return }
        // A short task: what pauses between attempts is a timer, so that no task is left behind at the loop's end.
        loop.spawn { await self.attempt(index) }
    }

    private func attempt(_ index: Int) async {
        var failure = PostgresError(.unavailable, "no host was tried")
        for offset in configuration.hosts.indices {
            let number = (preferredHost + offset) % configuration.hosts.count
            do throws(PostgresError) {
                let connection = try await open(configuration.hosts[number], index)
                preferredHost = number
                provenAt[index] = .now.adding(milliseconds: PostgresClient.provenMilliseconds)
                return adopt(connection, index)
            } catch {
                failure = error
            }
            if isClosed { return }
        }
        lastLoginFailure.withLock { $0 = failure }
        pauseBeforeConnecting(index)
    }

    /// At once, when the last connection has proved itself; else after a pause: a server that lets us in and then goes is
    /// not asked again and again.
    func reconnect(_ index: Int) {
        if MonotonicTime.now >= provenAt[index] {
            backoffs[index].reset()
            return connect(index)
        }
        pauseBeforeConnecting(index)
    }

    private func pauseBeforeConnecting(_ index: Int) {
        var generator = SystemRandomNumberGenerator()
        let milliseconds = backoffs[index].next(using: &generator)
        reconnectTimers[index] = loop.schedule(at: .now.adding(milliseconds: milliseconds)) { [self] in
            assumeIsolated { client in
                client.reconnectTimers[index] = nil
                client.connect(index)
            }
        }
    }

    /// The first of a host's addresses that takes us.
    private func open(_ host: PostgresConfiguration.Host, _ index: Int) async throws(PostgresError)
        -> PostgresConnection
    {
        if host.isLocal { return try await open(host, at: nil, index) }
        let addresses: [SocketAddress]
        do throws(SystemError) {
            addresses = try await self.addresses(of: host).get()
        } catch {
            counters.failures.count()
            throw PostgresError(.unavailable, "\(host.name): \(error)")
        }
        var failure = PostgresError(.unavailable, "\(host.name) has no address")
        for address in addresses {
            do throws(PostgresError) {
                return try await open(host, at: address, index)
            } catch {
                failure = error
            }
            if isClosed { break }
        }
        throw failure
    }

    private func open(
        _ host: PostgresConfiguration.Host, at address: SocketAddress?, _ index: Int
    ) async throws(PostgresError) -> PostgresConnection {
        let connection = PostgresConnection(loop: loop, counters: counters) { [weak self] in
            self?.assumeIsolated { $0.connectionEnded(index) }
        }
        // So that `close` finds it.
        connections[index] = connection
        let failure = await withUnsafeContinuation { continuation in
            connection.open(
                configuration.login(to: host, at: address), milliseconds: configuration.connectMilliseconds
            ) { continuation.resume(returning: $0) }
        }
        if failure == nil, !isClosed { return connection }
        connections[index] = nil
        connection.close()
        let error = failure ?? PostgresError(.unavailable, "the client is closed")
        throw PostgresError(error.code, "\(address?.description ?? host.name): \(error.message)")
    }

    // MARK: Names

    private func addresses(of host: PostgresConfiguration.Host) async -> Result<[SocketAddress], SystemError> {
        lookups.lastID += 1
        let id = lookups.lastID
        let work = loop.spawn { [self] in
            let result: Result<[SocketAddress], SystemError>
            do throws(SystemError) {
                result = .success(try await resolver.addresses(of: host.name, port: host.port))
            } catch {
                result = .failure(error)
            }
            await endLookup(id, result)
        }
        return await withUnsafeContinuation { continuation in
            let timer = loop.schedule(at: .now.adding(milliseconds: configuration.connectMilliseconds)) { [self] in
                // Not begun, it is not begun at all.
                work.cancel()
                assumeIsolated { $0.endLookup(id, .failure(SystemError("getaddrinfo", code: ETIMEDOUT))) }
            }
            lookups.waiting[id] = Lookups.Waiting(continuation: continuation, timer: timer)
        }
    }

    private func endLookup(_ id: UInt64, _ result: Result<[SocketAddress], SystemError>) {
        guard let lookup = lookups.waiting.removeValue(forKey: id) else { return }
        loop.cancel(lookup.timer)
        lookup.continuation.resume(returning: result)
    }

    /// Nobody waits for a look-up or a pause any more.
    func endConnecting() {
        for id in Array(lookups.waiting.keys) {
            endLookup(id, .failure(SystemError("getaddrinfo", code: ECANCELED)))
        }
        for timer in reconnectTimers { if let timer { loop.cancel(timer) } }
        reconnectTimers = reconnectTimers.map { _ in nil }
    }
}
