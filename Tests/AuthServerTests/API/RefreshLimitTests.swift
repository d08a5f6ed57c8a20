import Auth
import AuthServer
import TestSupport
import Testing

/// A repeat within the grace rotates nothing but costs a signature on the loop: so many, and no more.
@Suite(.timeLimit(.minutes(5))) struct RefreshLimitTests {
    private func request(_ token: String) -> String {
        let body = #"{"refresh_token":"\#(token)"}"#
        return "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test func `forged tokens use nobody's rate up`() async throws {
        try await APIServer.run {
            $0.throttle[.refreshSession] = GCRA(burst: 2, intervalMilliseconds: 600_000)
            $0.throttle[.refreshAddress] = GCRA(burst: 2, intervalMilliseconds: 600_000)
        } _: { server in
            let client = try server.client()
            let token = try client.loginAsAdmin().refresh
            for forged in [String(token.dropLast(2)) + "AA", String(repeating: "A", count: 124), "x"] {
                for _ in 0..<20 { #expect(try client.refresh(forged).status == 401) }
            }
            #expect(try client.refresh(token).status == 200)
        }
    }

    @Test func `a flood of repeats is 429 before any store, and consumes nothing`() async throws {
        try await APIServer.run {
            $0.throttle[.refreshSession] = GCRA(burst: 5, intervalMilliseconds: 600_000)
        } _: { server in
            let clients = try server.clientsOfBothLoops()
            let first = try clients[0].loginAsAdmin()
            let other = try clients[0].loginAsAdmin()
            var newest = first.refresh
            for index in 0..<5 { newest = try clients[index].refresh(first.refresh).tokens().refresh }
            let store = server.application.embeddedStore?.statistics
            for client in clients {
                for token in [first.refresh, newest] {
                    let reply = try client.refresh(token)
                    #expect(reply.status == 429)
                    #expect(reply.problem == "throttled")
                    #expect((1...601).contains(reply.field("retry-after").flatMap { Int($0) } ?? 0))
                }
            }
            #expect(server.application.embeddedStore?.statistics == store)
            #expect(try clients[0].verify(first.access) == 200)
            #expect(try clients[0].refresh(other.refresh).status == 200)
        }
    }

    @Test func `an address with many sessions is held too`() async throws {
        try await APIServer.run {
            $0.throttle[.refreshAddress] = GCRA(burst: 4, intervalMilliseconds: 600_000)
        } _: { server in
            let client = try server.client()
            let sessions = try (0..<5).map { _ in try client.loginAsAdmin() }
            let statuses = try sessions.map { try client.refresh($0.refresh).status }
            #expect(statuses == [200, 200, 200, 200, 429])
        }
    }

    @Test func `with the standard limits a hundred tabs that each ask three times never meet one, and a flood does`()
        async throws
    {
        try await APIServer.run {
            for rule in ThrottleRule.allCases where rule.purpose == .refresh {
                $0.throttle[rule] = ThrottleLimits()[rule]
            }
        } _: { server in
            let tabs = try (0..<100).map { _ in try server.client() }
            let first = try tabs[0].loginAsAdmin()
            var answers = Set<String>()
            for _ in 0..<3 {
                for tab in tabs { tab.send(request(first.refresh)) }
                for tab in tabs { answers.insert(try #require(tab.receive()).tokens().refresh) }
            }
            #expect(answers.count == 1, "one rotation in one grace")
            // Two a second come back; a flood is faster than that.
            var refused: RawClient.Reply?
            for _ in 0..<2000 where refused == nil {
                let reply = try tabs[0].refresh(first.refresh)
                if reply.status != 200 { refused = reply }
            }
            #expect(refused?.status == 429)
            #expect(refused?.field("retry-after") == "1")
            await until { ((try? tabs[0].refresh(first.refresh).status) ?? 0) == 200 }
        }
    }
}
