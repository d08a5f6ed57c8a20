import Auth
import Logging
import Reactor
import Synchronization

/// What a node does by the clock: each second the loops publish their figures, each minute the store is pruned, the
/// revocation set expires and the key rings are kept up. Of a fleet's nodes one prunes for all.
final class Maintenance: Sendable {
    private static let minuteMilliseconds: Int64 = 60_000

    private let storage: any Storage
    private let clock: NodeClock
    private let hub: RevocationHub
    private let keyHub: KeyHub
    private let group: EventLoopGroup
    private let workers: [Worker]
    private let log: EventLog
    /// Whether this node does what one should do for all.
    private let isFirstNode: @Sendable () -> Bool
    private let attemptWindowMilliseconds: Int64
    private let auditRetentionMilliseconds: Int64
    private let rounds = Atomic(0)

    /// Rounds done; the first begins with the server and completes its key rings.
    var roundCount: Int { rounds.load(ordering: .relaxed) }

    init(
        storage: any Storage, clock: NodeClock, hub: RevocationHub, keyHub: KeyHub, group: EventLoopGroup,
        workers: [Worker], log: EventLog, attemptWindowMilliseconds: Int64, auditRetentionMilliseconds: Int64,
        isFirstNode: @escaping @Sendable () -> Bool
    ) {
        self.isFirstNode = isFirstNode
        self.storage = storage
        self.clock = clock
        self.hub = hub
        self.keyHub = keyHub
        self.group = group
        self.workers = workers
        self.log = log
        self.attemptWindowMilliseconds = attemptWindowMilliseconds
        self.auditRetentionMilliseconds = auditRetentionMilliseconds
    }

    func start() {
        for (loop, worker) in zip(group.loops, workers) { loop.execute { Maintenance.publish(worker, on: loop) } }
        let first = group.loops[0]
        // At once too: the start made only the keys that it could not do without.
        first.spawn { [self] in await run(on: first) }
    }

    private static func publish(_ worker: Worker, on loop: EventLoop) {
        worker.publishMetrics()
        _ = loop.schedule(at: loop.now.adding(milliseconds: 1000)) { publish(worker, on: loop) }
    }

    private func scheduleMinute(on loop: EventLoop) {
        _ = loop.schedule(at: loop.now.adding(milliseconds: Maintenance.minuteMilliseconds)) { [self] in
            loop.spawn { [self] in await run(on: loop) }
        }
    }

    private func run(on loop: EventLoop) async {
        await run(at: clock.now)
        rounds.add(1, ordering: .relaxed)
        scheduleMinute(on: loop)
    }

    /// What fails now is tried again in a minute: nothing here decides about a request.
    private func run(at now: UnixTime) async {
        do {
            try await storage.maintain()
            let isFirst = isFirstNode()
            try await hub.maintain(at: now, mayCollapse: isFirst)
            if isFirst { try await prune(at: now) }
            try await keyHub.maintain(at: now)
        } catch {
            log.logger.warning("the upkeep is put off", error: error)
        }
    }

    private func prune(at now: UnixTime) async throws(StoreError) {
        let store = storage.store
        let windowStart = now.adding(milliseconds: -attemptWindowMilliseconds)
        try await Pruning.repeated { () throws(StoreError) in try await store.pruneAttempts(countedUntil: windowStart) }
        try await Pruning.repeated { () throws(StoreError) in try await store.pruneSessions(at: now) }
        let auditStart = now.adding(milliseconds: -auditRetentionMilliseconds)
        try await Pruning.repeated { () throws(StoreError) in try await store.pruneAudit(olderThan: auditStart) }
    }
}
