import Auth
import OpenSSL
import Passwords
import Reactor
import Synchronization

/// Password hashing on threads of its own: all at nice 19, so that logins cannot slow verify down, but one at nice 5, so
/// that they never stop when verify takes everything there is.
final class HashPool: PasswordHasher {
    private let pool: WorkerPool
    private let parameters: PasswordHashParameters
    /// Places given out: waiting, running, or promised by `admit`.
    private let admitted = Lock(0)
    private let refused = Lock(0)
    private let computed = Atomic(0)
    private let places: Int
    private let workers: Int

    init(workers: Int, queue: Int, parameters: PasswordHashParameters) throws(SystemError) {
        let nice: [Int32] = [5] + [Int32](repeating: 19, count: max(0, workers - 1))
        places = queue + workers
        self.workers = workers
        self.parameters = parameters
        // One more than the logins may take: for a key.
        pool = try WorkerPool(name: "hash", niceValues: nice, capacity: places + 1)
    }

    var load: WorkerPool.Load { pool.load }
    /// Passwords hashed. The pool's own count has the keys that were made, too, and lags behind the answers.
    var hashes: Int { computed.load(ordering: .relaxed) }
    /// Logins that found no place.
    var refusals: Int { refused.withLock { $0 } }

    func admit() throws(HashingError) -> HashAdmission {
        let isAdmitted = admitted.withLock { count in
            guard count < places else { return false }
            count += 1
            return true
        }
        guard isAdmitted else {
            refused.withLock { $0 += 1 }
            throw .overloaded(retryAfterMilliseconds: retryAfter())
        }
        return HashAdmission(id: 0)
    }

    func withdraw(_ admission: HashAdmission) { release() }

    func isMatch(
        _ password: SecretBytes, phc: String, admission: HashAdmission, keepsPlace: Bool
    ) async throws(HashingError) -> Bool {
        var isKept = false
        defer { if !isKept { release() } }
        let isMatch = try await run { () throws(PasswordHashError) in
            try password.withUnsafeBytes { (bytes) throws(PasswordHashError) in
                try PasswordHash.isMatch(bytes.bytes, phc: phc)
            }
        }
        isKept = isMatch && keepsPlace
        return isMatch
    }

    func hash(_ password: SecretBytes, admission: HashAdmission) async throws(HashingError) -> String {
        defer { release() }
        let parameters = parameters
        return try await run { () throws(PasswordHashError) in
            try password.withUnsafeBytes { (bytes) throws(PasswordHashError) in
                try PasswordHash.hash(bytes.bytes, parameters: parameters)
            }
        }
    }

    /// Other slow work, such as making an RSA key, one piece at a time: there is a place for one. Nobody waits for it but
    /// the start and the upkeep of keys.
    func runOffLoop<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let result: Result<Value, Failure>
        do throws(WorkerPoolError) {
            result = try await pool.run { Result { () throws(Failure) in try work() } }
        } catch {
            // The server is at its end, or the caller is: what waits for the key waits no longer than for its making.
            result = Result { () throws(Failure) in try work() }
        }
        return try result.get()
    }

    func stopAndJoin() { pool.stopAndJoin() }

    private func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws(PasswordHashError) -> Value
    ) async throws(HashingError) -> Value {
        let result: Result<Value, PasswordHashError>
        do throws(WorkerPoolError) {
            result = try await pool.run { [self] in
                defer { computed.wrappingAdd(1, ordering: .relaxed) }
                return Result { () throws(PasswordHashError) in try work() }
            }
        } catch {
            throw .overloaded(retryAfterMilliseconds: retryAfter())
        }
        do throws(PasswordHashError) { return try result.get() } catch { throw .failed }
    }

    private func release() { admitted.withLock { $0 -= 1 } }

    /// About when the queue of now is done, at 20 ms a hash, at least a second; jittered, so that those turned away
    /// together do not come back together.
    private func retryAfter() -> Int64 {
        let queue = Int64(places) * 20 / Int64(workers)
        return 1000 + queue + Int64.random(in: 0...2000)
    }
}
