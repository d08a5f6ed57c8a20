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
    let log: EventLog
    let loop: EventLoop
    let deadline: MonotonicTime

    /// On the first loop. Returns when the database has answered and its clock was read.
    func run() async throws(StartupError) {
        await storage.start()
        try await repeated { () async throws(StartupError) in
            do throws(PostgresMigrationError) { try await PostgresMigration.prepare(storage.database) } catch {
                guard error.reason == .unavailable else { throw StartupError(error) }
                return false
            }
            return true
        }
        try await repeated { () async throws(StartupError) in
            do throws(StoreError) {
                let sentAt = MonotonicTime.now
                let time = try await storage.postgres.time()
                clock.measured(databaseTime: time, sentAt: sentAt, receivedAt: .now)
                // Nil when the round trip took too long to tell the time by.
                return clock.millisecondsAheadOfSystem != nil
            } catch {
                if case .damaged(let what) = error { throw StartupError(.dataDamaged, "The database's clock: \(what)") }
                return false
            }
        }
        guard let ahead = clock.millisecondsAheadOfSystem, !clock.isTrusted else { return }
        log.logger.error(
            "the system's clock and the database's are too far apart: nothing is issued until they agree",
            metadata: ["milliseconds": "\(ahead)"])
    }

    /// Until `step` is done, the time is over or somebody ends the process.
    private func repeated(_ step: () async throws(StartupError) -> Bool) async throws(StartupError) {
        var isTold = false
        while try await !step() {
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
