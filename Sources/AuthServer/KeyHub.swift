import Auth
import Reactor

/// Why a change of the keys did not come to pass.
enum KeyHubError: Error, Sendable, Equatable {
    case keys(KeyRingError)
    /// The master key file cannot be used, and why.
    case masterKeyFile(String)
    /// Stored, but a loop could not take it into use: it still works with the keys of before.
    case notTaken
    /// Too many changes wait for their turn.
    case busy
}

/// Keeps the node's key rings: one change after the other, each in use on every loop before it is answered and before the
/// next one begins. So a key that was sealed under the master keys of before is never stored after a reseal.
final class KeyHub: Sendable {
    /// Takes a snapshot on a loop; one with a lower number than that loop has is ignored there. False when the loop cannot
    /// use it.
    typealias Delivery = @Sendable (_ loop: Int, _ keys: KeyRingSnapshot, _ number: UInt64) -> Bool
    /// Reads the master key file as it is now, away from the loops.
    typealias MasterKeyReader = @Sendable () async throws(StartupError) -> MasterKeys

    private struct State {
        var service: KeyService
        /// Of the newest snapshot; those that the loops began with are 0.
        var number: UInt64 = 0
        var snapshot: KeyRingSnapshot
        var waiting: [@Sendable () async -> Void] = []
        var isWorking = false
    }

    /// Administrators and the upkeep.
    private static let maximumWaiting = 64

    private let state: Lock<State>
    private let group: EventLoopGroup
    private let readMasterKeys: MasterKeyReader
    /// Tells other nodes that the stored rings have changed.
    private let announce: @Sendable (KeyHub) async -> Void
    private let deliver: Delivery

    init(
        service: KeyService, initial: KeyRingSnapshot, group: EventLoopGroup,
        readMasterKeys: @escaping MasterKeyReader, announce: @escaping @Sendable (KeyHub) async -> Void = { _ in },
        deliver: @escaping Delivery
    ) {
        self.announce = announce
        state = Lock(State(service: service, snapshot: initial))
        self.group = group
        self.readMasterKeys = readMasterKeys
        self.deliver = deliver
    }

    /// The newest rings.
    var snapshot: KeyRingSnapshot { state.withLock { $0.snapshot } }

    /// Promotes what is due, drops what is gone and makes what lacks.
    func maintain(at now: UnixTime) async throws(KeyHubError) {
        try await inTurn { [self] service in
            await load(service, at: now)
        }
    }

    /// Takes into use what another node has stored.
    func reload() async throws(KeyHubError) {
        try await inTurn { [self] service in
            await take(await KeyHub.result { () throws(KeyRingError) in try await service.reload() })
        }
    }

    private func take(_ result: Result<KeyRingSnapshot, KeyHubError>) async -> Result<Void, KeyHubError> {
        switch result {
        case .success(let snapshot): return await publish(snapshot)
        case .failure(.keys(.sealed(_, _, .unknownMasterKey(_)))): return await reloadUnderNewMasterKeys()
        case .failure(let error): return .failure(error)
        }
    }

    /// Another node has sealed the keys under a master key that came into the file since this one read it.
    private func reloadUnderNewMasterKeys() async -> Result<Void, KeyHubError> {
        let master: MasterKeys
        do throws(StartupError) { master = try await readMasterKeys() } catch {
            return .failure(.masterKeyFile(error.description))
        }
        let service = state.withLock { $0.service.under(master) }
        switch await KeyHub.result({ () throws(KeyRingError) in try await service.reload() }) {
        case .success(let snapshot):
            state.withLock { $0.service = service }
            return await publish(snapshot)
        case .failure(let error): return .failure(error)
        }
    }

    private func load(_ service: KeyService, at now: UnixTime) async -> Result<Void, KeyHubError> {
        await take(await KeyHub.result { () throws(KeyRingError) in try await service.load(at: now) })
    }

    /// Every key, without its secret.
    func keys(
        at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(KeyHubError) -> AdminResult<[KeyDescription]> {
        let service = state.withLock { $0.service }
        do throws(KeyRingError) { return try await service.keys(at: now, as: authority, from: origin) } catch {
            throw .keys(error)
        }
    }

    func rotate(
        _ rotation: KeyRotation, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(KeyHubError) -> AdminResult<RotatedKeys> {
        let result = try await inTurn { [self] service in
            let result = await KeyHub.result { () throws(KeyRingError) in
                try await service.rotate(rotation, at: now, as: authority, from: origin)
            }
            switch result {
            case .success(.done(let rotated)): return await publish(rotated.snapshot).flatMap { result }
            case .success(.notFound):
                // It may have been dropped by a change whose answer was in doubt: then the loops still have it.
                return await load(service, at: now).flatMap { result }
            default: return result
            }
        }
        if case .done(let rotated) = result, rotated.isChanged { await announce(self) }
        return result
    }

    /// Seals every key under the first master key that the file holds now, and takes the file's list into use. How many
    /// were sealed under another one.
    func reseal(
        at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(KeyHubError) -> AdminResult<Int> {
        try await inTurn { [self] service in
            let master: MasterKeys
            do throws(StartupError) { master = try await readMasterKeys() } catch {
                return .failure(.masterKeyFile(error.description))
            }
            return await KeyHub.result { () throws(KeyRingError) in
                try await service.reseal(under: master, at: now, as: authority, from: origin)
            }.map { result in
                result.map { resealed in
                    state.withLock { $0.service = resealed.service }
                    return resealed.count
                }
            }
        }
    }

    /// The rings are stored before they are published: a loop that cannot take them is tried again by the upkeep.
    private func publish(_ snapshot: KeyRingSnapshot) async -> Result<Void, KeyHubError> {
        let number = state.withLock { state in
            state.number += 1
            state.snapshot = snapshot
            return state.number
        }
        let isTaken = Lock(true)
        await group.runOnAll { [deliver] index in
            if !deliver(index, snapshot, number) { isTaken.withLock { $0 = false } }
        }
        return isTaken.withLock { $0 } ? .success(()) : .failure(.notTaken)
    }

    // MARK: Turns

    /// Runs `body` with the service of its turn, in a task of its own: what was begun comes to its end and into use even
    /// when its asker leaves.
    private func inTurn<Value: Sendable>(
        _ body: @escaping @Sendable (KeyService) async -> Result<Value, KeyHubError>
    ) async throws(KeyHubError) -> Value {
        let result: Result<Value, KeyHubError> = await withCheckedContinuation { continuation in
            let isFirst: Bool? = state.withLock { state in
                guard state.waiting.count < KeyHub.maximumWaiting else { return nil }
                state.waiting.append { [self] in
                    continuation.resume(returning: await body(self.state.withLock { $0.service }))
                }
                defer { state.isWorking = true }
                return !state.isWorking
            }
            switch isFirst {
            case nil: continuation.resume(returning: .failure(.busy))
            case true?: group.loops[0].spawn { [self] in await work() }
            case false?: break
            }
        }
        return try result.get()
    }

    private func work() async {
        while let job = takeJob() { await job() }
    }

    private func takeJob() -> (@Sendable () async -> Void)? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isWorking = false
                return nil
            }
            return state.waiting.removeFirst()
        }
    }

    private static func result<Value: Sendable>(
        _ body: () async throws(KeyRingError) -> Value
    ) async -> Result<Value, KeyHubError> {
        do throws(KeyRingError) { return .success(try await body()) } catch { return .failure(.keys(error)) }
    }
}
