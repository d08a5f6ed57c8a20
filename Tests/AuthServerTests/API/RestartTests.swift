import Auth
import AuthServer
import Foundation
import Reactor
import TestSupport
import Testing

/// What outlives a server, and what does not.
@Suite(.timeLimit(.minutes(5))) struct RestartTests {
    @Test func `sessions, keys, revocations and locks outlive a restart`() async throws {
        try await APIServer.run {
            $0.attemptCaps.unknownDevices = 3
        } _: { server in
            let client = try server.client()
            try await server.makeUser("eve")
            let live = try client.loginAsAdmin()
            let rotated = try client.refresh(client.loginAsAdmin().refresh).tokens()
            let ended = try client.loginAsAdmin()
            let before = try client.login("eve")
            #expect(try client.post("/api/v1/auth/logout", token: ended.access).status == 204)
            #expect(try client.post("/api/v1/auth/logout-all", token: before.access).status == 204)
            for _ in 0..<3 { #expect(try client.tryLogin("eve", "wrong").status == 401) }
            let keys = try client.get("/.well-known/jwks.json").body
            for _ in 0..<2 {
                try await server.restart()
                #expect(server.application.madeAdminPassword == nil)
                let client = try server.client()
                #expect(try client.get("/.well-known/jwks.json").body == keys)
                for tokens in [live, rotated] { #expect(try client.verify(tokens.access) == 200) }
                #expect(try client.refresh(rotated.refresh).tokens().refresh == rotated.refresh)
                for tokens in [ended, before] {
                    #expect(try client.verify(tokens.access) == 401)
                    #expect(try client.refresh(tokens.refresh).status == 401)
                    #expect(try client.post("/api/v1/auth/logout", token: tokens.access).status == 204)
                }
                #expect(try client.tryLogin("eve").status == 401)
                #expect(try client.tryLogin("admin", APIServer.adminPassword).status == 200)
            }
            #expect(try server.client().refresh(live.refresh).status == 200)
        }
    }

    @Test func `the upkeep takes what is older than the audit is kept, and nothing younger`() async throws {
        try await APIServer.run {
            $0.auditRetentionDays = 2
        } _: { server in
            let now = UnixTime(milliseconds: wallClockMilliseconds())
            let ages: [Int64] = [3 * 86_400, 2 * 86_400 + 60, 2 * 86_400 - 3600, 0]
            try await server.application.store.append(
                ages.map { age in
                    AuditEntry(
                        at: now.adding(seconds: -age), event: .userDeleted, actor: .server, origin: .server,
                        detail: "\(age)")
                })
            try await server.restart()
            let left = try await server.application.store.auditEntries(
                AuditFilter(event: .userDeleted), after: 0, limit: 10, at: now, as: .localOperator, from: .server)
            guard case .done(let page) = left else { throw UnexpectedReply("the owner is refused") }
            #expect(page.items.map(\.entry.detail) == ["169200", "0"])
        }
    }

    @Test func `a password is made up once, shown once, and no second account is ever made`() async throws {
        try await APIServer.run {
            $0.adminPassword = nil
        } _: { server in
            let password = try #require(server.application.madeAdminPassword)
            #expect(password.wholeMatch(of: #/([a-km-np-z2-9]{6}-){3}[a-km-np-z2-9]{6}/#) != nil)
            _ = try server.client().login("admin", password)
            try await server.restart()
            #expect(server.application.madeAdminPassword == nil)
            _ = try server.client().login("admin", password)
        }
    }

    @Test func `a second server on the same folder is refused and the first goes on`() async throws {
        try await APIServer.run { server in
            let tokens = try server.client().loginAsAdmin()
            await #expect {
                try await APIServer.start(server.configuration)
            } throws: { error in
                (error as? StartupError)?.code == .temporaryFailure
            }
            #expect(try server.client().refresh(tokens.refresh).status == 200)
        }
    }

    @Test func `a start that fails leaves nothing running and nothing held`() async throws {
        try await APIServer.run { other in
            let folder = try TemporaryFolder()
            var configuration = APIServer.standard(folder.path)
            configuration.adminPassword = "passwordpassword"
            await expectFailure(configuration, .configuration)
            configuration.adminPassword = "short"
            await expectFailure(configuration, .configuration)
            configuration.adminPassword = APIServer.adminPassword
            configuration.listen = other.application.address
            configuration.loops = 1
            await expectFailure(configuration, .systemFailure)
            configuration.listen = SocketAddress("127.0.0.1:0")!
            configuration.opsListen = other.application.opsAddress
            await expectFailure(configuration, .systemFailure)
            configuration.opsListen = SocketAddress("127.0.0.1:0")!
            configuration.masterKeyFile = folder.path + "/none"
            await expectFailure(configuration, .configuration)
            #expect(descriptors(under: folder.path).isEmpty)
            configuration.masterKeyFile = nil
            let application = try await APIServer.start(configuration)
            let client = try RawClient(port: application.address.port)
            #expect(try client.loginAsAdmin().access.isEmpty == false)
            client.close()
            await APIServer.stop(application)
        }
    }

    private func expectFailure(
        _ configuration: Configuration, _ code: StartupError.ExitCode, sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        await #expect(sourceLocation: sourceLocation) {
            await APIServer.stop(try await APIServer.start(configuration))
        } throws: { error in
            (error as? StartupError)?.code == code
        }
    }

    @Test func `after stop no descriptor, no port and no connection is left`() async throws {
        let folder = try TemporaryFolder()
        var configuration = APIServer.standard(folder.path)
        configuration.drainSeconds = 0
        let polls = pollDescriptors()
        for _ in 0..<6 {
            let application = try await APIServer.start(configuration)
            let ports = [application.address.port, application.opsAddress.port]
            let idle = try (0..<20).map { _ in try RawClient(port: ports[0]) }
            for client in idle[..<10] { #expect(try client.get("/livez").status == 200) }
            let busy = try idle[0].loginAsAdmin()
            #expect(try idle[1].verify(busy.access) == 200)
            idle[2].send("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
            idle[3].send("GET /li")
            #expect(!descriptors(under: folder.path).isEmpty)
            await APIServer.stop(application)
            #expect(descriptors(under: folder.path).isEmpty)
            for client in idle { #expect(client.receiveToEnd() != nil) }
            for port in ports { #expect(throws: (any Error).self) { try RawClient(port: port) } }
        }
        // Other tests run meanwhile: a leak would keep three or more for each round.
        await until { pollDescriptors() <= polls + 6 }
    }

    /// What this process has open: where each descriptor points.
    private func targets() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)") }
    }

    private func descriptors(under folder: String) -> [String] { targets().filter { $0.hasPrefix(folder) } }

    private func pollDescriptors() -> Int {
        targets().count { $0.contains("eventpoll") || $0.contains("eventfd") }
    }
}
