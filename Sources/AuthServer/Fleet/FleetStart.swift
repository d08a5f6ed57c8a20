import Auth
import Glibc
import Logging
import Reactor

/// The first steps of a node of a fleet: it waits for the database, brings its tables up to date and takes its time. All
/// nodes may do so at once.
struct FleetStart {
    /// Between two attempts: a database that is being started answers in a second or two.
    private static let retryMilliseconds: Int64 = 250

    let storage: FleetStorage
    let clock: NodeClock
    let node: FleetNode
    let log: EventLog
    let loop: EventLoop
    let deadline: MonotonicTime

    /// On the first loop. Returns when the database has answered and its clock was read.
    func run() async throws(StartupError) {
        await storage.start()
        try await repeated { () async throws(StoreError) in
            try await PostgresMigration.prepare(storage.database, contract: false)
        }
        try await repeated { () async throws(StoreError) in
            let sentAt = MonotonicTime.now
            let poll = try await storage.postgres.poll(
                as: node.id, since: .beginning, nodeAddress: node.address, version: node.version)
            clock.measured(databaseTime: poll.databaseTime, sentAt: sentAt, receivedAt: .now)
            // The round trip took too long to tell the time by.
            if clock.millisecondsAheadOfSystem == nil { throw .unavailable }
        }
        guard let ahead = clock.millisecondsAheadOfSystem, !clock.isTrusted else { return }
        log.logger.error(
            "the system's clock and the database's are too far apart: nothing is issued until they agree",
            metadata: ["milliseconds": "\(ahead)"])
    }

    /// Until the store answers, the time is over or somebody ends the process.
    private func repeated(_ step: () async throws(StoreError) -> Void) async throws(StartupError) {
        var isTold = false
        while true {
            do throws(StoreError) { return try await step() } catch {
                guard error == .unavailable || error == .commitInDoubt else {
                    throw StartupError(.dataDamaged, "The database cannot be used: \(error)")
                }
            }
            if !isTold { log.logger.warning("the database does not answer; the start waits for it") }
            isTold = true
            guard MonotonicTime.now < deadline, !Signals.isPending(SIGTERM), !Signals.isPending(SIGINT) else {
                throw StartupError(
                    .unavailable, "The database does not answer: \(storage.place). Look at PORTCULLIS_DATABASE_URL.")
            }
            await loop.pause(milliseconds: FleetStart.retryMilliseconds)
        }
    }
}

extension EventLoop {
    /// Suspends for that long. On the loop.
    func pause(milliseconds: Int64) async {
        await withUnsafeContinuation { continuation in
            _ = schedule(at: MonotonicTime.now.adding(milliseconds: milliseconds)) { continuation.resume() }
        }
    }
}
