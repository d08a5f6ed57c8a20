import Auth
import AuthServer
import JSON
import TestSupport
import Testing

extension Administrator {
    func keys(_ purpose: String = "signing") throws -> [JSONObject] {
        try get("keys").items.filter { $0["purpose"]?.string == purpose }
    }

    func activeKey(_ purpose: String = "signing") throws -> String {
        let active = try keys(purpose).first { $0["state"]?.string == "active" }
        return try #require(active?["kid"]?.string)
    }

    func rotate(_ json: String? = nil, sourceLocation: SourceLocation = #_sourceLocation) throws -> RawClient.Reply {
        try ask("POST", "keys/rotate", json, sourceLocation: sourceLocation)
    }

    /// Expects the rotation to be done by this request.
    func rotated(_ json: String? = nil, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let reply = try rotate(json, sourceLocation: sourceLocation)
        #expect(reply.status == 200 && reply.isRotated == true, "\(reply.text)", sourceLocation: sourceLocation)
    }
}

extension RawClient.Reply {
    var isRotated: Bool? { object?["rotated"]?.bool }
}

/// The keys of a token's header.
func keyID(of token: String) throws -> String {
    try #require(try JSONValue(parsing: Array(TokenText(token).header.utf8)).object?["kid"]?.string)
}

@Suite(.timeLimit(.minutes(5))) struct KeyAdminTests {
    private static let target = "/.well-known/jwks.json"

    /// A server whose next keys may sign at once.
    private func run(_ body: (APIServer) async throws -> Void) async throws {
        try await APIServer.run({ $0.keyRing.publicationMilliseconds = 0 }, body)
    }

    // MARK: What is refused

    @Test func `a body that is not as it should be, and a key that is not there, rotate nothing`() async throws {
        try await run { server in
            let admin = try Administrator(server)
            let before = try admin.get("keys").body
            let next = try #require(try admin.keys().last?["kid"]?.string)
            let lookup = try admin.activeKey("lookup")
            let refused: [(body: String, status: Int, word: String)] = [
                (#"{"purpose":"lookup"}"#, 400, "purpose"), (#"{"purpose":"puzzle"}"#, 400, "device"),
                (#"{"purpose":"Signing"}"#, 400, "purpose"), (#"{"purpose":1}"#, 400, "purpose"),
                (#"{"purpose":["signing"]}"#, 400, "purpose"), (#"{"compromised":"true"}"#, 400, "compromised"),
                (#"{"compromised":1}"#, 400, "compromised"), (#"{"kid":7}"#, 400, "kid"),
                (#"{"kid":"a","kid":"a"}"#, 400, "strict JSON"), ("[]", 400, "object"), ("{", 400, "strict JSON"),
                (#"{"kid":""}"#, 404, "signing"), (#"{"kid":"none"}"#, 404, "signing"),
                (#"{"kid":"none","compromised":true}"#, 404, "dropped"), (#"{"kid":"\#(next)"}"#, 404, "signing"),
                (#"{"kid":"\#(next)","purpose":"refresh"}"#, 404, "refresh"),
                (#"{"kid":"\#(lookup)","compromised":true}"#, 404, "signing"),
                (#"{"kid":"\#(String(repeating: "a", count: 60_000))","compromised":true}"#, 404, "signing"),
            ]
            for (body, status, word) in refused {
                let reply = try admin.rotate(body)
                #expect(reply.status == status && reply.detail.contains(word), "\(body.prefix(99)): \(reply.text)")
            }
            #expect(try admin.ask("POST", "keys/rotate?kid=\(next)").problem == "invalid-parameter")
            #expect(try admin.get("keys?purpose=signing").problem == "invalid-parameter")
            #expect(try admin.ask("POST", "keys/rotate", body: Array("kid=a".utf8), type: "text/plain").status == 415)
            #expect(try admin.get("keys/rotate").status == 405)
            #expect(try admin.ask("POST", "keys", "{}").status == 405)
            #expect(try admin.ask("POST", "keys/reseal").status == 404, "on the control socket alone")
            #expect(try admin.get("keys").body == before)
        }
    }

    @Test func `who is no administrator, or no longer, sees and rotates nothing`() async throws {
        try await run { server in
            let admin = try Administrator(server)
            let id = try admin.create("ann", roles: ["admin"])
            _ = try admin.create("bob", roles: ["reports:read"])
            let before = try admin.get("keys").body
            let ann = Administrator(try server.client(), token: try server.client().login("ann").access)
            let bob = Administrator(try server.client(), token: try server.client().login("bob").access)
            #expect(try ann.get("keys").status == 200)
            #expect(try admin.ask("PATCH", "users/\(id)", #"{"roles":[]}"#).status == 200)
            for (who, status) in [(ann, 401), (bob, 403)] {
                #expect(try who.get("keys").status == status)
                for body in ["{}", #"{"compromised":true}"#, #"{"kid":"none"}"#] {
                    #expect(try who.rotate(body).status == status)
                }
            }
            #expect(try server.client().post("/api/v1/admin/keys/rotate").status == 401)
            #expect(try admin.get("keys").body == before)
        }
    }

    @Test func `a planned rotation is too early until the next key was published, and says when to come back`()
        async throws
    {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            let before = try admin.get("keys").body
            let earliest = try admin.keys().map { $0["earliest_rotation_at"]?.string }
            for body in [nil, "{}", #"{"purpose":"refresh"}"#, #"{"kid":"\#(try admin.activeKey())"}"#] {
                let reply = try admin.rotate(body)
                #expect(reply.status == 409 && reply.problem == "too-early")
                let wait = try #require(reply.field("retry-after").flatMap { Int($0) })
                #expect((300...361).contains(wait))
            }
            #expect(earliest[0] != nil && earliest[1] == nil)
            #expect(try admin.rotate().detail.contains(try #require(earliest[0])))
            #expect(try admin.get("keys").body == before)
        }
    }

    // MARK: Rotation

    @Test func `administrators see every key and no secret`() async throws {
        try await run { server in
            let admin = try Administrator(server)
            try admin.rotated()
            let reply = try admin.get("keys")
            let seen = reply.items.map { key in
                ["purpose", "state", "alg"].map { key[$0]?.string ?? "-" }.joined(separator: " ")
            }
            #expect(
                seen == [
                    "signing active ES256", "signing next ES256", "signing retired ES256", "refresh active HS256",
                    "refresh next HS256", "device active HS256", "device next HS256", "lookup active HS256",
                ])
            for key in reply.items {
                let names = key.members.map(\.name)
                #expect(
                    names == ["purpose", "kid", "alg", "state", "created_at", "changed_at", "earliest_rotation_at"])
                for time in ["created_at", "changed_at"] {
                    #expect(key[time]?.string?.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/#) != nil)
                }
            }
            #expect(reply.object?["next"]?.isNull == true)
        }
    }

    @Test func `a planned rotation is on all loops before its answer and ends no token, whoever has seen it`()
        async throws
    {
        try await run { server in
            let clients = try server.clientsOfBothLoops()
            let admin = try Administrator(server)
            var tokens = [try clients[0].login("admin", APIServer.adminPassword)]
            var active = try admin.activeKey()
            for _ in 0..<3 {
                for client in clients { for token in tokens { #expect(try client.verify(token.access) == 200) } }
                try admin.rotated(#"{"kid":"\#(active)"}"#)
                let keys = Set(clients.map { (try? $0.get(KeyAdminTests.target).text) ?? "" })
                #expect(keys.count == 1)
                let again = try admin.rotate(#"{"kid":"\#(active)"}"#)
                #expect(again.status == 200 && again.isRotated == false)
                active = try admin.activeKey()
                for client in clients {
                    let token = try client.login("admin", APIServer.adminPassword)
                    #expect(try keyID(of: token.access) == active)
                    #expect(keys.first?.contains(active) == true)
                    #expect(try client.post("/api/v1/auth/logout", token: token.access).status == 204)
                }
                tokens.append(try clients[0].loginAsAdmin())
            }
            #expect(Set(try tokens.map { try keyID(of: $0.access) }).count == 4)
            for client in clients { for token in tokens { #expect(try client.verify(token.access) == 200) } }
            let entries = try admin.get("audit?event=key.rotated").items
            #expect(entries.count == 3)
            #expect(entries.last?["detail"]?.string == "signing \(try keyID(of: tokens[0].access))")
            #expect(entries.allSatisfy { $0["actor"]?.string?.hasPrefix("user:") == true })
            try await server.restart()
            for token in tokens { #expect(try server.client().verify(token.access) == 200) }
        }
    }

    @Test
    func `a compromised signing key ends its tokens on every loop within the answer, and a refresh brings new ones`()
        async throws
    {
        try await APIServer.run { server in
            let clients = try server.clientsOfBothLoops()
            let admin = try Administrator(server)
            let tokens = try clients[0].login("admin", APIServer.adminPassword)
            let stolen = try admin.activeKey()
            for client in clients { #expect(try client.verify(tokens.access) == 200) }
            try admin.rotated(#"{"compromised":true,"kid":"\#(stolen)"}"#)
            for client in clients {
                #expect(try client.verify(tokens.access) == 401)
                #expect(!(try client.get(KeyAdminTests.target).text.contains(stolen)))
            }
            let fresh = try clients[1].refresh(tokens.refresh).tokens()
            #expect(try keyID(of: fresh.access) != stolen)
            for client in clients { #expect(try client.verify(fresh.access) == 200) }
            #expect(try admin.rotate(#"{"compromised":true}"#).status == 401, "its own token ended with the key")
            let again = Administrator(try server.client(), token: fresh.access)
            #expect(try again.rotate(#"{"compromised":true,"kid":"\#(stolen)"}"#).status == 404)
            #expect(try again.keys().map { $0["state"]?.string } == ["active", "next"])
            let entries = try again.get("audit?event=key.compromised").items
            #expect(entries.map { $0["detail"]?.string } == ["signing \(stolen)"])
            try await server.restart()
            #expect(try server.client().verify(tokens.access) == 401)
            #expect(try server.client().verify(fresh.access) == 200)
        }
    }

    @Test func `a compromised next or retired key goes without a rotation`() async throws {
        try await run { server in
            let admin = try Administrator(server)
            try admin.rotated()
            let keys = try admin.keys().compactMap { $0["kid"]?.string }
            #expect(keys.count == 3)
            for key in keys[1...] { try admin.rotated(#"{"compromised":true,"kid":"\#(key)"}"#) }
            // The administrator's token was of the key that had retired.
            let later = try Administrator(server)
            let left = try later.keys().compactMap { $0["kid"]?.string }
            #expect(left.count == 2 && left[0] == keys[0] && !keys.contains(left[1]))
        }
    }

    @Test func `a planned rotation of the refresh ring ends no session, a compromised one those that its key opened`()
        async throws
    {
        try await run { server in
            let clients = try server.clientsOfBothLoops()
            let admin = try Administrator(server)
            let first = try clients[0].loginAsAdmin()
            try admin.rotated(#"{"purpose":"refresh"}"#)
            let second = try clients[0].loginAsAdmin()
            for client in clients { #expect(try client.refresh(first.refresh).status == 200) }
            let old = try #require(try admin.keys("refresh").last?["kid"]?.string)
            try admin.rotated(#"{"purpose":"refresh","compromised":true,"kid":"\#(old)"}"#)
            for client in clients {
                let reply = try client.refresh(first.refresh)
                #expect(reply.status == 401 && reply.problem == "invalid-grant")
                #expect(try client.refresh(second.refresh).status == 200)
                #expect(try client.verify(first.access) == 200, "until it ends by itself")
            }
            try admin.rotated(#"{"purpose":"refresh","compromised":true}"#)
            for client in clients { #expect(try client.refresh(second.refresh).problem == "invalid-grant") }
            let third = try clients[0].loginAsAdmin()
            for client in clients { #expect(try client.refresh(third.refresh).status == 200) }
            let entries = try admin.get("audit?event=key.compromised").items
            #expect(entries.count == 2 && entries.allSatisfy { $0["detail"]?.string?.hasPrefix("refresh ") == true })
        }
    }

    @Test(arguments: [false, true])
    func `of rotations at the same time one rotates`(isCompromised: Bool) async throws {
        try await run { server in
            let admin = try Administrator(server)
            let active = try admin.activeKey()
            let body = #"{"kid":"\#(active)","compromised":\#(isCompromised)}"#
            let clients = try (0..<8).map { _ in try server.client() }
            for client in clients {
                client.send(
                    "POST /api/v1/admin/keys/rotate HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(admin.token)\r\n"
                        + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
            let replies = try clients.map { try #require($0.receive()) }
            #expect(replies.count { $0.status == 200 && $0.isRotated == true } == 1)
            for reply in replies where reply.isRotated != true {
                // Whoever is heard after the key has gone has no good token any more.
                #expect(isCompromised ? [401, 404].contains(reply.status) : reply.isRotated == false, "\(reply.text)")
            }
            let again = try Administrator(server)
            #expect(try again.keys().count == (isCompromised ? 2 : 3))
            #expect(try again.get("audit?event=key.\(isCompromised ? "compromised" : "rotated")").items.count == 1)
        }
    }
}
