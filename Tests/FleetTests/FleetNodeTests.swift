import Foundation
import JSON
import Reactor
import TestSupport
import Testing

@testable import AuthServer

/// Three nodes on one Postgres and one Redis, seen from outside.
@Suite(.serialized, .timeLimit(.minutes(5))) struct FleetNodeTests {
    @Test func `what one node issues all accept, and what one node ends all refuse`() async throws {
        try await TestFleet.run { fleet in
            let clients = try (0..<3).map { try fleet.client($0) }
            let first = try clients[0].login()
            for client in clients { #expect(try client.verify(first.access).status == 200) }

            let second = try clients[1].tryRefresh(first.refresh).pair()
            for client in clients { #expect(try client.verify(second.access).status == 200) }
            #expect(try clients[2].tryRefresh(first.refresh).pair().refresh == second.refresh)

            let began = MonotonicTime.now
            let reply = try clients[2].exchange("POST", "/api/v1/auth/logout", token: second.access)
            #expect(reply.status == 204)
            #expect(try clients[2].verify(second.access).status == 401)
            for client in clients.prefix(2) {
                await until { (try? client.verify(second.access).status) == 401 }
                #expect(try client.tryRefresh(second.refresh).status == 401)
            }
            #expect(MonotonicTime.now.nanoseconds(since: began) < 2_000_000_000)
            #expect(try clients[0].verify(first.access).status == 401)
        }
    }

    @Test func `of three nodes that start at once exactly one makes the first account`() async throws {
        try await TestFleet.run(3) {
            $0.adminPassword = nil
        } _: { fleet in
            let made = fleet.nodes.compactMap(\.madeAdminPassword)
            #expect(made.count == 1)
            let password = try #require(made.first)
            for index in 0..<3 {
                let reply = try fleet.client(index).tryLogin("admin", password)
                #expect(reply.status == 200)
            }
        }
    }

    @Test func `a key dropped at one node is dropped at all, and the next one is known everywhere`() async throws {
        try await TestFleet.run { fleet in
            let clients = try (0..<3).map { try fleet.client($0) }
            let before = try clients[0].login()
            let rings = try clients[0].exchange("GET", "/api/v1/admin/keys", token: before.access)
            let active = rings.object?["items"]?.array?.compactMap(\.object).first {
                $0["purpose"]?.string == "signing" && $0["state"]?.string == "active"
            }
            let id = try #require(active?["kid"]?.string)
            let began = MonotonicTime.now
            let reply = try clients[0].exchange(
                "POST", "/api/v1/admin/keys/rotate", token: before.access,
                json: #"{"purpose":"signing","kid":"\#(id)","compromised":true}"#)
            #expect(reply.status == 200, "\(reply.text)")
            let after = try clients[0].login()
            for client in clients {
                #expect(try client.verify(after.access).status == 200)
                await until { (try? client.verify(before.access).status) == 401 }
            }
            #expect(MonotonicTime.now.nanoseconds(since: began) < 2_500_000_000)
        }
    }

    @Test func `without Postgres verify goes on and logins are refused the same for every name`() async throws {
        try await TestFleet.run { fleet in
            let client = try fleet.client(0)
            let pair = try client.login()
            try fleet.servers.kill("postgres")
            await until { fleet.nodes.allSatisfy { !$0.canLogIn } }
            let hashes = fleet.nodes[0].hashesComputed
            let known = try client.tryLogin("admin", TestFleet.adminPassword)
            let unknown = try client.tryLogin("nobody", "a password of nobody's")
            #expect(known.status == 503)
            #expect(known.shape == unknown.shape)
            #expect(fleet.nodes[0].hashesComputed == hashes)
            #expect(try client.tryRefresh(pair.refresh).status == 503)
            #expect(try client.verify(pair.access).status == 200)
            #expect(try client.exchange("GET", "/readyz").status == 200)
            #expect(try client.exchange("GET", "/readyz?for=login").status == 503)

            // The stream confirms what the database cannot.
            let quiet = MonotonicTime.now
            await until { MonotonicTime.now.nanoseconds(since: quiet) > 3_000_000_000 }
            let reply = try client.verify(pair.access)
            #expect(reply.status == 200)
            #expect(reply.field("x-revocation-age") == nil)

            try fleet.servers.start("postgres")
            let started = MonotonicTime.now
            await until { (try? client.tryLogin("admin", TestFleet.adminPassword).status) == 200 }
            #expect(MonotonicTime.now.nanoseconds(since: started) < 5_000_000_000)
            #expect(try client.tryRefresh(pair.refresh).status == 200)
        }
    }

    @Test func `with both stores away answers say how old the revocations are`() async throws {
        try await TestFleet.run(2) { fleet in
            let client = try fleet.client(0)
            let pair = try client.login()
            try fleet.servers.kill("redis")
            try fleet.servers.kill("postgres")
            await until { (try? client.verify(pair.access).field("x-revocation-age")) != nil }
            let reply = try client.verify(pair.access)
            #expect(reply.status == 200)
            #expect((3...10).contains(reply.field("x-revocation-age").flatMap { Int($0) } ?? 0))
            #expect(reply.field("x-auth-subject")?.count == 36)
            let bad = try client.verify("x.y.z")
            #expect(bad.status == 401)
            try fleet.servers.start("postgres")
            try fleet.servers.start("redis")
            await until { (try? client.verify(pair.access).field("x-revocation-age")) == .some(nil) }
        }
    }

    @Test func `without Redis logins go on and a logout is known everywhere within two seconds`() async throws {
        try await TestFleet.run { fleet in
            let clients = try (0..<3).map { try fleet.client($0) }
            try fleet.servers.kill("redis")
            let pair = try clients[0].login()
            let began = MonotonicTime.now
            #expect(try clients[0].exchange("POST", "/api/v1/auth/logout", token: pair.access).status == 204)
            for client in clients { await until { (try? client.verify(pair.access).status) == 401 } }
            #expect(MonotonicTime.now.nanoseconds(since: began) < 2_500_000_000)
        }
    }

    @Test func `a fleet does without Redis when it is told to`() async throws {
        try await TestFleet.run(2, parts: [.postgres]) { fleet in
            let clients = try (0..<2).map { try fleet.client($0) }
            let pair = try clients[0].login()
            #expect(try clients[1].verify(pair.access).status == 200)
            #expect(try clients[1].exchange("POST", "/api/v1/auth/logout", token: pair.access).status == 204)
            await until { (try? clients[0].verify(pair.access).status) == 401 }
        }
    }

    @Test func `a login takes two round trips to Postgres, a refresh one and a verify none`() async throws {
        try await TestFleet.run(1) {
            $0.auditDelayMilliseconds = 3_600_000
        } _: { fleet in
            let node = fleet.nodes[0]
            let client = try fleet.client(0)
            var pair = try client.login()
            // What the upkeep and the poll ask each second is not the request's: the least of several is.
            func least(_ action: () throws -> Void) throws -> Int {
                try (0..<8).map { _ in
                    let before = node.databaseRoundTrips
                    try action()
                    return node.databaseRoundTrips - before
                }.min() ?? 0
            }
            #expect(try least { pair = try client.login() } <= 2)
            #expect(try least { pair = try client.tryRefresh(pair.refresh).pair() } == 1)
            #expect(try least { _ = try client.verify(pair.access) } == 0)
        }
    }

    @Test func `one connection serves more loops than one`() async throws {
        try await TestFleet.run(1) {
            $0.databaseConnections = 1
            $0.loops = 3
        } _: { fleet in
            let pairs = try (0..<12).map { _ in try fleet.client(0).login() }
            for pair in pairs { #expect(try fleet.client(0).tryRefresh(pair.refresh).status == 200) }
        }
    }

    @Test func `a start without its database ends when its time is over, and says so`() async throws {
        try await TestFleet.run(0) {
            $0.startSeconds = 1
        } _: { fleet in
            try fleet.servers.kill("postgres")
            let configuration = fleet.configuration(0)
            let error = await #expect(throws: StartupError.self) { _ = try await TestFleet.start(configuration) }
            #expect(error?.code == .unavailable)
            #expect(error?.description.contains(fleet.servers.databaseURL) == false)
        }
    }

    @Test func `a start without Redis serves`() async throws {
        try await TestFleet.run(0) { _ in
        } _: { fleet in
            try fleet.servers.kill("redis")
            let node = try await TestFleet.start(fleet.configuration(0))
            let pair = try RawClient(port: node.address.port).login()
            #expect(try RawClient(port: node.address.port).verify(pair.access).status == 200)
            await TestFleet.stop(node)
        }
    }

    @Test func `a stopped node has let go of everything`() async throws {
        try await TestFleet.run(0) { _ in
        } _: { fleet in
            weak var loop: EventLoop?
            do {
                let node = try await TestFleet.start(fleet.configuration(0))
                loop = node.loops[0]
                _ = try RawClient(port: node.address.port).login()
                await TestFleet.stop(node)
            }
            #expect(loop == nil)
        }
    }
}
