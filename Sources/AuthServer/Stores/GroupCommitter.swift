import Auth
import GRDB
import Reactor

/// Carries operations out on the store's thread, many in one transaction: an fsync takes milliseconds on a slow disk,
/// and whatever queued up behind one shares the next. Each operation has a savepoint of its own, so that a failing one
/// takes nobody along, and nobody gets an answer before COMMIT returned.
final class GroupCommitter: Sendable {
    /// One operation in the queue. Exactly one of the delivery that `work` returns and `fail` is called, once.
    struct Job: Sendable {
        let work: @Sendable (Transaction) throws -> Delivery
        let fail: @Sendable (StoreError) -> Void
        let expiresAt: MonotonicTime
    }

    /// Hands an operation's result over.
    typealias Delivery = @Sendable () -> Void

    private struct Mailbox {
        var jobs: [Job] = []
        /// The thread has been called and takes from `jobs` until they are gone.
        var isDraining = false
        var isClosed = false
        var statistics = StoreStatistics()
    }

    private let database: DatabaseQueue
    private let thread: any StoreThread
    private let limits: EmbeddedLimits
    private let mailbox = Lock(Mailbox())

    init(database: DatabaseQueue, thread: any StoreThread, limits: EmbeddedLimits) {
        self.database = database
        self.thread = thread
        self.limits = limits
    }

    var statistics: StoreStatistics {
        mailbox.withLock { mailbox in
            var statistics = mailbox.statistics
            statistics.waiting = mailbox.jobs.count
            return statistics
        }
    }

    /// Queues an operation; never blocks.
    func submit(
        work: @escaping @Sendable (Transaction) throws -> Delivery, fail: @escaping @Sendable (StoreError) -> Void
    ) {
        let job = Job(work: work, fail: fail, expiresAt: .now.adding(milliseconds: limits.waitMilliseconds))
        let (isAccepted, isCalling) = mailbox.withLock { mailbox in
            guard !mailbox.isClosed, !mailbox.statistics.hasFailed, mailbox.jobs.count < limits.waiting else {
                mailbox.statistics.refused += 1
                return (false, false)
            }
            mailbox.jobs.append(job)
            defer { mailbox.isDraining = true }
            return (true, !mailbox.isDraining)
        }
        guard isAccepted else { return fail(.unavailable) }
        if isCalling, !thread.enqueue({ self.drain() }) { refuseWaiting { $0.isDraining = false } }
    }

    /// Refuses what waits and everything later, lets a running batch finish and closes the database, which folds its
    /// write-ahead log into the file.
    func close() throws {
        refuseWaiting { $0.isClosed = true }
        try database.close()
    }

    private func refuseWaiting(_ change: (inout Mailbox) -> Void) {
        let jobs = mailbox.withLock { mailbox in
            change(&mailbox)
            defer { mailbox.jobs = [] }
            mailbox.statistics.refused += mailbox.jobs.count
            return mailbox.jobs
        }
        for job in jobs { job.fail(.unavailable) }
    }

    private func drain() {
        while let (batch, late) = take() {
            for job in late { job.fail(.unavailable) }
            if !batch.isEmpty { carryOut(batch) }
        }
    }

    /// The next operations, apart those that waited too long; nil when there are none, and the thread goes.
    private func take() -> (batch: [Job], late: [Job])? {
        let now = MonotonicTime.now
        return mailbox.withLock { mailbox in
            guard !mailbox.jobs.isEmpty else {
                mailbox.isDraining = false
                return nil
            }
            let taken = mailbox.jobs.prefix(max(1, limits.batch))
            mailbox.jobs.removeFirst(taken.count)
            let batch = taken.filter { $0.expiresAt > now }
            let late = taken.filter { $0.expiresAt <= now }
            mailbox.statistics.refused += late.count
            return (batch, late)
        }
    }

    private func carryOut(_ jobs: [Job]) {
        let batch = Batch(jobs, limits: limits)
        do {
            try database.writeWithoutTransaction { try batch.run(in: $0) }
        } catch {
            batch.abandon(error)
        }
        mailbox.withLock { mailbox in
            mailbox.statistics.operations += jobs.count
            mailbox.statistics.statements += batch.statements
            mailbox.statistics.commits += batch.hasWritten ? 1 : 0
            mailbox.statistics.largestBatch = max(mailbox.statistics.largestBatch, jobs.count)
            if batch.isDiskInDoubt { mailbox.statistics.hasFailed = true }
            if batch.isUnwritten || batch.hasWritten { mailbox.statistics.isWriteFailing = batch.isUnwritten }
        }
        batch.deliver()
    }
}
