import Foundation
import Glibc
import Synchronization

/// Real servers of a suite's own, started by `scripts/rig`: ports that nobody else has, passwords made up, empty data.
/// They end with `end()`, and at the latest with this process, however that ends.
///
///     let servers = try RealServers.start(.postgres, .redis)
///     let client = RedisClient(try RedisConfiguration(url: servers.redisURL), …)
///     try servers.kill("redis")
///
/// Calls block until what they ask for is done: a server that was started answers.
package final class RealServers: Sendable {
    package enum Part: String, Sendable {
        case postgres, redis
    }

    /// One server, by what it was at the start: `postgres`, `standby`, `redis`.
    package struct Server: Sendable, Decodable {
        package let port: UInt16
        /// Path of its Unix socket.
        package let socket: String
        /// For a client of the product, over TCP. Of Postgres: this server alone, whether it takes writes or not.
        package let url: String
        /// The same over the Unix socket.
        package let socketURL: String
        /// Postgres' superuser; nil for Redis, where there is one user, who may do everything.
        package let adminURL: String?

        private enum CodingKeys: String, CodingKey {
            case port, socket, url
            case socketURL = "socket_url"
            case adminURL = "admin_url"
        }
    }

    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private struct Record: Decodable {
        let servers: [String: Server]
        let urls: [String: String]
    }

    /// Postgres and Redis for every suite of this process that leaves them as they are. Started once.
    package static func shared() throws -> RealServers { try sharedOnes.get() }

    private static let sharedOnes = Result { try RealServers.start(.postgres, .redis) }
    private static let count = Atomic<Int>(0)

    private let name: String
    private let record: Record

    private init(name: String, record: Record) {
        self.name = name
        self.record = record
    }

    /// - Parameters:
    ///   - standby: a synchronous standby for Postgres; `databaseURL` then names both.
    ///   - postgres: settings of Postgres, such as `["max_connections": "12"]`.
    ///   - redis: settings of Redis, such as `["maxmemory": "2mb"]`.
    package static func start(
        _ parts: Part..., standby: Bool = false, postgres: [String: String] = [:], redis: [String: String] = [:]
    ) throws -> RealServers {
        let number = count.add(1, ordering: .relaxed).newValue
        let name = "tests-\(getpid())-\(number)"
        var arguments = ["up", "--name", name, "--json", "--owner", "\(getpid())", "--no-fsync"]
        arguments += ["--only", parts.map(\.rawValue).joined(separator: ",")]
        if standby { arguments.append("--standby") }
        for (key, value) in postgres { arguments += ["--postgres-option", "\(key)=\(value)"] }
        for (key, value) in redis { arguments += ["--redis-option", "\(key)=\(value)"] }
        let output = try run(arguments)
        return RealServers(name: name, record: try JSONDecoder().decode(Record.self, from: output))
    }

    /// What `PORTCULLIS_DATABASE_URL` is given: every Postgres of the rig, and of them the one that takes writes.
    package var databaseURL: String { record.urls["database", default: ""] }
    /// The same as superuser.
    package var databaseAdminURL: String { record.urls["database_admin", default: ""] }
    /// What `PORTCULLIS_REDIS_URL` is given.
    package var redisURL: String { record.urls["redis", default: ""] }

    package func server(_ name: String) throws -> Server {
        guard let server = record.servers[name] else { throw Failure(description: "no server is called \(name)") }
        return server
    }

    /// SIGKILL, to the server and everything below it.
    package func kill(_ server: String) throws { try act("kill", server) }
    /// SIGSTOP: it hangs and refuses nobody.
    package func stop(_ server: String) throws { try act("stop", server) }
    /// SIGCONT.
    package func resume(_ server: String) throws { try act("cont", server) }
    /// Ends it gently, unless it has ended.
    package func end(_ server: String) throws { try act("end", server) }
    /// After `kill` or `end`. Redis comes back empty, Postgres with everything it committed; ports stay.
    package func start(_ server: String) throws { try act("start", server) }
    /// `end` and `start`.
    package func restart(_ server: String) throws { try act("restart", server) }
    /// A standby takes writes from now on. Kill the primary before.
    package func promote(_ server: String) throws { try act("promote", server) }
    /// A former primary becomes the synchronous standby of whoever took its place.
    package func rejoin(_ server: String) throws { try act("rejoin", server) }

    /// Ends all of them.
    package func end() throws { _ = try RealServers.run(["down", "--name", name]) }

    private func act(_ command: String, _ server: String) throws {
        _ = try RealServers.run([command, server, "--name", name])
    }

    /// Runs the launcher of this project. Returns its output.
    private static func run(_ arguments: [String]) throws -> Data {
        let here = URL(fileURLWithPath: #filePath)
        let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let rig = Process()
        rig.executableURL = root.appendingPathComponent("scripts/rig")
        rig.arguments = arguments
        rig.standardInput = FileHandle.nullDevice
        let output = Pipe()
        let errors = Pipe()
        rig.standardOutput = output
        rig.standardError = errors
        try rig.run()
        // Both are short: less than a pipe holds.
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let said = errors.fileHandleForReading.readDataToEndOfFile()
        rig.waitUntilExit()
        guard rig.terminationStatus == 0 else {
            throw Failure(description: String(decoding: said, as: UTF8.self))
        }
        return text
    }
}
