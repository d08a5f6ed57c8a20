import Auth
import Dispatch
import Foundation
import Postgres
import Reactor
import Synchronization
import TestSupport
import Testing

@testable import AuthServer

/// Databases for the suites of the stores, each as an installation has it: owned by an ordinary user.
final class StoreDatabases: Sendable {
    /// For every test of this process; the server ends with it.
    static func shared() throws -> StoreDatabases { try sharedOne.get() }

    private static let sharedOne = Result { try StoreDatabases() }

    let loops: EventLoopGroup
    private let servers: RealServers
    private let resolver: Resolver
    private let count = Atomic(0)
    private let idle = Lock<[String]>([])

    private init() throws {
        servers = try RealServers.start(.postgres, postgres: ["max_connections": "200"])
        loops = try EventLoopGroup(count: 2, name: "stores")
        resolver = try Resolver()
    }

    /// Clients of one empty database with the schema of this build. They are closed afterwards, and the database is kept
    /// for another test: to empty one takes a tenth of the time that making one takes.
    func withClients<Answer: Sendable>(
        _ clients: Int = 1, connections: Int = 4, _ body: @Sendable ([PostgresClient]) async throws -> Answer
    ) async throws -> Answer {
        let name = try await prepared()
        let opened = try (0..<clients).map { try client(of: name, connections: connections, on: $0) }
        for client in opened { await client.start() }
        do {
            let answer = try await body(opened)
            try await empty(name, by: opened[0])
            for client in opened { await client.close() }
            return answer
        } catch {
            // Whatever is in it may still be looked at.
            for client in opened { await client.close() }
            throw error
        }
    }

    /// Clients of a database without a schema.
    func withEmpty<Answer: Sendable>(
        _ clients: Int = 1, options: String = "", _ body: @Sendable ([PostgresClient]) async throws -> Answer
    ) async throws -> Answer {
        let name = newName()
        try await make(name, options: options)
        let opened = try (0..<clients).map { try client(of: name, connections: 4, on: $0) }
        for client in opened { await client.start() }
        do {
            let answer = try await body(opened)
            for client in opened { await client.close() }
            return answer
        } catch {
            for client in opened { await client.close() }
            throw error
        }
    }

    /// Stores of one empty database, each with connections of its own, as nodes have them.
    func withStores<Answer: Sendable>(
        _ stores: Int = 1, connections: Int = 4, limits: PostgresLimits = PostgresLimits(),
        _ body: @Sendable ([PostgresStore]) async throws -> Answer
    ) async throws -> Answer {
        try await withClients(stores, connections: connections) { clients in
            try await body(clients.map { PostgresStore(client: $0, limits: limits) })
        }
    }

    private func newName() -> String { "stores_\(count.add(1, ordering: .relaxed).newValue)" }

    /// One that nobody uses, with the schema and nothing in it.
    private func prepared() async throws -> String {
        if let name = idle.withLock({ $0.popLast() }) { return name }
        let name = newName()
        try await make(name, options: "")
        let client = try client(of: name, connections: 1, on: 0)
        await client.start()
        try await PostgresMigration.prepare(client)
        await client.close()
        return name
    }

    private func empty(_ name: String, by client: PostgresClient) async throws {
        let script = """
            TRUNCATE users, sessions, endings, keys, attempts, audit, revocations, nodes RESTART IDENTITY;
            UPDATE meta SET has_had_users = false, generation = 0, keys_version = 0;
            SELECT setval('audit_ids', 0), setval('audit_changes', 1, false), setval('audit_refusals', 1, false),
                setval('audit_throttled', 1, false)
            """
        try await client.execute(script: script, milliseconds: 30_000)
        idle.withLock { $0.append(name) }
    }

    private func make(_ name: String, options: String) async throws {
        let owner = try #require(URLComponents(string: servers.server("postgres").url)?.user)
        let admin = try client(url: servers.server("postgres").adminURL ?? "", database: "postgres", 1, on: 0)
        await admin.start()
        do {
            try await admin.execute(
                script: "CREATE DATABASE \(name) OWNER \(owner) \(options)", milliseconds: 60_000)
            await admin.close()
        } catch {
            await admin.close()
            throw error
        }
    }

    func client(of database: String, connections: Int, on loop: Int) throws -> PostgresClient {
        try client(url: servers.server("postgres").url, database: database, connections, on: loop)
    }

    private func client(url: String, database: String, _ connections: Int, on loop: Int) throws -> PostgresClient {
        var components = try #require(URLComponents(string: url))
        components.path = "/\(database)"
        var configuration = try PostgresConfiguration(url: try #require(components.string))
        // The checks ask more at once than one node is asked, on a machine with other work.
        configuration.statementMilliseconds = 30_000
        configuration.waitMilliseconds = 60_000
        configuration.connectMilliseconds = 10_000
        configuration.maximumWaiting = 10_000
        return PostgresClient(
            configuration, connections: connections, loop: loops.loops[loop % loops.loops.count], resolver: resolver)
    }
}

/// Holds who waits at it until it is opened.
final class Gate: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func open() { continuation.finish() }

    func wait() async { for await _ in stream {} }
}

/// Runs `body` in `count` tasks at once and returns their answers in any order.
func together<Answer: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Answer
) async throws -> [Answer] {
    try await withThrowingTaskGroup(of: Answer.self) { group in
        for index in 0..<count { group.addTask { try await body(index) } }
        return try await group.reduce(into: []) { $0.append($1) }
    }
}

/// What the checks are made of.
enum Stand {
    static let start = UnixTime(milliseconds: 1_800_000_000_000)

    static func at(_ seconds: Int64) -> UnixTime { start.adding(seconds: seconds) }

    static func id() throws -> Identifier { try Identifier.make(at: start) }

    static func newUser(_ name: String, roles: [String] = []) throws -> NewUser {
        NewUser(
            id: try id(), username: Username(stored: name), roles: roles.compactMap { Role($0) },
            password: StoredPassword(hash: "$argon2id$"), createdAt: start)
    }

    /// Makes a user and reads it back.
    static func user(_ name: String, roles: [String] = [], in store: PostgresStore) async throws -> User {
        let new = try newUser(name, roles: roles)
        try #require(try await store.register(new, from: .server))
        return try #require(try await store.user(new.id))
    }

    static func session(of user: User, at time: UnixTime = start) throws -> StoredSession {
        StoredSession(
            id: try Identifier.make(at: time), userID: user.id, userVersion: user.version, createdAt: time,
            lastUsedAt: time, idleExpiresAt: time.adding(seconds: 7 * 86_400),
            absoluteExpiresAt: time.adding(seconds: 30 * 86_400), counter: 0, rotatedAt: nil,
            sealedSecret: [1, 2, 3])
    }

    static func open(
        _ session: StoredSession, generation: Int64 = 0, in store: PostgresStore
    ) async throws -> SessionOpening {
        try await store.open(
            session, maximumPerUser: 100, givingBack: nil, usesOneTimePassword: false, generation: generation,
            from: .server)
    }

    /// Makes a session of `user` and returns it as it was stored.
    static func openSession(of user: User, in store: PostgresStore) async throws -> StoredSession {
        let session = try session(of: user)
        try #require(try await open(session, in: store) == .opened(revocations: []))
        return session
    }

    static func attempt(_ name: String, address: String = "home", device: String? = nil) -> LoginAttempt {
        LoginAttempt(
            username: Username(stored: name), nameKey: Array("name \(name)".utf8),
            deviceKey: device.map { Array($0.utf8) },
            addressKey: Array(address.utf8), at: start)
    }

    static func entries(_ store: PostgresStore, _ filter: AuditFilter = AuditFilter()) async throws -> [AuditEntry] {
        let page = try await store.auditEntries(
            filter, after: 0, limit: 1000, at: start, as: .localOperator, from: .server)
        guard case .done(let found) = page else { return [] }
        return found.items.map(\.entry)
    }
}

/// Waits for `body` on this thread: for what must happen inside a closure that cannot wait.
func blocking(_ body: @escaping @Sendable () async throws -> Void) {
    let isDone = DispatchSemaphore(value: 0)
    Task {
        do { try await body() } catch { Issue.record(error) }
        isDone.signal()
    }
    isDone.wait()
}

/// Something that happened, told across tasks.
final class Counted: Sendable {
    private let count = Atomic(0)

    var isNoted: Bool { count.load(ordering: .acquiring) > 0 }

    func note() { count.add(1, ordering: .acquiringAndReleasing) }
}

/// How often something was done, told across tasks.
final class Counter: Sendable {
    private let count = Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }

    func add() { count.add(1, ordering: .relaxed) }
}
