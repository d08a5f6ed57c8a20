import Auth
import JWT
import Logging
import Reactor

/// What stands behind the loops: the data folder with its store and the store's thread, the hash pool, the keys.
struct Backend: Sendable {
    let clock: NodeClock
    let storage: any Storage
    let hashPool: HashPool
    let keyService: KeyService
    /// Reads the master key file as it is now.
    let readMasterKeys: KeyHub.MasterKeyReader
    let log: EventLog
    private let storeThread: PoolStoreThread

    /// A server waits this long for a command that has the folder, or for a server that is ending.
    private static let patienceMilliseconds: Int64 = 3000

    /// Opens the data folder. Everything in it is looked at before anything is changed. Blocks.
    static func open(
        _ configuration: Configuration, for purpose: Application.Purpose
    ) throws(StartupError) -> Backend {
        let folder: DataFolder
        do throws(StoreRefusal) {
            folder = try DataFolder.open(
                configuration.dataFolder,
                patienceMilliseconds: purpose == .serving ? Backend.patienceMilliseconds : 0)
        } catch {
            throw StartupError(error)
        }
        do throws(StartupError) {
            return try open(configuration, folder, for: purpose)
        } catch {
            folder.release()
            throw error
        }
    }

    private static func open(
        _ configuration: Configuration, _ folder: DataFolder, for purpose: Application.Purpose
    ) throws(StartupError) -> Backend {
        let inspection: DatabaseInspection
        do throws(StoreRefusal) { inspection = try DatabaseInspection.inspect(folder) } catch {
            throw StartupError(error)
        }
        guard purpose == .serving || inspection.keys != nil else {
            throw StartupError(.noInput, "There is no database in \(folder.path) yet.")
        }
        let master = try MasterKeyFile.load(configuration.masterKeyFile, for: inspection)
        if let keys = inspection.keys, !keys.isEmpty {
            do throws(KeyRingError) { _ = try KeyRingSnapshot(opening: keys, with: master) } catch {
                throw StartupError(error)
            }
        }
        let (masterKeyFile, folder) = (configuration.masterKeyFile, inspection.folder.path)
        var policy = configuration.keyRing
        policy.signingAlgorithm = configuration.signingAlgorithm
        var (startedThread, startedPool): (PoolStoreThread?, HashPool?)
        let log = try EventLog.start(configuration)
        do {
            let thread = try PoolStoreThread()
            startedThread = thread
            let hashPool = try HashPool(
                workers: configuration.hashWorkers, queue: configuration.hashQueue,
                parameters: configuration.passwordHash)
            startedPool = hashPool
            let store = try EmbeddedStore.open(inspection, thread: thread)
            let keyService = KeyService(
                store: store, master: master, policy: policy,
                makeSigningKey: { algorithm async throws(TokenKeyError) in
                    try await hashPool.runOffLoop { () throws(TokenKeyError) in try TokenSigningKey.generate(algorithm)
                    }
                })
            return Backend(
                clock: NodeClock(), storage: EmbeddedStorage(store, limits: configuration.throttle),
                hashPool: hashPool,
                keyService: keyService,
                readMasterKeys: { () async throws(StartupError) in
                    try await hashPool.runOffLoop { () throws(StartupError) in
                        try MasterKeyFile.reload(masterKeyFile, in: folder)
                    }
                }, log: log, storeThread: thread)
        } catch {
            log.stop()
            startedPool?.stopAndJoin()
            startedThread?.stopAndJoin()
            throw startupError(error)
        }
    }

    private static func startupError(_ error: any Error) -> StartupError {
        switch error {
        case let refusal as StoreRefusal: StartupError(refusal)
        case let error as SystemError: StartupError("The server's threads cannot be made", error)
        default: StartupError(.internalFailure, "The store cannot be opened: \(error)")
        }
    }

    /// After the last loop; the log goes on. Blocks until everything committed is in the file.
    func close() {
        hashPool.stopAndJoin()
        do throws(StoreError) { try storage.close() } catch {
            log.logger.error("the store did not close cleanly and will recover at the next start", error: error)
        }
        storeThread.stopAndJoin()
    }
}
