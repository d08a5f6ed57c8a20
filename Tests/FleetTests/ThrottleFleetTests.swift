import Auth
import JSON
import Reactor
import TestSupport
import Testing

@testable import AuthServer

/// Guessing at a whole fleet: limits that all nodes share, the cap that outlives Redis, devices that all nodes know.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ThrottleFleetTests {
    private static let guessesPerNode = 12

    private func tryLogin(_ client: RawClient, _ password: String, device: String? = nil) throws -> RawClient.Reply {
        let token = device.map { #","device_token":"\#($0)""# } ?? ""
        return try client.exchange(
            "POST", "/api/v1/auth/login", json: #"{"username":"admin","password":"\#(password)"\#(token)}"#)
    }

    private func deviceToken(_ client: RawClient) throws -> String {
        try #require(try tryLogin(client, TestFleet.adminPassword).object?["device_token"]?.string)
    }

    /// Wrong passwords through all nodes at once; how often each status came.
    private func guess(_ fleet: TestFleet) async throws -> [Int: Int] {
        let clients = try fleet.nodes.indices.map { try fleet.client($0) }
        var statuses: [Int: Int] = [:]
        for round in 0..<ThrottleFleetTests.guessesPerNode {
            // Each has its question before the first has its answer.
            for (index, client) in clients.enumerated() {
                let body = #"{"username":"admin","password":"guess \#(round) \#(index)"}"#
                client.send(
                    "POST /api/v1/auth/login HTTP/1.1\r\nHost: portcullis\r\nContent-Type: application/json\r\n"
                        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
            for client in clients { statuses[try #require(client.receive()).status, default: 0] += 1 }
        }
        return statuses
    }

    /// Comparisons with the account's stored hash that came to nothing.
    private func comparisons(_ fleet: TestFleet) async throws -> Int {
        let now = UnixTime(milliseconds: wallClockMilliseconds())
        let result = try await fleet.nodes[0].store.auditEntries(
            AuditFilter(event: .loginFailed), before: nil, limit: 200, at: now, as: .localOperator, from: .server)
        guard case .done(let page) = result else { throw UnexpectedAnswer(description: "no audit but \(result)") }
        return page.items.count { $0.entry.detail == PasswordFailure.wrongPassword.rawValue }
    }

    @Test func `an account's limit is one over all nodes, and a known device is let in at each of them`() async throws {
        try await TestFleet.run(3) {
            $0.throttle = .only([.account: GCRA(burst: 8, intervalMilliseconds: 3_600_000)])
        } _: { fleet in
            let device = try deviceToken(fleet.client(0))
            #expect(try await guess(fleet) == [401: 8, 429: 28])
            for index in 0..<3 {
                #expect(try tryLogin(fleet.client(index), TestFleet.adminPassword).status == 429)
                let reply = try tryLogin(fleet.client(index), TestFleet.adminPassword, device: device)
                #expect(reply.status == 200 && reply.object?["device_token"]?.string == device)
            }
        }
    }

    @Test func `without Redis the account's cap holds to the last comparison, and a known device is let in`()
        async throws
    {
        try await TestFleet.run(3) {
            $0.throttle = .only([:])
            $0.attemptCaps.unknownDevices = 10
            $0.auditDelayMilliseconds = 1
        } _: { fleet in
            let device = try deviceToken(fleet.client(1))
            try fleet.servers.kill("redis")
            for _ in 0..<2 { #expect(try await guess(fleet) == [401: 36]) }
            await until("the comparisons are not told") { (try? await comparisons(fleet)) == 10 }
            for index in 0..<3 { #expect(try tryLogin(fleet.client(index), TestFleet.adminPassword).status == 401) }
            #expect(try await comparisons(fleet) == 10)
            // Afterwards: a success gives back what its address has failed, which is everybody's here.
            for index in 0..<3 {
                #expect(try tryLogin(fleet.client(index), TestFleet.adminPassword, device: device).status == 200)
            }
        }
    }

    @Test func `a login asks Redis once, a refresh and a verify never`() async throws {
        try await TestFleet.run(1) {
            $0.throttle = .only([:])
            $0.loops = 1
        } _: { fleet in
            let client = try fleet.client(0)
            let node = fleet.nodes[0]
            // The marks of the feed are not the request's: the least of several is.
            func least(_ action: () throws -> Void) throws -> Int {
                try (0..<8).map { _ in
                    let before = node.cacheRoundTrips
                    try action()
                    return node.cacheRoundTrips - before
                }.min() ?? 0
            }
            var pair = try client.login()
            #expect(try least { _ = try tryLogin(client, "wrong") } == 1)
            // A success gives back besides, which nobody waits for.
            #expect(try least { pair = try client.login() } <= 2)
            #expect(try least { pair = try client.tryRefresh(pair.refresh).pair() } == 0)
            #expect(try least { _ = try client.verify(pair.access) } == 0)
        }
    }
}
