import AuthServer
import JSON
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct LogoutTests {
    enum Credential: CaseIterable {
        case refreshToken, refreshForm, cookie, accessToken
    }

    private func logout(_ client: RawClient, _ tokens: Tokens, by credential: Credential) throws -> RawClient.Reply {
        let target = "/api/v1/auth/logout"
        return switch credential {
        case .refreshToken: try client.post(target, json: #"{"refresh_token":"\#(tokens.refresh)"}"#)
        case .refreshForm: try client.post(target, form: "refresh_token=\(tokens.refresh)")
        case .cookie:
            try client.post(
                target, ["Sec-Fetch-Site: same-origin", "Cookie: __Host-portcullis-refresh=\(tokens.refresh)"])
        case .accessToken: try client.post(target, token: tokens.access)
        }
    }

    @Test(arguments: Credential.allCases)
    func `a logout ends its session on every loop at once, cached or not, and may be repeated`(
        _ credential: Credential
    ) async throws {
        try await APIServer.run { server in
            let clients = try server.clientsOfBothLoops()
            let other = try clients[0].loginAsAdmin()
            let first = try clients[0].loginAsAdmin()
            let second = try clients[0].refresh(first.refresh).tokens()
            for _ in 0..<2 {
                for client in clients { #expect(try client.verify(first.access) == 200) }
            }
            let reply = try logout(clients[1], second, by: credential)
            #expect(reply.status == 204)
            #expect(reply.body.isEmpty)
            for client in clients {
                for access in [first.access, second.access] { #expect(try client.verify(access) == 401) }
                #expect(try client.verify(other.access) == 200)
            }
            for repeated in Credential.allCases {
                for tokens in [first, second] {
                    #expect(try logout(clients[2], tokens, by: repeated).status == 204, "\(repeated)")
                }
            }
            for tokens in [first, second] { #expect(try clients[3].refresh(tokens.refresh).status == 401) }
            #expect(try clients[4].refresh(other.refresh).status == 200)
        }
    }

    @Test func `logout-all ends every session of the user and of nobody else`() async throws {
        try await APIServer.run { server in
            try await server.makeUser("ada")
            let clients = try server.clientsOfBothLoops()
            let admin = try clients[0].loginAsAdmin()
            let sessions = try (0..<4).map { _ in try clients[0].login("ada") }
            for client in clients { for tokens in sessions { #expect(try client.verify(tokens.access) == 200) } }
            let reply = try clients[0].post("/api/v1/auth/logout-all", token: sessions[2].access)
            #expect(reply.status == 204)
            for client in clients {
                for tokens in sessions { #expect(try client.verify(tokens.access) == 401) }
                #expect(try client.verify(admin.access) == 200)
            }
            for tokens in sessions {
                #expect(try clients[0].refresh(tokens.refresh).status == 401)
                #expect(try clients[0].post("/api/v1/auth/logout-all", token: tokens.access).status == 401)
                #expect(try clients[0].post("/api/v1/auth/logout", token: tokens.access).status == 204)
            }
            #expect(try clients[1].verify(clients[0].login("ada").access) == 200)
        }
    }

    @Test func `a logout without one good credential is refused and ends nothing`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let tokens = try client.loginAsAdmin()
            let bearer = "Authorization: Bearer \(tokens.access)"
            let body = #"{"refresh_token":"\#(tokens.refresh)"}"#
            let target = "/api/v1/auth/logout"
            let none = try client.post(target)
            #expect(none.status == 401)
            #expect(none.problem == "missing-token")
            #expect(try client.post(target, json: "{}").status == 401)
            #expect(try client.post(target, json: body, [bearer]).status == 400)
            #expect(try client.post(target, [bearer, bearer]).status == 401)
            #expect(try client.post(target, token: tokens.access + "x").status == 401)
            #expect(try client.post(target, token: tokens.refresh).status == 401)
            #expect(try client.post("\(target)?refresh_token=\(tokens.refresh)").status == 401)
            #expect(try client.post("\(target)?access_token=\(tokens.access)").status == 401)
            for json in [#"{"refresh_token":"\#(tokens.access)"}"#, #"{"refresh_token":""}"#] {
                #expect(try client.post(target, json: json).problem == "invalid-grant")
            }
            #expect(try client.post(target, json: #"{"refresh_token":1}"#).status == 400)
            for fields in [[], [bearer, bearer], ["Authorization: Basic YTpi"], ["Authorization: Bearer"]] {
                #expect(try client.post("/api/v1/auth/logout-all", fields).status == 401)
            }
            #expect(try client.post("/api/v1/auth/logout-all", json: body).status == 401)
            #expect(try client.verify(tokens.access) == 200)
            #expect(try client.refresh(tokens.refresh).status == 200)
        }
    }

    @Test(arguments: ["logout", "logout-all"])
    func `refreshes that race with a logout leave no good token behind`(_ target: String) async throws {
        try await APIServer.run {
            $0.refreshGraceSeconds = 300
        } _: { server in
            let clients = try server.clientsOfBothLoops()
            let racers = Array(clients.prefix(8))
            let ending = try server.client()
            for _ in 0..<15 {
                let tokens = try ending.loginAsAdmin()
                let body = #"{"refresh_token":"\#(tokens.refresh)"}"#
                let refresh =
                    "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
                for racer in racers.prefix(4) { racer.send(refresh) }
                ending.send(
                    "POST /api/v1/auth/\(target) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(tokens.access)\r\n\r\n")
                for racer in racers.dropFirst(4) { racer.send(refresh) }
                #expect(ending.receive()?.status == 204)
                var accesses = [tokens.access]
                for racer in racers {
                    let reply = try #require(racer.receive())
                    #expect(reply.status == 200 || reply.status == 401)
                    if reply.status == 200 { accesses.append(try reply.tokens().access) }
                }
                for client in clients.suffix(8) {
                    for access in accesses { #expect(try client.verify(access) == 401) }
                    #expect(try client.refresh(tokens.refresh).status == 401)
                }
            }
        }
    }

    @Test func `a logout is carried out although its client does not wait for the answer`() async throws {
        try await APIServer.run { server in
            let clients = try server.clientsOfBothLoops()
            for _ in 0..<10 {
                let tokens = try clients[0].loginAsAdmin()
                for client in clients { #expect(try client.verify(tokens.access) == 200) }
                let leaving = try server.client()
                leaving.send(
                    "POST /api/v1/auth/logout HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(tokens.access)\r\n\r\n")
                leaving.close()
                await until {
                    do { return try clients.allSatisfy { try $0.verify(tokens.access) == 401 } } catch { return false }
                }
                #expect(try clients[0].refresh(tokens.refresh).status == 401)
            }
        }
    }

    @Test func `me tells who the token's owner is, as stored`() async throws {
        try await APIServer.run { server in
            let id = try await server.makeUser("Ada Lovelace", roles: ["reader", "writer"])
            let client = try server.client()
            let tokens = try client.login("ada lovelace")
            let reply = try client.get("/api/v1/me", token: tokens.access)
            #expect(reply.text == #"{"id":"\#(id)","username":"ada lovelace","roles":["reader","writer"]}"#)
            #expect(reply.field("cache-control") == "no-store")
            let head = try client.exchange("HEAD", "/api/v1/me", ["Authorization: Bearer \(tokens.access)"])
            #expect(head.status == 200)
            #expect(head.field("content-length") == "\(reply.body.count)")
            #expect(try client.get("/api/v1/me").problem == "missing-token")
            #expect(try client.get("/api/v1/me", token: "x").problem == "invalid-token")
            #expect(try client.get("/api/v1/me?access_token=\(tokens.access)").status == 401)
            #expect(try client.post("/api/v1/auth/logout", token: tokens.access).status == 204)
            #expect(try client.get("/api/v1/me", token: tokens.access).problem == "invalid-token")
        }
    }
}
