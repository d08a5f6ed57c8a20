import Auth
import HTTP
import HTTPServer
import JWT
import Logging
import Reactor

/// The two ports and the control socket with everything that answers on them.
struct Servers: Sendable {
    /// Nil, as `ops`, for a command of the operator.
    let main: Server?
    let ops: Server?
    let control: ControlServer
    let readiness: NodeReadiness
    let balancers: BalancerWatch
    let maintenance: Maintenance
    let keyHub: KeyHub
    let audit: AuditWriter
    private let hub: RevocationHub
    private let group: EventLoopGroup
    /// Held here alone: the hub, which the workers hold, knows it weakly.
    private let directory: WorkerDirectory

    /// Makes one worker per loop and listens on the ports and the control socket; nobody is answered before `begin`. On a
    /// loop.
    static func bind(
        _ configuration: Configuration, _ group: EventLoopGroup, _ opsGroup: EventLoopGroup, _ backend: Backend,
        _ purpose: Application.Purpose, keys: KeyRingSnapshot, revocations: RevocationSet, fleet: FleetMember?
    ) async throws(StartupError) -> Servers {
        let (readiness, balancers) = (NodeReadiness(clock: backend.clock), BalancerWatch())
        let storage = backend.storage
        let health = HealthRoutes(loops: group.loops, readiness: readiness, balancers: balancers) { storage.canLogIn }
        let directory = WorkerDirectory()
        let hub = RevocationHub(store: storage.store, group: group, initial: revocations, others: fleet?.feed) {
            [weak directory] index, set in
            directory?.workers[index].update(set)
        }
        let audit = AuditWriter(
            store: storage.store, loop: group.loops[0], clock: backend.clock,
            delayMilliseconds: Int64(configuration.auditDelayMilliseconds))
        let keyHub = makeKeyHub(backend, group, directory, keys, fleet)
        let admin = AdminRoutes(configuration, backend, hub, keyHub, lookup: keys.lookup)
        let parts = WorkerParts(
            configuration: configuration, clock: backend.clock, storage: storage, hashPool: backend.hashPool,
            hub: hub, audit: audit, registrations: InProcessRegistrations(), health: health, admin: admin,
            log: backend.log, keyLook: fleet == nil ? nil : makeKeyLook(keyHub, backend.log))
        do {
            for (index, loop) in group.loops.enumerated() {
                directory.workers.append(try Worker(parts, loop: index, on: loop, keys: keys))
            }
        } catch {
            throw StartupError(.internalFailure, "The keys cannot be used: \(error)")
        }
        let workers = directory.workers
        let hosts = zip(group.loops, workers).map { loop, worker in
            ConnectionHost(
                loop: loop, limits: configuration.httpLimits, deadlines: configuration.deadlines,
                maximumConnections: configuration.maximumConnections, clients: configuration.clients, handler: worker)
        }
        let page = MetricsPage(
            workers: workers, hosts: hosts, loops: group.loops, hashPool: backend.hashPool, storage: storage, hub: hub,
            audit: audit, log: backend.log.queue, clock: backend.clock, fleet: fleet)
        let opsHost = ConnectionHost(
            loop: opsGroup.loops[0], limits: configuration.httpLimits, deadlines: configuration.deadlines,
            maximumConnections: opsConnections,
            handler: OpsHandler(health: health, log: backend.log.requestLog()) { page.render() })
        let ports = purpose == .serving ? try await Ports.bind(configuration, hosts, opsHost) : nil
        let control: ControlServer
        do throws(StartupError) {
            control = try ControlServer.bind(configuration, on: opsGroup.loops[0], admin, backend.log)
        } catch {
            ports?.close()
            throw error
        }
        let maintenance = Maintenance(
            storage: storage, clock: backend.clock, hub: hub, keyHub: keyHub, group: group, workers: workers,
            log: backend.log,
            attemptWindowMilliseconds: configuration.attemptCaps.windowMilliseconds,
            auditRetentionMilliseconds: Int64(configuration.auditRetentionDays) * 86_400_000,
            isFirstNode: { fleet?.feed.isFirstNode ?? true })
        return Servers(
            main: ports?.main, ops: ports?.ops, control: control, readiness: readiness, balancers: balancers,
            maintenance: maintenance, keyHub: keyHub, audit: audit, hub: hub, group: group, directory: directory)
    }

    private static func makeKeyHub(
        _ backend: Backend, _ group: EventLoopGroup, _ directory: WorkerDirectory, _ keys: KeyRingSnapshot,
        _ fleet: FleetMember?
    ) -> KeyHub {
        KeyHub(
            service: backend.keyService, initial: keys, group: group, readMasterKeys: backend.readMasterKeys,
            announce: { _ in await fleet?.announceKeys() },
            deliver: { [weak directory] index, keys, number in
                directory?.workers[index].update(keys, number) ?? true
            })
    }

    private static func makeKeyLook(_ hub: KeyHub, _ log: EventLog) -> KeyLook {
        KeyLook {
            do throws(KeyHubError) {
                try await hub.reload()
                return true
            } catch {
                log.logger.warning("the key ring cannot be read anew", error: error)
                return false
            }
        }
    }

    /// Takes in what the other nodes do, from now on. The hubs hold the feed; it holds them weakly.
    func follow(_ fleet: FleetMember) async {
        let (group, log) = (group, fleet.log)
        await fleet.follow(
            FeedListeners(
                apply: { [weak hub] in await hub?.apply($0) },
                confirmed: { [weak directory] moment in
                    for (index, loop) in group.loops.enumerated() {
                        loop.execute { [weak directory] in directory?.workers[index].freshness.confirm(at: moment) }
                    }
                },
                keysMoved: { [weak keyHub] _ in
                    do throws(KeyHubError) {
                        try await keyHub?.reload()
                        return true
                    } catch {
                        log.logger.warning("the key ring cannot be read anew", error: error)
                        return false
                    }
                }))
    }

    /// Answers who waits and who comes.
    func begin() async throws(StartupError) {
        do throws(SystemError) {
            try await ops?.begin()
            try await main?.begin()
            try await control.begin()
        } catch {
            throw StartupError("The ports cannot be served", error)
        }
    }

    /// Begins the upkeep and declares the node ready.
    func declareReady() {
        maintenance.start()
        readiness.set(true)
    }

    /// Takes no more work; the ops port goes on.
    func drain() {
        main?.drain()
        control.drain()
    }

    /// Whether everybody who was there when `drain` was called got an answer.
    var isDrained: Bool { main?.isDrained ?? true && control.isDrained }

    /// Ends all with everything on them.
    func closeAll() {
        for server in [main, ops].compactMap(\.self) {
            server.drain()
            server.closeAll()
        }
        control.closeAll()
    }

    /// Scrapers and probes of one node.
    private static let opsConnections = 64
}

/// The ports of a server.
private struct Ports {
    let main: Server
    let ops: Server

    /// The ops port first: a flood on the main port must not take its descriptors.
    static func bind(
        _ configuration: Configuration, _ hosts: [ConnectionHost], _ opsHost: ConnectionHost
    ) async throws(StartupError) -> Ports {
        let ops = try await listen(configuration.opsListen, [opsHost])
        do throws(StartupError) { return Ports(main: try await listen(configuration.listen, hosts), ops: ops) } catch {
            ops.drain()
            ops.closeAll()
            throw error
        }
    }

    func close() {
        for server in [main, ops] {
            server.drain()
            server.closeAll()
        }
    }

    private static func listen(_ address: SocketAddress, _ hosts: [ConnectionHost]) async throws(StartupError) -> Server
    {
        do throws(SystemError) { return try await Server.bind(to: address, hosts: hosts) } catch {
            throw StartupError("Cannot listen on \(address)", error)
        }
    }
}

/// The workers by loop. Filled before the first request; then only read, each entry on its own loop.
private final class WorkerDirectory: @unchecked Sendable {
    // @unchecked: see above.
    var workers: [Worker] = []
}
