import Foundation
import HTTPServer
import JSON
import JWT
import Passwords
import Reactor
import TestSupport
import Testing

@testable import AuthServer

/// Nodes of one fleet in this process, on servers of their own: ports that the kernel chooses, the cheapest hashes.
final class TestFleet {
    static let adminPassword = "seven owls at noon knit"

    let servers: RealServers
    private(set) var nodes: [Application] = []
    private let folder: URL
    private let change: (inout Configuration) -> Void

    private init(_ servers: RealServers, _ change: @escaping (inout Configuration) -> Void) throws {
        self.servers = servers
        self.change = change
        folder = FileManager.default.temporaryDirectory.appending(path: "fleet-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let key = Data((0..<32).map { _ in UInt8.random(in: 0...255) }).base64EncodedString()
        let text = key.replacing("=", with: "").replacing("+", with: "-").replacing("/", with: "_") + "\n"
        guard
            FileManager.default.createFile(
                atPath: masterKeyFile, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw CocoaError(.fileWriteUnknown) }
    }

    /// Starts `count` nodes at once, runs `body`, ends everything.
    static func run(
        _ count: Int = 3, parts: [RealServers.Part] = [.postgres, .redis],
        _ change: @escaping (inout Configuration) -> Void = { _ in }, _ body: (TestFleet) async throws -> Void
    ) async throws {
        let servers =
            parts.contains(.redis) ? try RealServers.start(.postgres, .redis) : try RealServers.start(.postgres)
        defer { do { try servers.end() } catch { Issue.record(error) } }
        let fleet = try TestFleet(servers, change)
        do {
            try await fleet.start(count)
            try await body(fleet)
        } catch {
            await fleet.end()
            throw error
        }
        await fleet.end()
    }

    private var masterKeyFile: String { folder.appending(path: "master.key").path }

    func configuration(_ index: Int) -> Configuration {
        var configuration = Configuration()
        configuration.listen = SocketAddress("127.0.0.1:0")!
        configuration.opsListen = SocketAddress("127.0.0.1:0")!
        configuration.loops = 2
        configuration.databaseURL = servers.databaseURL
        configuration.redisURL = servers.redisURL.isEmpty ? Configuration.noRedis : servers.redisURL
        configuration.startSeconds = 20
        configuration.masterKeyFile = masterKeyFile
        configuration.dataFolder = folder.appending(path: "node-\(index)").path
        configuration.issuer = "https://auth.example"
        configuration.audience = "https://api.example"
        configuration.adminPassword = TestFleet.adminPassword
        configuration.signingAlgorithm = .es256
        configuration.passwordHash = PasswordHashParameters(memoryKiB: 8, iterations: 1)!
        configuration.drainSeconds = 2
        configuration.deadlines.drainingIdle = 20
        change(&configuration)
        return configuration
    }

    /// All at once, as after a power cut.
    private func start(_ count: Int) async throws {
        let configurations = (0..<count).map { configuration($0) }
        nodes = try await withThrowingTaskGroup(of: (Int, Application).self) { group in
            for (index, configuration) in configurations.enumerated() {
                group.addTask { (index, try await TestFleet.start(configuration)) }
            }
            var started: [(Int, Application)] = []
            while let result = await group.nextResult() {
                if case .success(let one) = result { started.append(one) } else { _ = try result.get() }
            }
            return started.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func end() async {
        await withTaskGroup(of: Void.self) { group in
            for node in nodes { group.addTask { await TestFleet.stop(node) } }
        }
        nodes = []
        do { try FileManager.default.removeItem(at: folder) } catch { Issue.record(error) }
    }

    /// A connection to that node.
    func client(_ index: Int) throws -> RawClient { try RawClient(port: nodes[index].address.port) }
    func opsClient(_ index: Int) throws -> RawClient { try RawClient(port: nodes[index].opsAddress.port) }

    // Starting and stopping block; neither is done by a thread that a test needs meanwhile.

    @concurrent static func start(_ configuration: Configuration) async throws -> Application {
        let application = try Application.start(configuration)
        await until { application.isSettled }
        return application
    }

    @concurrent static func stop(_ application: Application) async { application.stop() }
}

/// What a login or refresh gave.
struct Pair: Equatable {
    let access: String
    let refresh: String
}

struct UnexpectedAnswer: Error, CustomStringConvertible {
    let description: String
}

extension RawClient {
    func exchange(
        _ method: String, _ target: String, token: String? = nil, json: String? = nil
    ) throws -> Reply {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: portcullis\r\n"
        if let token { head += "Authorization: Bearer \(token)\r\n" }
        if let json { head += "Content-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n" }
        send(head + "\r\n" + (json ?? ""))
        guard let reply = receive() else { throw UnexpectedAnswer(description: "no answer to \(method) \(target)") }
        if reply.status == 503 || reply.status == 429 {
            #expect(reply.field("retry-after").flatMap { Int($0) } ?? 0 > 0, "\(method) \(target)")
        }
        return reply
    }

    func tryLogin(_ username: String, _ password: String) throws -> Reply {
        try exchange(
            "POST", "/api/v1/auth/login", json: #"{"username":"\#(username)","password":"\#(password)"}"#)
    }

    func login(_ username: String = "admin", _ password: String = TestFleet.adminPassword) throws -> Pair {
        try tryLogin(username, password).pair()
    }

    func tryRefresh(_ token: String) throws -> Reply {
        try exchange("POST", "/api/v1/auth/refresh", json: #"{"refresh_token":"\#(token)"}"#)
    }

    func verify(_ token: String) throws -> Reply { try exchange("GET", "/api/v1/auth/verify", token: token) }
}

extension RawClient.Reply {
    var object: JSONObject? {
        do { return try JSONValue(parsing: body).object } catch { return nil }
    }

    /// All but what tells two requests apart.
    var shape: String {
        let kept = fields.filter { $0.name != "date" && $0.name != "x-request-id" }
        let head = "\(status)\n" + kept.map { "\($0.name): \($0.value)\n" }.joined()
        guard let id = field("x-request-id") else { return head + text }
        return head + text.replacingOccurrences(of: id, with: "(id)")
    }

    func pair() throws -> Pair {
        guard status == 200, let access = object?["access_token"]?.string,
            let refresh = object?["refresh_token"]?.string
        else { throw UnexpectedAnswer(description: "no tokens but \(status) \(text)") }
        return Pair(access: access, refresh: refresh)
    }
}
