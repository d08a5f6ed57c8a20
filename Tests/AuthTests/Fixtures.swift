import JWT
import OpenSSL
import Passwords
import Reactor

@testable import Auth

/// A moment all tests start from.
let testStart = UnixTime(seconds: 1_800_000_000)

/// Shared by the suites: making keys takes time.
enum TestKeys {
    static let master = Result { try MasterKeys(parsing: MasterKeys.makeFile()) }

    /// ES256: quick to make.
    static var policy: KeyRingPolicy {
        var policy = KeyRingPolicy()
        policy.signingAlgorithm = .es256
        return policy
    }

    static func ring() async throws -> KeyRingSnapshot {
        try await KeyService(store: MemoryKeys(), master: master.get(), policy: policy).load(at: testStart)
    }

    static func refreshKey(_ id: UInt64) throws -> RefreshKey {
        try RefreshKey(id: id, secret: SecretBytes(randomCount: 32))
    }
}

/// Lets the local operator and `administrator` change the rings.
actor MemoryKeys: KeyAdministration {
    struct Audited: Equatable {
        let event: AuditEvent
        let detail: String?
    }

    static let administrator = Authority.user(Identifier(high: 1, low: 1), version: 1)

    private(set) var keys: [StoredKey] = []
    private(set) var changes = 0
    private(set) var audit: [Audited] = []

    init(_ keys: [StoredKey] = []) { self.keys = keys }

    func set(_ keys: [StoredKey]) { self.keys = keys }

    func update(_ change: @escaping @Sendable ([StoredKey]) -> [StoredKey]?) async throws(StoreError) -> [StoredKey] {
        if let new = change(keys) {
            keys = new
            changes += 1
        }
        return keys
    }

    func administer(
        as authority: Authority, from origin: RequestOrigin, at now: UnixTime, audit event: AuditEvent, detail: String?,
        _ change: @escaping @Sendable ([StoredKey]) -> [StoredKey]?
    ) async throws(StoreError) -> AdminResult<[StoredKey]> {
        guard authority == .localOperator || authority == MemoryKeys.administrator else { return .notAuthorized }
        if let new = change(keys) {
            keys = new
            changes += 1
            audit.append(Audited(event: event, detail: detail))
        }
        return .done(keys)
    }
}

/// Users, sessions and attempts in memory, each method one step of the actor. Only what the services' tests need.
actor MemoryStore: UserStore, SessionStore, AttemptStore, PasswordStore {
    private(set) var calls: [String] = []
    var isAway = false
    private var users: [Identifier: User] = [:]
    private var passwords: [Identifier: StoredPassword] = [:]
    private var sessions: [Identifier: StoredSession] = [:]
    private var ended: [Identifier: Revocation] = [:]
    private var counted: [Int64: [[UInt8]?]] = [:]
    private var nextAttempt: Int64 = 0

    func setAway(_ isAway: Bool) { self.isAway = isAway }
    func resetCalls() { calls = [] }
    func set(_ session: StoredSession) { sessions[session.id] = session }
    func attemptCount() -> Int { counted.count }
    func passwordHash(of id: Identifier) -> String? { passwords[id]?.hash }
    func set(_ password: StoredPassword, of id: Identifier) { passwords[id] = password }
    func change(_ id: Identifier, _ change: (inout User) -> Void) {
        if var user = users[id] {
            change(&user)
            users[id] = user
        }
    }

    private func note(_ call: String) throws(StoreError) {
        calls.append(call)
        if isAway { throw .unavailable }
    }

    func hasEverHadUsers() async throws(StoreError) -> Bool { !users.isEmpty }

    func createFirst(_ user: NewUser) async throws(StoreError) -> Bool { try await register(user, from: .server) }

    func register(_ user: NewUser, from origin: RequestOrigin) async throws(StoreError) -> Bool {
        try note("register")
        guard !users.values.contains(where: { $0.username == user.username }) else { return false }
        users[user.id] = User(
            id: user.id, username: user.username, roles: user.roles, isEnabled: true, version: 1,
            createdAt: user.createdAt)
        passwords[user.id] = user.password
        return true
    }

    func user(_ id: Identifier) async throws(StoreError) -> User? {
        try note("user")
        return users[id]
    }

    func replacePasswordHash(of id: Identifier, from old: String, to new: String) async throws(StoreError) -> Bool {
        try note("rehash")
        guard let password = passwords[id], password.hash == old else { return false }
        passwords[id] = StoredPassword(hash: new, oneTime: password.oneTime)
        return true
    }

    func changePassword(
        _ change: PasswordChange, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> PasswordChangeResult {
        try note("changePassword")
        guard passwords[change.user]?.hash == change.oldHash else { return .stale }
        guard var user = users[change.user], user.isEnabled, user.version == change.version,
            var session = sessions[change.session]
        else { return .gone }
        passwords[change.user] = StoredPassword(hash: change.newHash)
        user.version += 1
        users[user.id] = user
        session.counter += 1
        session.rotatedAt = now
        session.userVersion = user.version
        sessions = sessions.filter { $0.value.userID != user.id }
        sessions[session.id] = session
        if let attempt = change.attempt { counted[attempt.id] = nil }
        let revocation = Revocation.user(user.id, minimumVersion: user.version, until: now.adding(seconds: 3700))
        return .changed(session, user, revocations: [revocation])
    }

    func reserve(_ attempt: LoginAttempt, caps: AttemptCaps) async throws(StoreError) -> LoginLookup {
        try note("reserve")
        let user = users.values.first { $0.username == attempt.username }
        var reservation: AttemptReservation?
        let subject = [attempt.nameKey, attempt.deviceKey]
        let cap = attempt.deviceKey == nil ? caps.unknownDevices : caps.knownDevice
        if counted.values.count(where: { $0 == subject }) < cap {
            nextAttempt += 1
            counted[nextAttempt] = subject
            reservation = AttemptReservation(id: nextAttempt)
        }
        return LoginLookup(
            user: user, password: user.flatMap { passwords[$0.id] }, reservation: reservation)
    }

    func giveBack(_ reservation: AttemptReservation) async throws(StoreError) {
        try note("giveBack")
        counted[reservation.id] = nil
    }

    func open(
        _ session: StoredSession, maximumPerUser: Int, givingBack attempt: AttemptReservation?,
        usesOneTimePassword: Bool, generation: Int64, from origin: RequestOrigin
    ) async throws(StoreError) -> SessionOpening {
        try note("open")
        guard let user = users[session.userID], user.isEnabled, user.version == session.userVersion else {
            return .userChanged
        }
        if usesOneTimePassword {
            guard let password = passwords[user.id], let oneTime = password.oneTime, !oneTime.isUsed else {
                return .passwordUsed
            }
            passwords[user.id] = StoredPassword(
                hash: password.hash, oneTime: StoredPassword.OneTime(expiresAt: oneTime.expiresAt, isUsed: true))
        }
        sessions[session.id] = session
        if let attempt { counted[attempt.id] = nil }
        return .opened(revocations: [])
    }

    func refresh(
        _ id: Identifier, at now: UnixTime, from origin: RequestOrigin, expecting expectation: RefreshExpectation?,
        decide: @escaping @Sendable (StoredSession) -> RefreshDecision
    ) async throws(StoreError) -> RefreshResult {
        try note("refresh")
        guard var session = sessions[id], let user = users[session.userID], user.isEnabled else {
            return .refused(revocations: [])
        }
        switch decide(session) {
        case .rotate(let counter), .adopt(let counter):
            session.counter = counter
            session.rotatedAt = now
            session.lastUsedAt = now
            session.userVersion = user.version
            sessions[id] = session
            return .granted(session, user)
        case .repeatCurrent: return .granted(session, user)
        case .endAsReused, .endAsExpired: return .refused(revocations: remove(id, at: now))
        case .undecidable: return .undecidable
        }
    }

    func end(
        _ id: Identifier, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> [Revocation] {
        try note("end")
        _ = remove(id, at: now)
        return ended[id].map { [$0] } ?? []
    }

    func endAll(
        of user: Identifier, version: Int64, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> [Revocation] {
        try note("endAll")
        guard let version = users[user]?.version else { return [] }
        users[user]?.version = version + 1
        sessions = sessions.filter { $0.value.userID != user }
        return [.user(user, minimumVersion: version + 1, until: now.adding(seconds: 3700))]
    }

    func sessions(of user: Identifier) async throws(StoreError) -> [StoredSession] {
        sessions.values.filter { $0.userID == user }
    }

    private func remove(_ id: Identifier, at now: UnixTime) -> [Revocation] {
        guard let session = sessions.removeValue(forKey: id) else { return [] }
        let revocation = Revocation.session(id, user: session.userID, until: now.adding(seconds: 3700))
        ended[id] = revocation
        return [revocation]
    }
}

/// The table behind a lock, as a server would.
final class LockedThrottle: LoginThrottle {
    private let table: Lock<ThrottleTable>

    init(_ table: ThrottleTable = ThrottleTable()) { self.table = Lock(table) }

    func reserve(_ keys: [ThrottleKey], at now: UnixTime) async -> ThrottleVerdict {
        table.withLock { $0.reserve(keys, at: now) }
    }

    func giveBack(_ reservation: ThrottleReservation, at now: UnixTime) async {
        table.withLock { $0.giveBack(reservation, at: now) }
    }

    func forget(_ keys: [ThrottleKey]) async { table.withLock { $0.forget(keys) } }
}

/// The table behind a lock, as a server would.
final class LockedDesk: RegistrationDesk {
    private let table: Lock<RegistrationTable>
    private let entries = Lock(0)

    init(_ table: RegistrationTable = RegistrationTable()) { self.table = Lock(table) }

    var count: Int { table.withLock { $0.count } }
    /// How many have come, those who wait included.
    var entered: Int { entries.withLock { $0 } }

    func enter(_ name: Username) async -> RegistrationResult? {
        await withCheckedContinuation { waiter in
            table.withLock { $0.enter(name, waiter) }
            entries.withLock { $0 += 1 }
        }
    }

    func leave(_ name: Username, with result: RegistrationResult?) {
        table.withLock { $0.leave(name, with: result) }
    }
}

/// Keeps what is recorded.
final class MemoryAudit: AuditLog {
    private let recorded = Lock<[AuditEntry]>([])

    var entries: [AuditEntry] { recorded.withLock { $0 } }

    func record(_ entry: AuditEntry) { recorded.withLock { $0.append(entry) } }
}

/// Hashes at once and counts.
final class CountingHasher: PasswordHasher {
    struct Counts: Equatable {
        var compared = 0
        var hashed = 0
        var open = 0
        var next: UInt64 = 0
        var failure: HashingError?
        var admissionFailure: HashingError?
    }

    let counts = Lock(Counts())
    let parameters: PasswordHashParameters

    init(_ parameters: PasswordHashParameters) { self.parameters = parameters }

    func admit() throws(HashingError) -> HashAdmission {
        let (id, failure) = counts.withLock { counts in
            counts.next += 1
            if counts.admissionFailure == nil { counts.open += 1 }
            return (counts.next, counts.admissionFailure)
        }
        if let failure { throw failure }
        return HashAdmission(id: id)
    }

    func withdraw(_ admission: HashAdmission) { counts.withLock { $0.open -= 1 } }

    func isMatch(
        _ password: SecretBytes, phc: String, admission: HashAdmission, keepsPlace: Bool
    ) async throws(HashingError) -> Bool {
        var isKept = false
        defer { if !isKept { withdraw(admission) } }
        let failure = counts.withLock { counts in
            if counts.failure == nil { counts.compared += 1 }
            return counts.failure
        }
        if let failure { throw failure }
        do throws(PasswordHashError) {
            let isMatch = try password.withUnsafeBytes { bytes throws(PasswordHashError) in
                try PasswordHash.isMatch(bytes.bytes, phc: phc)
            }
            isKept = isMatch && keepsPlace
            return isMatch
        } catch {
            throw .failed
        }
    }

    func hash(_ password: SecretBytes, admission: HashAdmission) async throws(HashingError) -> String {
        counts.withLock { counts in
            counts.open -= 1
            counts.hashed += 1
        }
        do throws(PasswordHashError) {
            return try password.withUnsafeBytes { bytes throws(PasswordHashError) in
                try PasswordHash.hash(bytes.bytes, parameters: parameters)
            }
        } catch {
            throw .failed
        }
    }
}

/// Applies to one set.
final class SetPublisher: RevocationPublisher {
    let set = Lock(RevocationSet())

    func publish(_ revocations: [Revocation]) async {
        set.withLock { $0 = $0.applying(revocations) }
    }
}

/// The clock and the keys of a service under test.
final class TestState: Sendable {
    private let value: Lock<AuthState>

    init(_ keys: KeyRingSnapshot) { value = Lock(AuthState(now: testStart, keys: keys, generation: 0)) }

    var current: AuthState { value.withLock { $0 } }

    func advance(milliseconds: Int64) {
        value.withLock {
            $0 = AuthState(now: $0.now.adding(milliseconds: milliseconds), keys: $0.keys, generation: $0.generation)
        }
    }

    func raiseGeneration() {
        value.withLock {
            $0 = AuthState(now: $0.now, keys: $0.keys, generation: $0.generation + 1)
        }
    }

    func set(_ keys: KeyRingSnapshot) {
        value.withLock { $0 = AuthState(now: $0.now, keys: keys, generation: $0.generation) }
    }
}
