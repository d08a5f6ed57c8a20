import Auth
import AuthServer
import JSON
import Reactor
import TestSupport
import Testing

/// Who may administer.
@Suite(.timeLimit(.minutes(5))) struct AdminAccessTests {
    private static let id = "0190b7a0-0000-7000-8000-000000000000"
    /// Every route with every method it answers.
    private static let routes: [(path: String, methods: [String])] = [
        ("users", ["GET", "HEAD", "POST"]), ("users/\(id)", ["GET", "HEAD", "PATCH", "DELETE"]),
        ("users/\(id)/sessions", ["GET", "HEAD", "DELETE"]), ("users/\(id)/lock", ["DELETE"]),
        ("users/\(id)/password", ["POST"]), ("revocations", ["POST"]), ("audit", ["GET", "HEAD"]),
    ]

    @Test func `no token, a bad one, two of them or one without the role gets nowhere`() async throws {
        try await APIServer.run {
            $0.auditDelayMilliseconds = 1
        } _: { server in
            let client = try server.client()
            let id = try await server.makeUser("ada", roles: ["administrator", "admin2", "reader"])
            let ada = try client.login("ada").access
            let admin = try client.loginAsAdmin().access
            for (path, methods) in AdminAccessTests.routes {
                for method in methods {
                    let target = "/api/v1/admin/\(path)"
                    let body: [UInt8]? = ["POST", "PATCH"].contains(method) ? Array("{}".utf8) : nil
                    let cases: [(fields: [String], target: String, status: Int, problem: String)] = [
                        ([], target, 401, "missing-token"),
                        (["Authorization: Bearer x"], target, 401, "invalid-token"),
                        (["Authorization: Basic YTpi"], target, 401, "missing-token"),
                        (
                            ["Authorization: Bearer \(admin)", "Authorization: Bearer \(admin)"], target, 401,
                            "invalid-request"
                        ),
                        ([], "\(target)?access_token=\(admin)", 401, "invalid-request"),
                        (["Authorization: Bearer \(admin)"], "\(target)?access_token=x", 401, "invalid-request"),
                        (["Authorization: Bearer \(ada)"], target, 403, "insufficient-scope"),
                    ]
                    for (fields, target, status, problem) in cases {
                        let reply = try client.exchange(method, target, fields, body: body)
                        #expect(reply.status == status, "\(method) \(target) \(fields)")
                        if method != "HEAD" { #expect(reply.problem == problem, "\(method) \(target) \(fields)") }
                        #expect(reply.challenge?.hasPrefix("Bearer ") == true)
                    }
                }
            }
            #expect(try Administrator(server).get("users").items.count == 2)
            let asked = AdminAccessTests.routes.reduce(0) { $0 + $1.methods.count }
            let filter = AuditFilter(event: .administrationRefused)
            await until { await server.auditCount(filter) >= asked }
            let told = try await server.audit(filter)
            #expect(told.count == asked && told.allSatisfy { $0.actor == .user(id) && $0.session != nil })
            #expect(told.contains { $0.detail == "/api/v1/admin/users/{id}/lock" })
        }
    }

    @Test func `other methods are answered with those that there are, before any credential is looked at`() async throws
    {
        try await APIServer.run { server in
            let client = try server.client()
            let token = try client.loginAsAdmin().access
            for (path, methods) in AdminAccessTests.routes {
                let target = "/api/v1/admin/\(path)"
                let allowed = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"].filter {
                    methods.contains($0) || $0 == "OPTIONS"
                }
                for fields in [[], ["Authorization: Bearer \(token)"]] {
                    let options = try client.exchange("OPTIONS", target, fields)
                    #expect(options.status == 204)
                    #expect(options.field("allow") == allowed.joined(separator: ", "), "\(target)")
                    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"]
                    where !methods.contains(method) {
                        let reply = try client.exchange(method, target, fields)
                        #expect(reply.status == 405, "\(method) \(target)")
                        #expect(reply.field("allow") == options.field("allow"))
                    }
                    #expect(try client.exchange("PURGE", target, fields).status == 501)
                }
            }
            // Only who owns the machine is told why a token is refused.
            for path in ["tokens/inspect", "tokens"] {
                #expect(try Administrator(client, token: token).ask("POST", path, "{}").status == 404)
            }
        }
    }

    @Test func `HEAD is GET without its body`() async throws {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            let id = try #require(try admin.get("users").items.first?["id"]?.string)
            for path in ["users", "users/\(id)", "users/\(id)/sessions", "audit?limit=1&order=asc"] {
                let head = try admin.ask("HEAD", path)
                let get = try admin.get(path)
                #expect(head.status == 200 && get.status == 200)
                #expect(head.body.isEmpty)
                #expect(head.field("content-length") == get.field("content-length"), "\(path)")
                #expect(get.field("content-type") == "application/json")
            }
        }
    }

    /// How somebody stops being an administrator.
    enum Fall: CaseIterable {
        case demoted, barred, deleted

        func ask(_ admin: Administrator, _ id: String) throws -> RawClient.Reply {
            switch self {
            case .demoted: try admin.ask("PATCH", "users/\(id)", #"{"roles":["reader"]}"#)
            case .barred: try admin.ask("PATCH", "users/\(id)", #"{"enabled":false}"#)
            case .deleted: try admin.ask("DELETE", "users/\(id)")
            }
        }
    }

    @Test(arguments: Fall.allCases)
    func `an administrator who was one a moment ago is refused on both loops by the token`(_ fall: Fall) async throws {
        try await APIServer.run { server in
            let clients = try server.clientsOfBothLoops()
            let admin = try Administrator(server)
            let id = try admin.create("eve", roles: ["admin"])
            let eve = try clients[0].login("eve").access
            for client in clients { #expect(try Administrator(client, token: eve).get("users").status == 200) }
            #expect([200, 204].contains(try fall.ask(admin, id).status))
            for client in clients {
                let reply = try Administrator(client, token: eve).ask("POST", "users", #"{"username":"mallory"}"#)
                #expect(reply.status == 401)
                #expect(reply.problem == "invalid-token")
            }
            #expect(try admin.get("users?username=mallory").items.isEmpty)
        }
    }

    @Test(arguments: Fall.allCases)
    func `an administrator whose token no loop knows to be dead is refused by the store`(_ fall: Fall) async throws {
        try await APIServer.run { server in
            let clients = try server.clientsOfBothLoops()
            let admin = try Administrator(server)
            let id = try admin.create("eve", roles: ["admin"])
            let victim = try admin.create("bob")
            let eve = try clients[0].login("eve").access
            for client in clients { #expect(try client.verify(eve) == 200) }
            // Committed, but told to no loop: as by another node a moment ago.
            let store = server.application.store
            let now = UnixTime(milliseconds: wallClockMilliseconds())
            let user = try id.identifier()
            switch fall {
            case .demoted:
                _ = try await store.update(
                    user, UserChange(roles: []), at: now, as: .localOperator, from: .server)
            case .barred:
                _ = try await store.update(
                    user, UserChange(isEnabled: false), at: now, as: .localOperator, from: .server)
            case .deleted: _ = try await store.delete(user, at: now, as: .localOperator, from: .server)
            }
            for client in clients {
                #expect(try client.verify(eve) == 200, "the loops do not know")
                let stale = Administrator(client, token: eve)
                for (method, path, body) in [
                    ("GET", "users", nil), ("POST", "users", #"{"username":"mallory"}"#),
                    ("GET", "users/\(victim)", nil),
                    ("PATCH", "users/\(victim)", #"{"enabled":false}"#), ("DELETE", "users/\(victim)", nil),
                    ("GET", "users/\(victim)/sessions", nil), ("DELETE", "users/\(victim)/sessions", nil),
                    ("DELETE", "users/\(victim)/lock", nil), ("POST", "users/\(victim)/password", "{}"),
                    ("POST", "revocations", #"{"sessions_before":1}"#), ("GET", "audit", nil),
                ] as [(String, String, String?)] {
                    let reply = try stale.ask(method, path, body)
                    #expect(reply.status == 403, "\(method) \(path)")
                    #expect(reply.problem == "insufficient-scope")
                    #expect(reply.challenge?.contains("insufficient_scope") == true)
                }
            }
            #expect(try admin.get("users?username=mallory").items.isEmpty)
            #expect(try admin.get("users/\(victim)").object?["version"]?.integer == 1)
            #expect(try admin.client.verify(admin.token) == 200)
            let refusals = try admin.all("audit?event=administration.refused&user=\(id)", limit: 200)
            #expect(refusals.count == clients.count * 11)
            #expect(refusals.allSatisfy { $0["actor"]?.string == "user:\(id)" && $0["address"]?.string == "127.0.0.1" })
        }
    }

    @Test func `the last enabled administrator cannot be demoted, disabled or deleted`() async throws {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            let id = try #require(try admin.get("users").items.first?["id"]?.string)
            let disabled = try admin.create("eve", roles: ["admin"])
            #expect(try admin.ask("PATCH", "users/\(disabled)", #"{"enabled":false}"#).status == 200)
            let before = try admin.get("users/\(id)").text
            for (method, body) in [
                ("PATCH", #"{"roles":[]}"#), ("PATCH", #"{"roles":["reader"]}"#), ("PATCH", #"{"enabled":false}"#),
                ("PATCH", #"{"roles":[],"enabled":false}"#), ("DELETE", nil),
            ] as [(String, String?)] {
                let reply = try admin.ask(method, "users/\(id)", body)
                #expect(reply.status == 409, "\(method) \(body ?? "")")
                #expect(reply.problem == "last-administrator")
            }
            #expect(try admin.get("users/\(id)").text == before)
            #expect(try admin.client.verify(admin.token) == 200)
            // With another one there, the same is done.
            #expect(try admin.ask("PATCH", "users/\(disabled)", #"{"enabled":true}"#).status == 200)
            #expect(try admin.ask("PATCH", "users/\(id)", #"{"roles":["reader"]}"#).roles == ["reader"])
            #expect(try admin.get("users").status == 401)
        }
    }

    @Test func `of two administrators who demote each other at once one stays`() async throws {
        try await APIServer.run { server in
            let clients = try server.clientsOfBothLoops()
            let now = UnixTime(milliseconds: wallClockMilliseconds())
            let store = server.application.store
            var ids: [String] = []
            for name in ["admin", "eve"] {
                if name == "eve" { try await server.makeUser("eve", roles: ["admin"]) }
                let admin = try Administrator(server)
                ids.append(try #require(try admin.get("users?username=\(name)").items.first?["id"]?.string))
            }
            for round in 0..<20 {
                for id in ids {
                    _ = try await store.update(
                        try id.identifier(), UserChange(roles: [.admin], isEnabled: true), at: now, as: .localOperator,
                        from: .server)
                }
                let tokens = [try clients[0].loginAsAdmin().access, try clients[0].login("eve").access]
                let body = round % 2 == 0 ? #"{"roles":[]}"# : #"{"enabled":false}"#
                // Each connection to the other loop, as the kernel spread them.
                let pair = [clients[round % clients.count], clients[(round + 7) % clients.count]]
                for side in 0..<2 {
                    pair[side].send(
                        "PATCH /api/v1/admin/users/\(ids[1 - side]) HTTP/1.1\r\nHost: a\r\n"
                            + "Authorization: Bearer \(tokens[side])\r\nContent-Type: application/json\r\n"
                            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
                }
                let statuses = pair.map { $0.receive()?.status ?? 0 }.sorted()
                // The loser was an administrator no more, and heard it from the token or from the store.
                #expect(statuses == [200, 401] || statuses == [200, 403], "\(statuses)")
                var administrators = 0
                for id in ids {
                    let user = try await store.user(try id.identifier())
                    if let user, user.isEnabled, user.roles.contains(.admin) { administrators += 1 }
                }
                #expect(administrators == 1)
            }
        }
    }
}
