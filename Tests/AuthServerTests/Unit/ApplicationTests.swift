import Foundation
import Glibc
import JWT
import Reactor
import TestSupport
import Testing

@testable import AuthServer

@Suite(.timeLimit(.minutes(2))) struct ApplicationTests {
    /// A configuration on free ports with a data folder of its own for the time of `body`.
    private func withConfiguration(_ body: (Configuration) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "portcullis-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        var configuration = Configuration()
        configuration.listen = try #require(SocketAddress("127.0.0.1:0"))
        configuration.opsListen = try #require(SocketAddress("127.0.0.1:0"))
        configuration.dataFolder = folder.path
        configuration.signingAlgorithm = .es256
        configuration.loops = 2
        configuration.drainSeconds = 20
        try await body(configuration)
    }

    private func startOffThread(_ configuration: Configuration) async throws -> Application {
        try await Task { @concurrent in try Application.start(configuration) }.value
    }

    private func stopOffThread(_ application: Application) async {
        await Task { @concurrent in application.stop() }.value
    }

    @Test func `a start that finds a port taken leaves ports and folder free and makes no account nobody knows`()
        async throws
    {
        try await withConfiguration { configuration in
            var configuration = configuration
            let taken = try Socket.listen(on: configuration.opsListen, .alone)
            let local = taken.localAddress()
            configuration.opsListen = try #require(local)
            let refused = configuration
            await #expect(throws: StartupError.self) { _ = try await startOffThread(refused) }
            taken.close()
            let application = try await startOffThread(configuration)
            #expect(application.madeAdminPassword != nil)
            await stopOffThread(application)
        }
    }

    @Test func `a stopped server holds no store, no worker and no thread`() async throws {
        try await withConfiguration { configuration in
            weak var store: EmbeddedStore?
            weak var loop: EventLoop?
            do {
                let application = try await startOffThread(configuration)
                store = application.embeddedStore
                loop = application.loops[0]
                let client = try RawClient(port: application.address.port)
                #expect(client.request("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")?.status == 200)
                await stopOffThread(application)
            }
            #expect(store == nil)
            #expect(loop == nil)
        }
    }

    @Test func `stopping answers who was queued before it, also when nobody else is connected`() async throws {
        try await withConfiguration { configuration in
            var configuration = configuration
            configuration.loops = 1
            let application = try await startOffThread(configuration)
            let held = Lock(true)
            application.loops[0].execute { held.wait { $0 ? nil : () } }
            let client = try RawClient(port: application.address.port)
            client.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            async let stopped: Void = stopOffThread(application)
            // Long enough for a stop that does not wait to have given up on everybody.
            await until { !application.isReady }
            held.withLock { $0 = false }
            held.signal()
            let reply = client.receive()
            #expect(reply?.status == 200)
            #expect(reply?.field("connection") == "close")
            #expect(client.isEnded())
            client.close()
            await stopped
        }
    }

    @Test func `what no route takes is answered at its head, without a task`() async throws {
        try await withConfiguration { configuration in
            let application = try await startOffThread(configuration)
            let client = try RawClient(port: application.address.port)
            let head = "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
            #expect(client.request(head)?.status == 404)
            client.send("ok")
            #expect(client.request("GET /api/v1/auth/login HTTP/1.1\r\nHost: a\r\n\r\n")?.field("allow") != nil)
            client.close()
            await stopOffThread(application)
        }
    }
}
