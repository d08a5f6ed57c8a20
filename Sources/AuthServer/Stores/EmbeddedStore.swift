package import Auth
import GRDB

/// The stores of the embedded mode: one SQLite file in the data folder, one connection, one thread. Every operation is
/// a transaction of its own to its caller, durable when it answers: WAL with `synchronous=FULL`, so that each commit is
/// on the disk before anybody hears of it.
package final class EmbeddedStore: Sendable {
    let limits: EmbeddedLimits
    private let folder: DataFolder
    private let committer: GroupCommitter

    private init(folder: DataFolder, limits: EmbeddedLimits, committer: GroupCommitter) {
        self.folder = folder
        self.limits = limits
        self.committer = committer
    }

    /// Opens what was inspected, or makes it. Blocks: for the start, before any loop runs. `thread` must run until
    /// `close` was called. Refused, the folder is still the caller's to release.
    package static func open(
        _ inspection: DatabaseInspection, thread: any StoreThread, limits: EmbeddedLimits = EmbeddedLimits()
    ) throws(StoreRefusal) -> EmbeddedStore {
        let file = DatabaseFile(folder: inspection.folder)
        if inspection.keys == nil { try file.create() }
        let database = try file.open()
        // After the database, so that a folder that was announced and has none has lost it.
        try inspection.folder.announce()
        let committer = GroupCommitter(database: database, thread: thread, limits: limits)
        return EmbeddedStore(folder: inspection.folder, limits: limits, committer: committer)
    }

    package var statistics: StoreStatistics { committer.statistics }

    /// Changes a row to what it is, so that `statistics` tell whether changes reach the disk again when nobody else makes
    /// one.
    package func probeWriting() async throws(StoreError) {
        try await perform { try $0.run("UPDATE meta SET id = id") }
    }

    /// Answers what waits with "unavailable", lets what runs finish, closes the file and lets go of the folder. Blocks:
    /// for the end, when no loop runs any more. Call once.
    package func close() throws(StoreError) {
        defer { folder.release() }
        do { try committer.close() } catch { throw StoreError(error) }
    }

    /// Runs `body` on the store's thread in a transaction and answers when it is committed; anything thrown rolls it
    /// back. A task that is cancelled meanwhile still gets its answer: what was sent is carried out.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (Transaction) throws -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            committer.submit { transaction in
                let value = try body(transaction)
                return { continuation.resume(returning: .success(value)) }
            } fail: { reason in
                continuation.resume(returning: .failure(reason))
            }
        }
        return try result.get()
    }
}
