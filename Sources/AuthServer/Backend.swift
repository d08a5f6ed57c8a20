import Auth
import JWT
import Logging
import Reactor

/// What stands behind the loops: the data folder, the stores with what they need, the hash pool, the keys.
struct Backend: Sendable {
    let clock: NodeClock
    let storage: any Storage
    let hashPool: HashPool
    let keyService: KeyService
    /// Reads the master key file as it is now.
    let readMasterKeys: KeyHub.MasterKeyReader
    let log: EventLog
    /// Of the embedded store.
    private let storeThread: PoolStoreThread?

    /// A server waits this long for a command that has the folder, or for a server that is ending.
    private static let patienceMilliseconds: Int64 = 3000

    /// Opens the data folder. Everything in it is looked at before anything is changed. `group` are the loops that the
    /// fleet's clients live on. Blocks.
    static func open(
        _ configuration: Configuration, _ group: EventLoopGroup, for purpose: Application.Purpose
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
            return configuration.isFleet
                ? try openFleet(configuration, group, folder) : try openEmbedded(configuration, folder, for: purpose)
        } catch {
            folder.release()
            throw error
        }
    }

    private static func openEmbedded(
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
        var (startedThread, startedPool): (PoolStoreThread?, HashPool?)
        let log = try EventLog.start(configuration)
        do {
            let thread = try PoolStoreThread()
            startedThread = thread
            let hashPool = try makeHashPool(configuration)
            startedPool = hashPool
            let store = try EmbeddedStore.open(inspection, thread: thread)
            return Backend(
                configuration, clock: NodeClock(), storage: EmbeddedStorage(store, limits: configuration.throttle),
                hashPool: hashPool, master: master, folder: inspection.folder.path, log: log, storeThread: thread)
        } catch {
            log.stop()
            startedPool?.stopAndJoin()
            startedThread?.stopAndJoin()
            throw startupError(error)
        }
    }

    /// The folder has the lock and the control socket; everything else is where all nodes find it. Nobody is asked yet.
    private static func openFleet(
        _ configuration: Configuration, _ group: EventLoopGroup, _ folder: DataFolder
    ) throws(StartupError) -> Backend {
        guard let file = configuration.masterKeyFile else {
            throw StartupError(.configuration, "PORTCULLIS_MASTER_KEY_FILE must be set: all nodes have the same keys")
        }
        let master = try MasterKeyFile.load(file)
        let servers = try FleetServers(configuration)
        do throws(StoreRefusal) { try folder.announce() } catch { throw StartupError(error) }
        var startedPool: HashPool?
        let log = try EventLog.start(configuration)
        do {
            let hashPool = try makeHashPool(configuration)
            startedPool = hashPool
            return Backend(
                configuration, clock: NodeClock(ofFleet: true),
                storage: try FleetStorage(configuration, servers, group, folder), hashPool: hashPool, master: master,
                folder: folder.path, log: log, storeThread: nil)
        } catch {
            log.stop()
            startedPool?.stopAndJoin()
            throw startupError(error)
        }
    }

    private init(
        _ configuration: Configuration, clock: NodeClock, storage: any Storage, hashPool: HashPool, master: MasterKeys,
        folder: String, log: EventLog, storeThread: PoolStoreThread?
    ) {
        var policy = configuration.keyRing
        policy.signingAlgorithm = configuration.signingAlgorithm
        let file = configuration.masterKeyFile
        self.clock = clock
        self.storage = storage
        self.hashPool = hashPool
        self.log = log
        self.storeThread = storeThread
        keyService = KeyService(
            store: storage.store, master: master, policy: policy,
            makeSigningKey: { algorithm async throws(TokenKeyError) in
                try await hashPool.runOffLoop { () throws(TokenKeyError) in try TokenSigningKey.generate(algorithm) }
            })
        readMasterKeys = { () async throws(StartupError) in
            try await hashPool.runOffLoop { () throws(StartupError) in try MasterKeyFile.reload(file, in: folder) }
        }
    }

    private static func makeHashPool(_ configuration: Configuration) throws(SystemError) -> HashPool {
        try HashPool(
            workers: configuration.hashWorkers, queue: configuration.hashQueue,
            parameters: configuration.passwordHash)
    }

    private static func startupError(_ error: any Error) -> StartupError {
        switch error {
        case let refusal as StoreRefusal: StartupError(refusal)
        case let error as SystemError: StartupError("The server's threads cannot be made", error)
        default: StartupError(.internalFailure, "The store cannot be opened: \(error)")
        }
    }

    /// After the last request; the log goes on. Blocks until everything committed is in the file.
    func close() {
        hashPool.stopAndJoin()
        do throws(StoreError) { try storage.close() } catch {
            log.logger.error("the store did not close cleanly and will recover at the next start", error: error)
        }
        storeThread?.stopAndJoin()
    }
}
