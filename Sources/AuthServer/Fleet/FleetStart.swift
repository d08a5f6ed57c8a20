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
                return error.description
            }
            return nil
        }
        try await repeated { () async throws(StartupError) in
            do throws(StoreError) {
                let sentAt = MonotonicTime.now
                let time = try await storage.postgres.time()
                clock.measured(databaseTime: time, sentAt: sentAt, receivedAt: .now)
                return clock.millisecondsAheadOfSystem == nil ? "It answers too slowly to tell the time by." : nil
            } catch {
                if case .damaged(let what) = error { throw StartupError(.dataDamaged, "The database's clock: \(what)") }
                return "It cannot be asked for the time."
            }
        }
        guard let ahead = clock.millisecondsAheadOfSystem, !clock.isTrusted else { return }
        log.logger.error(
            "the system's clock and the database's are too far apart: nothing is issued until they agree",
            metadata: ["milliseconds": "\(ahead)"])
    }

    /// Until `step` has no reason any more to be tried again, the time is over or somebody ends the process.
    private func repeated(_ step: () async throws(StartupError) -> String?) async throws(StartupError) {
        var told: String?
        while let reason = try await step() {
            if told != reason {
                log.logger.warning("the start waits for the database", metadata: ["reason": "\(reason)"])
            }
            told = reason
            guard MonotonicTime.now < deadline, !Signals.isPending(SIGTERM), !Signals.isPending(SIGINT) else {
                throw StartupError(
                    .unavailable,
                    "The database does not answer: \(storage.place). \(reason) Look at PORTCULLIS_DATABASE_URL.")
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
