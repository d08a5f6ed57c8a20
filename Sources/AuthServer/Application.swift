package import Auth
import Glibc
import HTTP
import HTTPServer
import Logging
import OpenSSL
package import Reactor
import Synchronization

/// A running server. `start` and `stop` are the order in which everything begins and ends.
package final class Application: Sendable {
    package enum Purpose: Sendable {
        case serving
        /// A command of the operator: on the folder of an installation, with the control socket alone; it opens no port,
        /// makes no account and does no upkeep.
        case operatorCommand
    }

    /// `.none` without ports.
    package let address: SocketAddress
    package let opsAddress: SocketAddress
    /// Shown once: the password of the account that this start made up; nil otherwise.
    package let madeAdminPassword: String?

    private let configuration: Configuration
    private let group: EventLoopGroup
    private let ops: EventLoopGroup
    private let servers: Servers
    private let backend: Backend
    /// Nil for a node alone.
    private let fleet: FleetMember?
    private let isStopping = Atomic(false)
    private let isHurried = Atomic(false)

    private init(
        _ configuration: Configuration, group: EventLoopGroup, ops: EventLoopGroup, servers: Servers, backend: Backend,
        fleet: FleetMember?, madeAdminPassword: String?
    ) {
        self.fleet = fleet
        self.configuration = configuration
        self.group = group
        self.ops = ops
        self.servers = servers
        self.backend = backend
        self.madeAdminPassword = madeAdminPassword
        address = servers.main?.address ?? .none
        opsAddress = servers.ops?.address ?? .none
    }

    /// The loop that watches signals.
    package var opsLoop: EventLoop { ops.loops[0] }
    package var loops: [EventLoop] { group.loops }
    /// For what belongs to no loop.
    package var store: any Stores { backend.storage.store }
    /// Nil in a fleet.
    package var embeddedStore: EmbeddedStore? { (backend.storage as? EmbeddedStorage)?.embedded }
    var keyHub: KeyHub { servers.keyHub }
    /// Connections of the main port.
    package var openConnections: Int { servers.main?.openConnections ?? 0 }
    /// Whether the first upkeep is done, which completes the key rings; probes and requests do not wait for it.
    package var isSettled: Bool { servers.maintenance.roundCount > 0 }
    /// Whether it takes work: not before everything is loaded, and not while it drains.
    package var isReady: Bool { servers.readiness.isReady }
    /// Whether a login could be answered now.
    package var canLogIn: Bool { backend.storage.canLogIn }
    /// Round trips to the fleet's database since the start; 0 for a node alone.
    package var databaseRoundTrips: Int { (backend.storage as? FleetStorage)?.roundTrips ?? 0 }
    /// The same of Redis, those of the feed included.
    package var cacheRoundTrips: Int { (backend.storage as? FleetStorage)?.cacheRoundTrips ?? 0 }
    /// Password hashes computed since the start.
    package var hashesComputed: Int { backend.hashPool.hashes }

    // MARK: Start

    /// Starts everything and returns when the server answers. Blocks: for the main thread. A start that fails leaves
    /// nothing running, and nothing in the data folder changed that was there before.
    package static func start(
        _ configuration: Configuration, for purpose: Purpose = .serving
    ) throws(StartupError) -> Application {
        let group = try makeLoops(configuration.loops, "loop")
        do throws(StartupError) {
            let ops = try makeLoops(1, "ops")
            do throws(StartupError) { return try start(configuration, group, ops, purpose) } catch {
                ops.stopAndJoin()
                throw error
            }
        } catch {
            group.stopAndJoin()
            throw error
        }
    }

    private static func start(
        _ configuration: Configuration, _ group: EventLoopGroup, _ ops: EventLoopGroup, _ purpose: Purpose
    ) throws(StartupError) -> Application {
        let backend = try Backend.open(configuration, group, for: purpose)
        let result = group.loops[0].runAndWait { await start(configuration, group, ops, backend, purpose) }
        do throws(StartupError) { return try result.get() } catch {
            group.loops[0].runAndWait { await backend.storage.end() }
            backend.close()
            backend.log.stop()
            throw error
        }
    }

    private static func makeLoops(_ count: Int, _ name: String) throws(StartupError) -> EventLoopGroup {
        do throws(SystemError) { return try EventLoopGroup(count: count, name: name) } catch {
            throw StartupError("The event loops cannot be made", error)
        }
    }

    /// On the first loop: what the store knows, then the workers, then the ports, then the first account (were a port taken,
    /// nobody would be told the password that was made up for it), and last the answers: an account that somebody made
    /// before would be the first, and no administrator would ever be.
    private static func start(
        _ configuration: Configuration, _ group: EventLoopGroup, _ ops: EventLoopGroup, _ backend: Backend,
        _ purpose: Purpose
    ) async -> Result<Application, StartupError> {
        do {
            let fleetNode = try await reachFleet(configuration, group, backend, purpose)
            let now = backend.clock.now
            if purpose == .operatorCommand, try await !backend.storage.store.hasEverHadUsers() {
                // Its first account would be the installation's: no `admin` would ever be made.
                throw StartupError(
                    .noInput,
                    "No server has served here yet: \(configuration.place) has no account. Start one first, "
                        + "`portcullis serve`: it makes the account admin.")
            }
            let keys = try await backend.keyService.load(at: now, completely: false)
            let fleet = try join(fleetNode, group, backend, keys)
            let revocations =
                if let fleet { try await fleet.begin() } else { try await backend.storage.store.load(at: now) }
            let servers: Servers
            do throws(StartupError) {
                servers = try await Servers.bind(
                    configuration, group, ops, backend, purpose, keys: keys,
                    revocations: RevocationSet(limit: configuration.revocationEntries).applying(revocations),
                    fleet: fleet)
            } catch {
                await fleet?.end()
                throw error
            }
            var password: String?
            do throws(StartupError) {
                if let fleet { await servers.follow(fleet) }
                if purpose == .serving {
                    password = try await Bootstrap.run(
                        backend.storage.store, password: configuration.adminPassword,
                        parameters: configuration.passwordHash,
                        policy: configuration.passwordPolicy, at: now)
                }
                try await servers.begin()
            } catch {
                servers.closeAll()
                servers.control.remove()
                await fleet?.end()
                throw error
            }
            if purpose == .serving {
                servers.declareReady()
                announce(configuration, servers, backend.log)
            }
            return .success(
                Application(
                    configuration, group: group, ops: ops, servers: servers, backend: backend, fleet: fleet,
                    madeAdminPassword: password))
        } catch let error as StartupError {
            return .failure(error)
        } catch let error as KeyRingError {
            return .failure(StartupError(error))
        } catch {
            return .failure(StartupError(.unavailable, "The store cannot be read: \(error)"))
        }
    }

    /// Nil for a node alone.
    private static func reachFleet(
        _ configuration: Configuration, _ group: EventLoopGroup, _ backend: Backend, _ purpose: Purpose
    ) async throws(StartupError) -> FleetNode? {
        guard let storage = backend.storage as? FleetStorage else { return nil }
        let node = try FleetMember.node(configuration)
        // Who typed a command does not wait for a failover.
        let seconds = purpose == .serving ? configuration.startSeconds : min(configuration.startSeconds, 5)
        try await FleetStart(
            storage: storage, clock: backend.clock, log: backend.log, loop: group.loops[0],
            deadline: .now.adding(milliseconds: Int64(seconds) * 1000)
        ).run()
        return node
    }

    private static func join(
        _ node: FleetNode?, _ group: EventLoopGroup, _ backend: Backend, _ keys: KeyRingSnapshot
    ) throws(StartupError) -> FleetMember? {
        guard let node, let storage = backend.storage as? FleetStorage else { return nil }
        do throws(OpenSSLError) {
            return FleetMember(
                node, storage, key: try keys.lookup.stream(), loop: group.loops[0], clock: backend.clock,
                log: backend.log)
        } catch {
            throw StartupError(.internalFailure, "OpenSSL failed: \(error)")
        }
    }

    private static func announce(_ configuration: Configuration, _ servers: Servers, _ log: EventLog) {
        let (main, ops) = (servers.main?.address ?? .none, servers.ops?.address ?? .none)
        log.logger.info(
            "started", metadata: ["listen": "\(main)", "ops_listen": "\(ops)", "loops": "\(configuration.loops)"])
    }

    // MARK: Stop

    /// How long a balancer takes, at most, from hearing that we are not ready to sending nothing more; what it sent
    /// meanwhile is on its way.
    private static let balancerMilliseconds: Int64 = 250

    /// Says that it is not ready, serves on until the balancers have heard it, then stops taking work, answers what there is
    /// within the configured time, and ends every thread. Blocks. Only the first call does it; others return at once.
    package func stop() {
        guard !isStopping.exchange(true, ordering: .acquiringAndReleasing) else { return }
        servers.readiness.set(false)
        awaitBalancers()
        backend.log.logger.info("draining")
        servers.drain()
        let deadline = MonotonicTime.now.adding(milliseconds: Int64(configuration.drainSeconds) * 1000)
        // What is queued is no open connection until the loops have taken it.
        wait(until: deadline) { servers.isDrained || isHurried.load(ordering: .relaxed) }
        servers.closeAll()
        // Its tasks live on the first loop, too.
        if let fleet { group.loops[0].runAndWait { await fleet.end() } }
        // Tasks of closed connections were cancelled; each ends at its next step.
        wait(until: .now.adding(milliseconds: 2000)) {
            group.loops.allSatisfy { $0.taskCount == 0 } && opsLoop.taskCount == 0
        }
        servers.control.remove()
        let audit = servers.audit
        let storage = backend.storage
        group.loops[0].runAndWait {
            await audit.close()
            await storage.end()
        }
        backend.close()
        group.stopAndJoin()
        ops.stopAndJoin()
        backend.log.logger.info("stopped")
        backend.log.stop()
    }

    /// Ends a `stop` that is under way without waiting further, for balancers or for clients: what is unanswered stays so.
    package func hurry() { isHurried.store(true, ordering: .relaxed) }

    /// Without anybody who asks there is nobody to wait for. Meanwhile all is as before, but for `/readyz`: new connections are
    /// taken and no answer closes one.
    private func awaitBalancers() {
        let balancers = servers.balancers
        let probes = configuration.drainProbes
        guard configuration.drainDelaySeconds > 0, !balancers.hasBeenHeard(times: probes) else { return }
        backend.log.logger.info("waiting for balancers to send no more")
        let deadline = MonotonicTime.now.adding(milliseconds: Int64(configuration.drainDelaySeconds) * 1000)
        wait(until: deadline) {
            balancers.hasBeenHeard(times: probes) || isHurried.load(ordering: .relaxed)
        }
        wait(until: min(deadline, .now.adding(milliseconds: Application.balancerMilliseconds))) {
            isHurried.load(ordering: .relaxed)
        }
    }

    /// Looks every few milliseconds; only for the end of the process.
    private func wait(until deadline: MonotonicTime, _ condition: () -> Bool) {
        while !condition(), MonotonicTime.now < deadline { poll(nil, 0, 5) }
    }
}
