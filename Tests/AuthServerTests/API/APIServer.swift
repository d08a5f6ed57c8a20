import Auth
import AuthServer
import HTTPServer
import JWT
import Passwords
import Reactor
import StoreConformance
import TestSupport
import Testing

/// A server for one test: ports that the kernel chooses, a data folder that goes with it, the cheapest hashes, and limits
/// that no test meets without asking for it.
final class APIServer {
    static let adminPassword = "seven owls at noon knit"
    static let password = "a password nobody tries first"

    private(set) var application: Application
    let configuration: Configuration

    private init(_ configuration: Configuration) async throws {
        self.configuration = configuration
        application = try await APIServer.start(configuration)
    }

    /// Starts one, runs `body`, stops it and removes its folder.
    static func run(
        _ change: (inout Configuration) -> Void = { _ in }, _ body: (APIServer) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        var configuration = standard(folder.path)
        change(&configuration)
        let server = try await APIServer(configuration)
        do {
            try await body(server)
        } catch {
            await stop(server.application)
            throw error
        }
        await stop(server.application)
    }

    static func standard(_ folder: String) -> Configuration {
        var configuration = Configuration()
        configuration.listen = SocketAddress("127.0.0.1:0")!
        configuration.opsListen = SocketAddress("127.0.0.1:0")!
        configuration.loops = 2
        configuration.dataFolder = folder
        configuration.adminPassword = adminPassword
        // RSA keys take a while to make.
        configuration.signingAlgorithm = .es256
        configuration.passwordHash = PasswordHashParameters(memoryKiB: 8, iterations: 1)!
        configuration.attemptCaps.unknownDevices = 10_000
        for rule in ThrottleRule.allCases {
            configuration.throttle[rule] = GCRA(burst: 10_000, intervalMilliseconds: 1000)
        }
        // Tests count what the store does; those that look at the audit ask for it sooner.
        configuration.auditDelayMilliseconds = 3_600_000
        configuration.drainSeconds = 2
        configuration.drainDelaySeconds = 0
        configuration.deadlines.drainingIdle = 20
        return configuration
    }

    var port: UInt16 { application.address.port }

    func client() throws -> RawClient { try RawClient(port: application.address.port) }

    func opsClient() throws -> RawClient { try RawClient(port: application.opsAddress.port) }

    /// Connections to both loops: how many it takes is up to the kernel, which spreads them over the listeners.
    func clientsOfBothLoops() throws -> [RawClient] {
        let clients = try (0..<24).map { _ in try client() }
        let loops = try Set(clients.map { try $0.get("/livez").field("x-request-id")?.prefix(16) })
        if loops.count < 2 { throw UnexpectedReply("all connections are of one loop") }
        return clients
    }

    /// Stops the server and starts it anew on the same folder.
    func restart() async throws {
        await APIServer.stop(application)
        application = try await APIServer.start(configuration)
    }

    @discardableResult
    func makeUser(
        _ name: String, password: String = APIServer.password, roles: [String] = [],
        oneTime: StoredPassword.OneTime? = nil
    ) async throws -> Identifier {
        let now = UnixTime(milliseconds: wallClockMilliseconds())
        let id = try Identifier.make(at: now)
        guard let username = Username(name), let bytes = PasswordPolicy.bytes(of: password) else {
            throw UnexpectedReply("no such account can be")
        }
        let hash = try PasswordHash.hash(bytes.span.bytes, parameters: configuration.passwordHash)
        let user = NewUser(
            id: id, username: username, roles: roles.compactMap { Role($0) },
            password: StoredPassword(hash: hash, oneTime: oneTime),
            createdAt: now)
        guard try await application.store.create(user) else { throw UnexpectedReply("the name is taken") }
        return id
    }

    // Starting and stopping block; neither is done by a thread that a test needs meanwhile.

    @concurrent static func start(_ configuration: Configuration) async throws -> Application {
        let application = try Application.start(configuration)
        // Tests count statements and look at the key ring: the first upkeep must not be among what they see.
        await until { application.isSettled }
        return application
    }

    @concurrent static func stop(_ application: Application) async { application.stop() }
}
