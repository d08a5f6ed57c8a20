import Auth
import GRDB

/// Operations that share one transaction, and what became of each.
final class Batch {
    private let jobs: [GroupCommitter.Job]
    private let limits: EmbeddedLimits
    private var answers: [GroupCommitter.Delivery] = []
    private(set) var statements = 0
    /// The transaction changed something and its commit returned.
    private(set) var hasWritten = false
    /// The commit met an I/O error. After a failed fsync the kernel may have dropped what it could not write, and a later
    /// fsync that succeeds proves nothing: nothing more may be acknowledged on this connection.
    private(set) var isDiskInDoubt = false
    /// The disk did not take the transaction or an operation of it: full, over quota, read-only.
    private(set) var isUnwritten = false

    init(_ jobs: [GroupCommitter.Job], limits: EmbeddedLimits) {
        self.jobs = jobs
        self.limits = limits
    }

    /// Throws when the transaction did not come to a commit that returned; `abandon` then says so to everybody.
    func run(in database: Database) throws {
        let transaction = Transaction(database, limits: limits)
        defer { statements = transaction.statements }
        let changesBefore = database.totalChangesCount
        try database.beginTransaction(.immediate)
        do {
            for job in jobs { answers.append(try perform(job, transaction, database)) }
        } catch {
            // The commit was never asked for: nothing of the transaction stays, whatever rolling back answers.
            examine(error)
            rollBack(database)
            throw StoreError.unavailable
        }
        do {
            try database.commit()
        } catch {
            examine(error)
            isDiskInDoubt = isDoubt(error)
            rollBack(database)
            throw StoreError.commitInDoubt
        }
        hasWritten = database.totalChangesCount > changesBefore
    }

    /// Nobody's changes are known to be stored.
    func abandon(_ error: any Error) {
        examine(error)
        let reason = StoreError(error)
        answers = jobs.map { job in { job.fail(reason) } }
    }

    func deliver() {
        for answer in answers { answer() }
    }

    private func examine(_ error: any Error) {
        switch (error as? DatabaseError)?.resultCode {
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN: isUnwritten = true
        default: break
        }
    }

    /// A write that was refused (a quota, the size of a file) is no doubt: the next commit writes the same pages anew, and
    /// the fsync after that tells of them.
    private func isDoubt(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        return error.resultCode == .SQLITE_IOERR && error.extendedResultCode != .SQLITE_IOERR_WRITE
    }

    private func rollBack(_ database: Database) {
        guard database.isInsideTransaction else { return }
        do { try database.rollback() } catch { isDiskInDoubt = true }
    }

    /// One operation in its savepoint. Throws only when the whole transaction is lost.
    private func perform(
        _ job: GroupCommitter.Job, _ transaction: Transaction, _ database: Database
    ) throws -> GroupCommitter.Delivery {
        try database.cachedStatement(sql: "SAVEPOINT operation").execute()
        do {
            let answer = try job.work(transaction)
            try database.cachedStatement(sql: "RELEASE operation").execute()
            return answer
        } catch {
            // Out of memory, a full disk and I/O errors make SQLite roll the whole transaction back by itself.
            guard database.isInsideTransaction else { throw error }
            examine(error)
            try database.cachedStatement(sql: "ROLLBACK TO operation").execute()
            try database.cachedStatement(sql: "RELEASE operation").execute()
            let reason = StoreError(error)
            return { job.fail(reason) }
        }
    }
}
