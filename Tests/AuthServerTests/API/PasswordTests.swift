import Auth
import AuthServer
import JSON
import Passwords
import Reactor
import TestSupport
import Testing

extension RawClient {
    func changePassword(
        _ token: String, from old: String = APIServer.password, to new: String = PasswordTests.new,
        delivery: String = "body", _ fields: [String] = []
    ) throws -> Reply {
        try post(
            "/api/v1/auth/password",
            json: #"{"old_password":"\#(old)","new_password":"\#(new)","token_delivery":"\#(delivery)"}"#,
            ["Authorization: Bearer \(token)"] + fields)
    }
}

/// A change of one's own password, from outside, on two loops.
@Suite(.timeLimit(.minutes(5))) struct PasswordTests {
    static let new = "nine herons over the lake"

    @Test func `without a good access token nothing is looked at`() async throws {
        try await APIServer.run { server in
            try await server.makeUser("ada")
            let client = try server.client()
            let token = try client.login("ada").access
            let json = #"{"old_password":"\#(APIServer.password)","new_password":"\#(PasswordTests.new)"}"#
            let store = server.application.embeddedStore?.statistics
            for (fields, problem) in [
                ([], "missing-token"), (["Authorization: Bearer x"], "invalid-token"),
                (["Authorization: Bearer \(token)", "Authorization: Bearer \(token)"], "invalid-request"),
                (["Authorization: Basic YTpi"], "invalid-request"),
            ] {
                let reply = try client.post("/api/v1/auth/password", json: json, fields)
                #expect(reply.status == 401)
                #expect(reply.problem == problem || reply.problem == "missing-token", "\(fields.count) \(problem)")
            }
            let query = try client.post(
                "/api/v1/auth/password?access_token=\(token)", json: json, ["Authorization: Bearer \(token)"])
            #expect(query.status == 401)
            #expect(server.application.embeddedStore?.statistics == store)
        }
    }

    @Test func `what cannot be is refused before anything is hashed`() async throws {
        try await APIServer.run { server in
            try await server.makeUser("ada")
            let client = try server.client()
            let token = try client.login("ada").access
            let hashes = server.application.hashesComputed
            let old = APIServer.password
            for (json, detail) in [
                ("{}", "old_password is required."), (#"{"old_password":"a"}"#, "new_password is required."),
                (#"{"old_password":1,"new_password":"b"}"#, "old_password must be a string."),
                (#"{"old_password":"a","new_password":null}"#, "new_password is required."),
                (#"{"old_password":"a","new_password":["b"]}"#, "new_password must be a string."),
                (#"{"old_password":"a","new_password":"b","token_delivery":"x"}"#, nil),
                (#"{"old_password":"a","old_password":"a","new_password":"b"}"#, nil), ("[", nil), ("", nil),
                (#"{"old_password":"\#(old)","new_password":"\#(old)"}"#, "new_password must not be the old one."),
                (
                    #"{"old_password":"\#(old)","new_password":"short"}"#,
                    "new_password must have at least 15 characters."
                ),
                (
                    #"{"old_password":"\#(old)","new_password":"ada ada ada ada"}"#,
                    "new_password is among the passwords that are tried first; choose another."
                ),
                (
                    #"{"old_password":"\#(old)","new_password":"\#(String(repeating: "x", count: 1025))"}"#,
                    "new_password must have at most 1024 bytes."
                ),
                (
                    #"{"old_password":"\#(String(repeating: "x", count: 1025))","new_password":"\#(PasswordTests.new)"}"#,
                    "old_password must be at most 1024 bytes."
                ),
            ] as [(String, String?)] {
                let reply = try client.post(
                    "/api/v1/auth/password", json: json, ["Authorization: Bearer \(token)"])
                #expect(reply.status == 400, "\(json.prefix(60))")
                #expect(reply.problem == "invalid-body")
                if let detail { #expect(reply["detail"] == detail) }
            }
            #expect(server.application.hashesComputed == hashes)
            #expect(try client.verify(token) == 200)
        }
    }

    @Test func `a wrong old password is 403, counts towards the account's cap and changes nothing`() async throws {
        try await APIServer.run {
            $0.attemptCaps.unknownDevices = 4
        } _: { server in
            try await server.makeUser("ada")
            let client = try server.client()
            let token = try client.login("ada").access
            for _ in 0..<3 {
                let reply = try client.changePassword(token, from: "wrong")
                #expect(reply.status == 403)
                #expect(reply.problem == "wrong-password")
                #expect(reply.challenge == nil)
            }
            #expect(try client.tryLogin("ada", "wrong").status == 401)
            // The cap is reached: neither a login nor a change is compared with the stored hash.
            #expect(try client.tryLogin("ada").status == 401)
            #expect(try client.changePassword(token).status == 403)
            #expect(try client.verify(token) == 200)
        }
    }

    @Test func `failed logins and failed changes are throttled together`() async throws {
        try await APIServer.run {
            $0.throttle[.accountAndAddress] = GCRA(burst: 3, intervalMilliseconds: 60_000)
        } _: { server in
            try await server.makeUser("ada")
            let client = try server.client()
            let token = try client.login("ada").access
            #expect(try client.tryLogin("ada", "wrong").status == 401)
            for _ in 0..<2 { #expect(try client.changePassword(token, from: "wrong").status == 403) }
            let hashes = server.application.hashesComputed
            let reply = try client.changePassword(token)
            #expect(reply.status == 429)
            #expect(reply.problem == "throttled")
            #expect(try client.tryLogin("ada").status == 429)
            #expect(server.application.hashesComputed == hashes)
        }
    }

    @Test func `a change ends every other session and kills the old access tokens on both loops at once`() async throws
    {
        try await APIServer.run { server in
            try await server.makeUser("ada", roles: ["reader"])
            let clients = try server.clientsOfBothLoops()
            let (mine, other) = (try clients[0].login("ada"), try clients[1].login("ada"))
            // Twice, so that each loop answers from its cache.
            for _ in 0..<2 {
                for client in clients {
                    for token in [mine, other] { #expect(try client.verify(token.access) == 200) }
                }
            }
            let reply = try clients[0].changePassword(mine.access)
            let fresh = try reply.tokens()
            #expect(reply.field("cache-control") == "no-store")
            #expect(reply.object?["password_change_required"] == nil)
            for client in clients {
                for token in [mine, other] { #expect(try client.verify(token.access) == 401) }
                #expect(try client.verify(fresh.access) == 200)
                #expect(try client.get("/api/v1/auth/verify?roles=reader", token: fresh.access).status == 200)
            }
            #expect(try clients[2].refresh(other.refresh).status == 401)
            #expect(fresh.refresh != mine.refresh)
            // A lost answer: the token before gives the same new one again.
            for token in [mine.refresh, fresh.refresh] {
                #expect(try clients[3].refresh(token).tokens().refresh == fresh.refresh)
            }
            #expect(try clients[4].tryLogin("ada").status == 401)
            #expect(try clients[4].tryLogin("ada", PasswordTests.new).status == 200)
            #expect(try clients[5].changePassword(mine.access).status == 401)
            #expect(try clients[5].loginAsAdmin().access.isEmpty == false)
        }
    }

    @Test func `the refresh token comes in the cookie when it is asked for there, from our own pages alone`()
        async throws
    {
        try await APIServer.run { server in
            try await server.makeUser("ada")
            let client = try server.client()
            let token = try client.login("ada").access
            #expect(try client.changePassword(token, delivery: "cookie").problem == "cross-site")
            let reply = try client.changePassword(token, delivery: "cookie", ["Sec-Fetch-Site: same-origin"])
            #expect(reply.status == 200)
            #expect(reply["refresh_token"] == nil)
            let cookie = try #require(reply.field("set-cookie")?.split(separator: ";").first)
            let refresh = try client.post(
                "/api/v1/auth/refresh", ["Sec-Fetch-Site: same-origin", "Cookie: \(cookie)"])
            #expect(refresh.status == 200)
        }
    }

    @Test func `a full hash queue is 503, counts nothing and changes nothing`() async throws {
        try await APIServer.run {
            $0.hashWorkers = 1
            $0.hashQueue = 1
            $0.passwordHash = PasswordHashParameters(memoryKiB: 16_384, iterations: 2)!
            $0.throttle[.accountAndAddress] = GCRA(burst: 12, intervalMilliseconds: 600_000)
        } _: { server in
            try await server.makeUser("ada")
            let clients = try (0..<30).map { _ in try server.client() }
            let token = try clients[0].login("ada").access
            for client in clients { client.send(request(token, from: APIServer.password, to: PasswordTests.new)) }
            let statuses = clients.map { $0.receive()?.status ?? 0 }
            #expect(statuses.count { $0 == 200 } == 1, "\(statuses)")
            #expect(statuses.contains(503))
            #expect(statuses.allSatisfy { [200, 401, 409, 429, 503].contains($0) }, "\(statuses)")
            #expect(try clients[0].tryLogin("ada", PasswordTests.new).status == 200)
        }
    }

    @Test func `of 200 changes at once exactly one is made and the store is of one mind`() async throws {
        try await APIServer.run { server in
            let id = try await server.makeUser("ada")
            let clients = try (0..<200).map { _ in try server.client() }
            let sessions = try (0..<20).map { try clients[$0].login("ada") }
            for (index, client) in clients.enumerated() {
                client.send(
                    request(sessions[index % 20].access, from: APIServer.password, to: "\(PasswordTests.new) \(index)"))
            }
            let replies = try clients.map { try #require($0.receive()) }
            let statuses = replies.map(\.status)
            let winners = statuses.indices.filter { statuses[$0] == 200 }
            #expect(winners.count == 1, "\(statuses)")
            #expect(statuses.allSatisfy { [200, 401, 409, 429, 503].contains($0) }, "\(statuses)")
            for reply in replies { reply.checkIdentity(#_sourceLocation) }
            for reply in replies where reply.status == 409 { #expect(reply.problem == "password-changed") }
            let winner = try #require(winners.first)
            let store = server.application.store
            #expect(try await store.sessions(of: id).count == 1)
            #expect(try await store.user(id)?.version == 2)
            let fresh = try replies[winner].tokens()
            #expect(try clients[0].verify(fresh.access) == 200)
            for session in sessions { #expect(try clients[0].verify(session.access) == 401) }
            #expect(try clients[0].tryLogin("ada", "\(PasswordTests.new) \(winner)").status == 200)
            #expect(try clients[0].tryLogin("ada").status == 401)
            let other = winner == 0 ? 1 : 0
            #expect(try clients[0].tryLogin("ada", "\(PasswordTests.new) \(other)").status == 401)
            let changes = try await server.audit(AuditFilter(event: .passwordChanged))
            #expect(changes.map(\.user) == [id])
        }
    }

    private func request(_ token: String, from old: String, to new: String) -> String {
        let json = #"{"old_password":"\#(old)","new_password":"\#(new)"}"#
        return "POST /api/v1/auth/password HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            + "Authorization: Bearer \(token)\r\nContent-Length: \(json.utf8.count)\r\n\r\n\(json)"
    }
}
