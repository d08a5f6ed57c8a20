import Auth
import AuthServer
import Passwords
import Reactor
import StoreConformance
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct LoginRefusalTests {
    /// What a login cost the server.
    private struct Cost: Equatable {
        var hashes: Int
        var operations: Int
        var statements: Int
        var commits: Int

        init(_ application: Application) {
            let store = application.embeddedStore?.statistics ?? StoreStatistics()
            (hashes, operations) = (application.hashesComputed, store.operations)
            (statements, commits) = (store.statements, store.commits)
        }

        static func - (left: Cost, right: Cost) -> Cost {
            var cost = left
            cost.hashes -= right.hashes
            cost.operations -= right.operations
            cost.statements -= right.statements
            cost.commits -= right.commits
            return cost
        }
    }

    @Test func `unknown, wrong, disabled and locked logins get the same bytes for the same work`() async throws {
        try await APIServer.run {
            $0.attemptCaps.unknownDevices = 3
        } _: { server in
            try await server.makeUser("ada")
            try await server.makeUser("eve")
            let disabled = try await server.makeUser("bob")
            let now = UnixTime(milliseconds: wallClockMilliseconds())
            _ = try await server.application.store.setEnabled(false, of: disabled, at: now)
            let client = try server.client()
            for _ in 0..<3 { #expect(try client.tryLogin("eve", "wrong").status == 401) }

            var seen: [(String, shape: String, Cost)] = []
            for (kind, name, password) in [
                ("unknown", "nobody", APIServer.password), ("wrong", "ada", "wrong"),
                ("disabled", "bob", APIServer.password), ("disabled and wrong", "bob", "wrong"),
                ("locked", "eve", APIServer.password), ("locked and wrong", "eve", "wrong"),
            ] {
                let before = Cost(server.application)
                let reply = try client.tryLogin(name, password)
                #expect(reply.status == 401)
                #expect(reply.problem == "invalid-credentials")
                #expect(reply.challenge == #"Bearer realm="portcullis""#)
                seen.append((kind, reply.shape, Cost(server.application) - before))
            }
            for (kind, shape, cost) in seen {
                #expect(shape == seen[0].shape, "\(kind)")
                #expect(cost == seen[0].2, "\(kind)")
            }
            #expect(seen[0].2.hashes == 1)
            #expect(seen[0].2.commits == 1)
        }
    }

    @Test func `a lock holds against the right password and a success before it gives the failures back`() async throws
    {
        try await APIServer.run {
            $0.attemptCaps.unknownDevices = 3
        } _: { server in
            try await server.makeUser("ada")
            let client = try server.client()
            for _ in 0..<4 {
                for _ in 0..<2 { #expect(try client.tryLogin("ada", "wrong").status == 401) }
                #expect(try client.tryLogin("ada").status == 200)
            }
            for _ in 0..<3 { #expect(try client.tryLogin("ada", "wrong").status == 401) }
            #expect(try client.tryLogin("ada").status == 401)
            #expect(try client.loginAsAdmin().access.isEmpty == false)
        }
    }

    @Test func `failures of one account are throttled, for unknown names alike, and nothing is hashed then`()
        async throws
    {
        try await APIServer.run {
            $0.throttle[.accountAndAddress] = GCRA(burst: 3, intervalMilliseconds: 60_000)
        } _: { server in
            let client = try server.client()
            for name in ["admin", "nobody"] {
                for _ in 0..<3 { #expect(try client.tryLogin(name, "wrong").status == 401) }
                let before = Cost(server.application)
                for password in ["wrong", APIServer.adminPassword] {
                    let reply = try client.tryLogin(name, password)
                    #expect(reply.status == 429)
                    #expect(reply.problem == "throttled")
                    let wait = reply.field("retry-after").flatMap { Int($0) } ?? 0
                    #expect((1...61).contains(wait))
                }
                #expect(Cost(server.application) == before)
            }
        }
    }

    @Test func `failures from one address are throttled whatever the account`() async throws {
        try await APIServer.run {
            $0.throttle[.address] = GCRA(burst: 5, intervalMilliseconds: 60_000)
        } _: { server in
            let clients = [try server.client(), try server.client()]
            for index in 0..<5 { #expect(try clients[index % 2].tryLogin("user\(index)", "wrong").status == 401) }
            for client in clients { #expect(try client.tryLogin("admin", APIServer.adminPassword).status == 429) }
        }
    }

    @Test func `a success gives failures back but not what an attempt costs`() async throws {
        try await APIServer.run {
            $0.throttle[.accountAndAddress] = GCRA(burst: 2, intervalMilliseconds: 60_000)
            $0.throttle[.accountCost] = GCRA(burst: 8, intervalMilliseconds: 60_000)
        } _: { server in
            let client = try server.client()
            for _ in 0..<7 { _ = try client.loginAsAdmin() }
            #expect(try client.tryLogin("admin", "wrong").status == 401)
            #expect(try client.tryLogin("admin", APIServer.adminPassword).status == 429)
        }
    }

    @Test func `a full hash queue answers 503 at once, counts nothing and keeps nobody waiting`() async throws {
        try await APIServer.run {
            $0.hashWorkers = 1
            $0.hashQueue = 1
            // Long enough that logins meet.
            $0.passwordHash = PasswordHashParameters(memoryKiB: 16_384, iterations: 2)!
            $0.attemptCaps.unknownDevices = 2
            $0.throttle[.accountAndAddress] = GCRA(burst: 40, intervalMilliseconds: 600_000)
        } _: { server in
            let clients = try (0..<40).map { _ in try server.client() }
            let body = #"{"username":"admin","password":"\#(APIServer.adminPassword)"}"#
            var successes = 0
            // A second time: what was refused must not count.
            for _ in 0..<2 {
                for client in clients {
                    client.send(
                        "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
                }
                let replies = clients.map { $0.receive() }
                let statuses = replies.map { $0?.status ?? 0 }
                #expect(statuses.allSatisfy { $0 == 200 || $0 == 503 }, "\(statuses)")
                #expect(statuses.contains(200) && statuses.contains(503))
                for case let reply? in replies where reply.status == 503 {
                    reply.checkIdentity(#_sourceLocation)
                    #expect(reply.problem == "overloaded")
                }
                successes += statuses.count { $0 == 200 }
            }
            #expect(server.application.hashesComputed == successes)
            #expect(try clients[0].tryLogin("admin", APIServer.adminPassword).status == 200)
        }
    }

    @Test func `clients that leave during their login give their places in the queue back`() async throws {
        try await APIServer.run {
            $0.hashWorkers = 1
            $0.hashQueue = 4
            $0.passwordHash = PasswordHashParameters(memoryKiB: 8192, iterations: 1)!
        } _: { server in
            let body = #"{"username":"admin","password":"\#(APIServer.adminPassword)"}"#
            let login =
                "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
            for _ in 0..<5 {
                let leaving = try (0..<10).map { _ in try server.client() }
                for client in leaving { client.send(login) }
                for (index, client) in leaving.enumerated() {
                    index.isMultiple(of: 2) ? client.reset() : client.close()
                }
            }
            let clients = try (0..<5).map { _ in try server.client() }
            await until {
                for client in clients { client.send(login) }
                return clients.map { $0.receive()?.status }.allSatisfy { $0 == 200 }
            }
        }
    }
}
