import Auth
import AuthServer
import Glibc
import JSON
import Reactor
import TestSupport
import Testing

/// Each meaning of "revoked" (design section 5), one by one, with what it ends and what it leaves alone. Every token was
/// seen by both loops before, so that each answer afterwards comes through their caches.
@Suite(.timeLimit(.minutes(5))) struct RevocationEffectTests {
    /// Two users and an administrator, ada with two sessions.
    private final class Scene {
        let server: APIServer
        let clients: [RawClient]
        let admin: Administrator
        let ada: String
        let bob: String
        let phone: Tokens
        let laptop: Tokens
        let other: Tokens

        init(_ server: APIServer) throws {
            self.server = server
            clients = try server.clientsOfBothLoops()
            admin = try Administrator(server)
            ada = try admin.create("ada", roles: ["reader"])
            bob = try admin.create("bob", roles: ["reader"])
            phone = try clients[0].login("ada")
            laptop = try clients[1].login("ada")
            other = try clients[2].login("bob")
            try expectGood([phone, laptop, other])
        }

        func expectGood(_ tokens: [Tokens], sourceLocation: SourceLocation = #_sourceLocation) throws {
            try expect(200, tokens.map(\.access), sourceLocation)
        }

        /// Refused on both loops; `andRefresh`: their sessions are over as well.
        func expectDead(
            _ tokens: [Tokens], andRefresh: Bool = false, sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            try expect(401, tokens.map(\.access), sourceLocation)
            guard andRefresh else { return }
            for token in tokens {
                let reply = try clients[3].refresh(token.refresh, sourceLocation: sourceLocation)
                #expect(reply.problem == "invalid-grant", sourceLocation: sourceLocation)
            }
        }

        /// Twice at each connection: by the cache, whatever the first answer came from.
        private func expect(_ status: Int, _ accesses: [String], _ sourceLocation: SourceLocation) throws {
            for _ in 0..<2 {
                for client in clients {
                    for access in accesses {
                        #expect(try client.verify(access) == status, sourceLocation: sourceLocation)
                    }
                }
            }
        }

        /// The session goes on and its new access token is good.
        @discardableResult
        func expectRefreshed(
            _ tokens: Tokens, sourceLocation: SourceLocation = #_sourceLocation
        ) throws -> Tokens {
            let fresh = try clients[4].refresh(tokens.refresh, sourceLocation: sourceLocation).tokens(
                sourceLocation: sourceLocation)
            try expectGood([fresh], sourceLocation: sourceLocation)
            return fresh
        }

        func revoke(_ json: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> Int64? {
            let reply = try admin.ask("POST", "revocations", json, sourceLocation: sourceLocation)
            #expect(reply.status == 200, sourceLocation: sourceLocation)
            return reply.object?["sessions_ended"]?.integer
        }

        func version(of user: String) throws -> Int64 {
            try admin.get("users/\(user)").object?["version"]?.integer ?? 0
        }
    }

    private func scene(_ body: (Scene) async throws -> Void) async throws {
        try await APIServer.run { server in try await body(Scene(server)) }
    }

    private func claim(_ name: String, _ tokens: Tokens) throws -> String {
        guard let text = try TokenText(tokens.access).claims[name]?.string else { throw UnexpectedReply("no \(name)") }
        return text
    }

    private func number(_ name: String, _ tokens: Tokens) throws -> Int64? {
        try TokenText(tokens.access).claims[name]?.integer
    }

    @Test func `jti: that token dies, its session and the session's other tokens live`() async throws {
        try await scene { scene in
            let second = try scene.expectRefreshed(scene.phone)
            #expect(try scene.revoke(#"{"jti":"\#(claim("jti", scene.phone))"}"#) == 0)
            try scene.expectDead([scene.phone])
            try scene.expectGood([second, scene.laptop, scene.other])
            // Again, and one that nobody has.
            #expect(try scene.revoke(#"{"jti":"\#(claim("jti", scene.phone))"}"#) == 0)
            #expect(try scene.revoke(#"{"jti":"\#(scene.ada)"}"#) == 0)
            try scene.expectRefreshed(second)
            try scene.expectGood([second, scene.laptop, scene.other])
            #expect(try scene.version(of: scene.ada) == 1)
        }
    }

    @Test func `sid: the session and all its tokens die, the user's other sessions live`() async throws {
        try await scene { scene in
            let second = try scene.expectRefreshed(scene.phone)
            // Seen by no loop yet.
            let unseen = try scene.clients[0].refresh(second.refresh).tokens()
            #expect(try scene.revoke(#"{"sid":"\#(claim("sid", scene.phone))"}"#) == 1)
            try scene.expectDead([scene.phone, second, unseen], andRefresh: true)
            try scene.expectGood([scene.laptop, scene.other])
            try scene.expectRefreshed(scene.laptop)
            #expect(try scene.admin.get("users/\(scene.ada)/sessions").items.count == 1)
            #expect(try scene.revoke(#"{"sid":"\#(claim("sid", scene.phone))"}"#) == 0)
            #expect(try scene.revoke(#"{"sid":"\#(scene.ada)"}"#) == 0)
            try scene.expectGood([scene.laptop, scene.other])
            #expect(try scene.version(of: scene.ada) == 1)
        }
    }

    @Test(arguments: [false, true])
    func `sub: all the user's sessions and tokens die, nobody else's`(_ bySessions: Bool) async throws {
        try await scene { scene in
            let unseen = try scene.clients[0].login("ada")
            if bySessions {
                #expect(try scene.admin.ask("DELETE", "users/\(scene.ada)/sessions").status == 204)
            } else {
                #expect(try scene.revoke(#"{"sub":"\#(scene.ada)"}"#) == 3)
            }
            try scene.expectDead([scene.phone, scene.laptop, unseen], andRefresh: true)
            try scene.expectGood([scene.other])
            try scene.expectRefreshed(scene.other)
            #expect(try scene.version(of: scene.ada) == 2)
            #expect(try scene.version(of: scene.bob) == 1)
            // The account is as it was: who knows the password comes in again.
            let fresh = try scene.clients[5].login("ada")
            #expect(try number("ver", fresh) == 2)
            try scene.expectGood([fresh])
            try scene.expectDead([scene.phone])
        }
    }

    @Test func `before T: sessions made before end, sessions made since bring new tokens, all older tokens die`()
        async throws
    {
        try await scene { scene in
            let before = wallClockMilliseconds()
            await until { wallClockMilliseconds() > before + 1 }
            let moment = "\(UnixTime(milliseconds: before + 1).rfc3339)"
            let since = try [scene.clients[0].login("ada"), scene.clients[1].login("bob")]
            let admin = try scene.clients[2].loginAsAdmin()
            try scene.expectGood(since)
            #expect(try scene.revoke(#"{"sessions_before":"\#(moment)"}"#) == 4)
            try scene.expectDead([scene.phone, scene.laptop, scene.other], andRefresh: true)
            // T is compared with when sessions were made, never with `iat`: these sessions live, their tokens do not.
            try scene.expectDead(since + [admin])
            for tokens in since + [admin] {
                let fresh = try scene.expectRefreshed(tokens)
                #expect(try number("gen", fresh) == 1)
                #expect(try number("ver", fresh) == 1)
            }
            try scene.expectGood([try scene.clients[0].login("ada")])
            try scene.expectDead(since)
        }
    }

    @Test func `before a T that no session is older than: no session ends, all tokens die, at each such order`()
        async throws
    {
        try await scene { scene in
            var pairs = [scene.phone, scene.laptop, scene.other]
            var admin = scene.admin
            var session = try scene.clients[0].loginAsAdmin()
            for generation in 1...3 {
                let reply = try admin.ask("POST", "revocations", #"{"sessions_before":\#(generation)}"#)
                #expect(reply.text == #"{"sessions_ended":0}"#)
                try scene.expectDead(pairs + [session])
                pairs = try pairs.map { try scene.expectRefreshed($0) }
                session = try scene.expectRefreshed(session)
                admin = Administrator(scene.clients[0], token: session.access)
                for tokens in pairs { #expect(try number("gen", tokens) == Int64(generation)) }
            }
        }
    }

    @Test func `other roles: the tokens die, the sessions live and bring the new roles`() async throws {
        try await scene { scene in
            let reply = try scene.admin.ask("PATCH", "users/\(scene.ada)", #"{"roles":["writer","auditor"]}"#)
            #expect(reply.roles == ["writer", "auditor"])
            #expect(reply.object?["version"]?.integer == 2)
            try scene.expectDead([scene.phone, scene.laptop])
            try scene.expectGood([scene.other])
            for tokens in [scene.phone, scene.laptop] {
                let fresh = try scene.expectRefreshed(tokens)
                #expect(try claim("sid", fresh) == claim("sid", tokens))
                #expect(try number("ver", fresh) == 2)
                for client in scene.clients {
                    let verified = try client.get("/api/v1/auth/verify?roles=writer", token: fresh.access)
                    #expect(verified.roles == ["writer", "auditor"])
                    #expect(try client.get("/api/v1/auth/verify?roles=reader", token: fresh.access).status == 403)
                }
                // What is so already changes nothing.
                let same = try scene.admin.ask("PATCH", "users/\(scene.ada)", #"{"roles":["writer","auditor"]}"#)
                #expect(same.object?["version"]?.integer == 2)
                try scene.expectGood([fresh])
            }
            try scene.expectRefreshed(scene.other)
        }
    }

    @Test func `disabled: sessions and tokens die, and enabling brings none of them back`() async throws {
        try await scene { scene in
            let disabled = try scene.admin.ask("PATCH", "users/\(scene.ada)", #"{"enabled":false}"#)
            #expect(disabled.object?["version"]?.integer == 2)
            try scene.expectDead([scene.phone, scene.laptop], andRefresh: true)
            try scene.expectGood([scene.other])
            #expect(try scene.clients[0].tryLogin("ada").status == 401)
            #expect(try scene.admin.ask("PATCH", "users/\(scene.ada)", #"{"enabled":false}"#).status == 200)
            let enabled = try scene.admin.ask("PATCH", "users/\(scene.ada)", #"{"enabled":true}"#)
            #expect(enabled.object?["version"]?.integer == 2, "never lowered")
            try scene.expectDead([scene.phone, scene.laptop], andRefresh: true)
            let fresh = try scene.clients[0].login("ada")
            try scene.expectGood([fresh])
            #expect(try scene.admin.ask("PATCH", "users/\(scene.ada)", #"{"enabled":true}"#).status == 200)
            try scene.expectGood([fresh, scene.other])
            try scene.expectRefreshed(fresh)
            try scene.expectRefreshed(scene.other)
        }
    }

    @Test func `deleted: sessions and tokens die, and another account of that name brings none of them back`()
        async throws
    {
        try await scene { scene in
            #expect(try scene.admin.ask("DELETE", "users/\(scene.ada)").status == 204)
            try scene.expectDead([scene.phone, scene.laptop], andRefresh: true)
            try scene.expectGood([scene.other])
            #expect(try scene.clients[0].tryLogin("ada").status == 401)
            let again = try scene.admin.create("ada", roles: ["reader"])
            #expect(again != scene.ada)
            try scene.expectDead([scene.phone, scene.laptop], andRefresh: true)
            let fresh = try scene.clients[0].login("ada")
            #expect(try claim("sub", fresh) == again)
            try scene.expectGood([fresh])
            try scene.expectRefreshed(scene.other)
        }
    }

    @Test func `a password reset: sessions and tokens die, and so does the old password`() async throws {
        try await scene { scene in
            let reset = try scene.admin.ask("POST", "users/\(scene.ada)/password")
            let password = try #require(reset["password"])
            #expect(try scene.version(of: scene.ada) == 2)
            try scene.expectDead([scene.phone, scene.laptop], andRefresh: true)
            try scene.expectGood([scene.other])
            #expect(try scene.clients[0].tryLogin("ada").status == 401)
            let fresh = try scene.clients[0].login("ada", password)
            try scene.expectGood([fresh])
            // What was made up is to be replaced first.
            #expect(try scene.clients[0].refresh(fresh.refresh).status == 401)
            try scene.expectRefreshed(scene.other)
        }
    }

    @Test func `one's own password: other sessions and all older tokens die, this session goes on`() async throws {
        try await scene { scene in
            let body = #"{"old_password":"\#(APIServer.password)","new_password":"a password chosen by herself"}"#
            let reply = try scene.clients[0].post(
                "/api/v1/auth/password", json: body, ["Authorization: Bearer \(scene.laptop.access)"])
            let fresh = try reply.tokens()
            #expect(try claim("sid", fresh) == claim("sid", scene.laptop))
            #expect(try number("ver", fresh) == 2)
            try scene.expectDead([scene.phone], andRefresh: true)
            try scene.expectDead([scene.laptop])
            try scene.expectGood([fresh, scene.other])
            #expect(try scene.admin.get("users/\(scene.ada)/sessions").items.count == 1)
            #expect(try scene.clients[0].tryLogin("ada").status == 401)
            let again = try scene.clients[1].login("ada", "a password chosen by herself")
            try scene.expectGood([again])
            // A client that lost the answer has the former refresh token, and gets the same successor.
            #expect(try scene.expectRefreshed(scene.laptop).refresh == fresh.refresh)
            try scene.expectRefreshed(fresh)
            try scene.expectRefreshed(scene.other)
        }
    }

    @Test func `what was revoked stays so over a restart, and nothing else is`() async throws {
        try await scene { scene in
            let server = scene.server
            var users: [String: (id: String, tokens: Tokens)] = [:]
            for name in ["jti", "sid", "sub", "roles", "disabled", "deleted", "reset", "kept"] {
                let id = try scene.admin.create(name)
                users[name] = (id, try scene.clients[0].login(name))
            }
            func user(_ name: String) throws -> (id: String, tokens: Tokens) { try #require(users[name]) }
            #expect(try scene.revoke(#"{"jti":"\#(claim("jti", user("jti").tokens))"}"#) == 0)
            #expect(try scene.revoke(#"{"sid":"\#(claim("sid", user("sid").tokens))"}"#) == 1)
            #expect(try scene.revoke(#"{"sub":"\#(user("sub").id)"}"#) == 1)
            #expect(try scene.admin.ask("PATCH", "users/\(user("roles").id)", #"{"roles":["x"]}"#).status == 200)
            #expect(try scene.admin.ask("PATCH", "users/\(user("disabled").id)", #"{"enabled":false}"#).status == 200)
            #expect(try scene.admin.ask("DELETE", "users/\(user("deleted").id)").status == 204)
            #expect(try scene.admin.ask("POST", "users/\(user("reset").id)/password", "{}").status == 200)
            try await server.restart()
            let clients = try server.clientsOfBothLoops()
            for (name, user) in users {
                for client in clients {
                    #expect(try client.verify(user.tokens.access) == (name == "kept" ? 200 : 401), "\(name)")
                }
                let lives = ["kept", "jti", "roles"].contains(name)
                #expect(try clients[0].refresh(user.tokens.refresh).status == (lives ? 200 : 401), "\(name)")
            }
            for client in clients { #expect(try client.verify(scene.phone.access) == 200) }
        }
    }

    @Test func `refreshes and logins that race with a revocation leave no token of before behind`() async throws {
        try await APIServer.run {
            $0.refreshGraceSeconds = 300
        } _: { server in
            let clients = try server.clientsOfBothLoops()
            let admin = try Administrator(server)
            let ada = try admin.create("ada")
            for round in 0..<12 {
                let tokens = try clients[0].login("ada")
                let body = #"{"refresh_token":"\#(tokens.refresh)"}"#
                let refresh =
                    "POST /api/v1/auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
                let racers = Array(clients.prefix(8))
                for racer in racers.prefix(4) { racer.send(refresh) }
                let (method, path, json) =
                    [
                        ("DELETE", "users/\(ada)/sessions", nil),
                        ("PATCH", "users/\(ada)", #"{"enabled":false}"#),
                        ("POST", "users/\(ada)/password", #"{"password":"\#(APIServer.password)"}"#),
                    ][round % 3] as (String, String, String?)
                for racer in racers.dropFirst(4) { racer.send(refresh) }
                #expect([200, 204].contains(try admin.ask(method, path, json).status))
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
                #expect(try admin.ask("PATCH", "users/\(ada)", #"{"enabled":true}"#).status == 200)
            }
        }
    }
}

extension UnixTime {
    /// With milliseconds; of this century.
    var rfc3339: String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S", &parts)
        let fraction = String(milliseconds % 1000 + 1000).dropFirst()
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) + ".\(fraction)Z"
    }
}
