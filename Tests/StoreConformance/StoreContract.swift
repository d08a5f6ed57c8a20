package import Auth
import OpenSSL
import Testing

/// One sentence of the contract between the server and its stores, and the check that an implementation keeps it. Each
/// check is given an empty store of its own.
package struct StorePromise: Sendable, CustomTestStringConvertible {
    package let testDescription: String
    package let check: @Sendable (any Stores) async throws -> Void

    init(_ sentence: String, _ check: @escaping @Sendable (any Stores) async throws -> Void) {
        testDescription = sentence
        self.check = check
    }
}

/// What every implementation promises, whatever it keeps its rows in:
///
/// - Every method is one transaction: all of it happens or nothing, and parallel callers find an order in which they
///   could have come one after the other.
/// - What was answered is durable: it is there after the process was killed, and after the machine lost its power.
/// - `StoreError.unavailable` means that nothing changed; `commitInDoubt` that the change may have happened.
/// - Time comes from the caller; a store orders by it and compares with it and never reads a clock of its own.
/// - Rows that only time makes superfluous may stay until they are pruned; no answer depends on when that happens.
package enum StoreContract {
    package static let all: [StorePromise] =
        users + attempts + sessions + revocations + keys + passwords + authorities + userAdministration
        + revocationAdministration + audit
}

/// What the checks are made of.
enum Sample {
    static let start = UnixTime(milliseconds: 1_800_000_000_000)

    static func at(_ seconds: Int64) -> UnixTime { start.adding(seconds: seconds) }

    static func identifier() throws -> Identifier { try Identifier.make(at: start) }

    static func newUser(_ name: String, roles: [String] = [], hash: String = "$argon2id$sample") throws -> NewUser {
        NewUser(
            id: try identifier(), username: Username(stored: name), roles: roles.compactMap { Role($0) },
            password: StoredPassword(hash: hash), createdAt: start)
    }

    /// Makes a user and reads it back.
    static func user(_ name: String, in store: any Stores) async throws -> User {
        let new = try newUser(name)
        try #require(await store.create(new))
        return try #require(await store.user(new.id))
    }

    static func session(
        of user: User, at time: UnixTime = start, idleSeconds: Int64 = 7 * 86_400
    ) throws -> StoredSession {
        StoredSession(
            id: try Identifier.make(at: time), userID: user.id, userVersion: user.version, createdAt: time,
            lastUsedAt: time, idleExpiresAt: time.adding(seconds: idleSeconds),
            absoluteExpiresAt: time.adding(seconds: 30 * 86_400), counter: 0, rotatedAt: nil,
            sealedSecret: try SecureRandom.bytes(68))
    }

    /// Opens a session and returns it as it was stored.
    static func openSession(
        of user: User, at time: UnixTime = start, in store: any Stores
    ) async throws -> StoredSession {
        let session = try session(of: user, at: time)
        let generations = try await store.load(at: time).map { revocation -> Int64 in
            if case .generation(let value) = revocation { return value }
            return 0
        }
        let opening = try await store.open(
            session, maximumPerUser: 100, givingBack: nil, usesOneTimePassword: false,
            generation: generations.max() ?? 0, from: .server)
        try #require(opening == .opened(revocations: []))
        return session
    }

    static func attempt(
        _ name: String, device: String? = nil, address: String = "address", at time: UnixTime = start
    ) -> LoginAttempt {
        LoginAttempt(
            username: Username(stored: name), nameKey: key(name), deviceKey: device.map { key($0) },
            addressKey: key(address), at: time)
    }

    /// Stands for a keyed HMAC: 32 bytes, different for different text.
    static func key(_ text: String) -> [UInt8] {
        Array(Array(text.utf8).prefix(32)) + Array(repeating: 0, count: max(0, 32 - text.utf8.count))
    }
}

/// Runs `body` in `count` tasks at once and returns their answers in any order.
func inParallel<Answer: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Answer
) async throws -> [Answer] {
    try await withThrowingTaskGroup(of: Answer.self) { group in
        for index in 0..<count { group.addTask { try await body(index) } }
        return try await group.reduce(into: []) { $0.append($1) }
    }
}

extension RefreshResult {
    /// The row that was granted, nil when refused or undecidable.
    var granted: StoredSession? {
        if case .granted(let session, _) = self { session } else { nil }
    }

    /// What a refusal tells verifiers, nil when it was none.
    var refusal: [Revocation]? {
        if case .refused(let revocations) = self { revocations } else { nil }
    }
}
