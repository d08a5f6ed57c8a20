import Auth
import AuthServer
import JSON
import Passwords
import Reactor
import StoreConformance
import TestSupport
import Testing

/// Accounts as administrators keep them.
@Suite(.timeLimit(.minutes(5))) struct AdminUserTests {
    @Test func `a user is made, shown, found by name, changed and deleted`() async throws {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            let made = try admin.ask(
                "POST", "users",
                #"{"username":"Ada Lovelace","password":"\#(APIServer.password)","roles":["writer","reader"],"x":1}"#)
            #expect(made.status == 201)
            let id = try #require(made["id"])
            #expect(made.field("location") == "/api/v1/admin/users/\(id)")
            let created = try #require(made["created_at"])
            #expect(created.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) != nil)
            let user =
                #"{"id":"\#(id)","username":"ada lovelace","roles":["writer","reader"],"enabled":true,"version":1,"#
                + #""created_at":"\#(created)""#
            #expect(made.text == user + "}")
            #expect(try admin.get("users/\(id)").text == user + #","failed_attempts":0,"locked":false}"#)
            #expect(try admin.get("users?username=ADA%20Lovelace").text == #"{"items":[\#(user)}],"next":null}"#)
            #expect(try admin.get("users?username=nobody").text == #"{"items":[],"next":null}"#)
            #expect(try admin.client.login("ada lovelace").access.isEmpty == false)

            let changed = try admin.ask("PATCH", "users/\(id)", #"{"roles":[],"enabled":false,"username":"eve"}"#)
            #expect(changed.status == 200)
            #expect(changed["username"] == "ada lovelace")
            #expect(changed.roles.isEmpty)
            #expect(changed.object?["enabled"]?.bool == false)
            #expect(try admin.client.tryLogin("ada lovelace").status == 401)

            let gone = try admin.ask("DELETE", "users/\(id)")
            #expect(gone.status == 204)
            #expect(gone.body.isEmpty)
            for (method, suffix) in [("DELETE", ""), ("GET", ""), ("GET", "/sessions"), ("DELETE", "/lock")] {
                #expect(try admin.ask(method, "users/\(id)\(suffix)").status == 404)
            }
            #expect(try admin.client.tryLogin("ada lovelace").status == 401)
            #expect(try admin.create("ada lovelace") != id, "the name is free, the id is not")
        }
    }

    @Test func `a name is taken whatever its spelling, and of many at once one gets it`() async throws {
        try await APIServer.run { server in
            let clients = try server.clientsOfBothLoops()
            let admin = try Administrator(server)
            _ = try admin.create("Ångström")
            for name in ["ångström", "ÅNGSTRÖM", "a\u{30A}ngstro\u{308}m", "admin", "ADMIN"] {
                let reply = try admin.ask("POST", "users", #"{"username":"\#(name)"}"#)
                #expect(reply.status == 409, "\(name)")
                #expect(reply.problem == "username-taken")
            }
            let body = #"{"username":"eve"}"#
            for client in clients {
                client.send(
                    "POST /api/v1/admin/users HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(admin.token)\r\n"
                        + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
            let statuses = clients.map { $0.receive()?.status ?? 0 }
            #expect(statuses.count { $0 == 201 } == 1)
            #expect(statuses.count { $0 == 409 } == clients.count - 1)
            #expect(try admin.get("users?username=eve").items.count == 1)
        }
    }

    @Test func `a password that the server makes up is told once and lets its user in`() async throws {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            let made = try admin.ask("POST", "users", #"{"username":"ada"}"#)
            #expect(made.status == 201)
            let id = try #require(made["id"])
            let first = try #require(made["password"])
            #expect(first.utf8.count == 27)
            #expect(made["password_expires_at"] != nil)
            #expect(try admin.get("users/\(id)").text.contains(first) == false)
            _ = try admin.client.login("ada", first)
            #expect(try admin.client.tryLogin("ada", first).status == 401, "good for one login")

            let reset = try admin.ask("POST", "users/\(id)/password")
            #expect(reset.status == 200)
            #expect(reset["id"] == id && reset["username"] == "ada")
            let second = try #require(reset["password"])
            #expect(second != first)
            #expect(reset["password_expires_at"] != nil)
            #expect(try admin.client.tryLogin("ada", first).status == 401)
            _ = try admin.client.login("ada", second)
        }
    }

    @Test func `a password that is given is not told again, and is one-time only when asked`() async throws {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            let id = try admin.create("ada")
            let body = #""password":"another password of hers""#
            let ordinary = try admin.ask("POST", "users/\(id)/password", "{\(body)}")
            #expect(ordinary.text == #"{"id":"\#(id)","username":"ada"}"#)
            for _ in 0..<3 { _ = try admin.client.login("ada", "another password of hers") }
            #expect(try admin.client.tryLogin("ada").status == 401)
            let once = try admin.ask("POST", "users/\(id)/password", #"{\#(body),"one_time":true}"#)
            #expect(once["password"] == nil)
            #expect(once["password_expires_at"] != nil)
            _ = try admin.client.login("ada", "another password of hers")
            #expect(try admin.client.tryLogin("ada", "another password of hers").status == 401)
            let kept = try admin.ask("POST", "users/\(id)/password", #"{"one_time":false}"#)
            #expect(kept["password_expires_at"] == nil)
            let password = try #require(kept["password"])
            for _ in 0..<3 { _ = try admin.client.login("ada", password) }
        }
    }

    @Test func `pages of users show everybody who was there all along, once, whoever comes and goes`() async throws {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            var kept: Set<String> = [try #require(try admin.get("users").items.first?["id"]?.string)]
            var leaving: [String] = []
            let base = wallClockMilliseconds()
            for index in 0..<450 {
                let id = try Identifier.make(at: UnixTime(milliseconds: base + Int64(index)))
                try await server.store(NewUser.test(id, "user\(index)"))
                if index % 9 == 4 { leaving.append(id.description) } else { kept.insert(id.description) }
            }
            var made = 0
            let items = try admin.all("users", limit: 40) { page in
                // One that is behind, one that is ahead.
                if let gone = leaving.popLast() { #expect(try admin.ask("DELETE", "users/\(gone)").status == 204) }
                if page % 2 == 0, !leaving.isEmpty {
                    #expect(try admin.ask("DELETE", "users/\(leaving.removeFirst())").status == 204)
                }
                for _ in 0..<3 {
                    _ = try admin.create("late\(made)")
                    made += 1
                }
            }
            let ids = items.compactMap { $0["id"]?.string }
            #expect(Set(ids).count == ids.count, "nobody twice")
            #expect(ids == ids.sorted())
            #expect(kept.subtracting(ids).isEmpty, "nobody missed")
            #expect(made > 20)
            let again = try admin.all("users", limit: 200).compactMap { $0["id"]?.string }
            #expect(again.count == 401 + leaving.count + made)
            #expect(try admin.get("users").items.count == 50)
        }
    }

    @Test func `sessions are listed as they are and end together`() async throws {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            let id = try admin.create("ada")
            #expect(try admin.get("users/\(id)/sessions").text == #"{"items":[],"next":null}"#)
            let tokens = try (0..<3).map { _ in try admin.client.login("ada") }
            let items = try admin.get("users/\(id)/sessions").items
            let sessions = try tokens.map { try TokenText($0.access).claims["sid"]?.string }
            #expect(items.map { $0["id"]?.string } == sessions)
            for item in items {
                #expect(item.members.map(\.name) == ["id", "created_at", "last_used_at", "expires_at"])
            }
            #expect(try admin.client.post("/api/v1/auth/logout", token: tokens[1].access).status == 204)
            #expect(try admin.get("users/\(id)/sessions").items.count == 2)
            for _ in 0..<2 { #expect(try admin.ask("DELETE", "users/\(id)/sessions").status == 204) }
            #expect(try admin.get("users/\(id)/sessions").items.isEmpty)
        }
    }

    @Test func `a lock is shown and lifted, here and in the throttle`() async throws {
        try await APIServer.run {
            $0.attemptCaps.unknownDevices = 4
            $0.throttle[.account] = GCRA(burst: 4, intervalMilliseconds: 3_600_000)
            $0.throttle[.accountCost] = GCRA(burst: 5, intervalMilliseconds: 3_600_000)
        } _: { server in
            let admin = try Administrator(server)
            let (ada, bob) = (try admin.create("ada"), try admin.create("bob"))
            for name in ["ada", "bob"] {
                for _ in 0..<4 { #expect(try admin.client.tryLogin(name, "wrong").status == 401) }
                #expect(try admin.client.tryLogin(name).status == 429)
            }
            let locked = try admin.get("users/\(ada)")
            #expect(locked.object?["failed_attempts"]?.integer == 4)
            #expect(locked.object?["locked"]?.bool == true)
            let lifted = try admin.ask("DELETE", "users/\(ada)/lock")
            #expect(lifted.status == 204)
            let free = try admin.get("users/\(ada)")
            #expect(free.object?["failed_attempts"]?.integer == 0)
            #expect(free.object?["locked"]?.bool == false)
            #expect(try admin.client.tryLogin("ada").status == 200)
            #expect(try admin.get("users/\(bob)").object?["locked"]?.bool == true, "nobody else is")
            #expect(try admin.client.tryLogin("bob").status == 429)
            #expect(try admin.ask("DELETE", "users/\(ada)/lock").status == 204)
        }
    }

    @Test func `passwords wait for a place to be hashed, and when there is none nobody is made`() async throws {
        try await APIServer.run {
            $0.hashWorkers = 1
            $0.hashQueue = 1
            // Slow enough for the requests to meet.
            if let slow = PasswordHashParameters(memoryKiB: 32_768, iterations: 4) { $0.passwordHash = slow }
        } _: { server in
            let admin = try Administrator(server)
            let clients = try server.clientsOfBothLoops()
            for (index, client) in clients.enumerated() {
                let body = #"{"username":"user\#(index)"}"#
                client.send(
                    "POST /api/v1/admin/users HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(admin.token)\r\n"
                        + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
            let replies = clients.compactMap { $0.receive() }
            let made = replies.count { $0.status == 201 }
            let refused = replies.filter { $0.status == 503 }
            #expect(made >= 1)
            #expect(made + refused.count == clients.count)
            #expect(!refused.isEmpty)
            #expect(refused.allSatisfy { $0.problem == "overloaded" && $0.field("retry-after") != nil })
            #expect(try admin.get("users").items.count == made + 1)
        }
    }
}

extension NewUser {
    /// With a hash that nothing matches.
    static func test(_ id: Identifier, _ name: String) throws -> NewUser {
        guard let username = Username(name) else { throw UnexpectedReply("no such account can be") }
        let hash = try PasswordHash.dummy(parameters: PasswordHashParameters(memoryKiB: 8, iterations: 1)!)
        return NewUser(
            id: id, username: username, roles: [], password: StoredPassword(hash: hash),
            createdAt: UnixTime(milliseconds: wallClockMilliseconds()))
    }
}

extension APIServer {
    func store(_ user: NewUser) async throws {
        guard try await application.store.create(user) else { throw UnexpectedReply("the name is taken") }
    }
}
