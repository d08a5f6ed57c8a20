import Auth
import AuthServer
import JSON
import Passwords
import TestSupport
import Testing

/// People who make their own account.
@Suite(.timeLimit(.minutes(5))) struct RegisterTests {
    private static let target = "/api/v1/auth/register"
    private let password = "nine herons over the lake"

    private func body(_ name: String) -> String { #"{"username":"\#(name)","password":"\#(password)"}"# }

    @Test func `where registration is closed there is no such route`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            for json in [body("ada"), "", "{", #"{"username":1}"#] {
                let reply = try client.post(RegisterTests.target, json: json)
                #expect(reply.status == 404)
                #expect(reply.problem == "not-found")
            }
            #expect(try client.tryLogin("ada", password).status == 401)
        }
    }

    @Test func `a body that is not what it should be is refused before any work is done for it`() async throws {
        let bodies: [(String, [UInt8], Int)] =
            [
                "{}", "[]", "null", "{", #"{"username":"ada"}"#, #"{"password":"nine herons over the lake"}"#,
                #"{"username":1,"password":"nine herons over the lake"}"#, #"{"username":"ada","password":7}"#,
                #"{"username":["ada"],"password":"nine herons over the lake"}"#,
                #"{"username":"ada","username":"bob","password":"nine herons over the lake"}"#,
                #"{"username":"ada","\u0075sername":"bob","password":"nine herons over the lake"}"#,
                #"{"username":"ada","password":"nine herons over the lake","x":1,"x":1}"#,
                #"{"username":"ada","password":"nine herons over the lake","x":[[[[[[[[1]]]]]]]]}"#,
                #"{"username":"ada","password":"\ud800 nine herons over the lake"}"#,
                body(""), body(" ada"), body("ada "), body("a\\u0000b"), body("a\\nb"), body("a\\u200bb"),
                body(String(repeating: "x", count: 255)), body(String(repeating: "x", count: 60_000)),
                body(String(repeating: "é", count: 128)),
            ].map { ("application/json", Array($0.utf8), 400) }
            + [
                ("application/json", [], 400), ("application/json", [0xFF, 0xFE], 400),
                (
                    "application/json",
                    Array(#"{"username":"a"#.utf8) + [0xC0, 0x80] + Array(#"","password":"x"}"#.utf8), 400
                ),
                ("application/x-www-form-urlencoded", Array("username=a&username=b&password=c".utf8), 400),
                ("application/x-www-form-urlencoded", Array("username=%ff&password=c".utf8), 400),
                ("text/plain", Array(body("ada").utf8), 415),
            ]
        try await APIServer.run {
            $0.registration = .open
        } _: { server in
            let client = try server.client()
            let store = server.application.embeddedStore?.statistics
            for (type, bytes, status) in bodies {
                let reply = try client.exchange(
                    "POST", RegisterTests.target, ["Content-Type: \(type)"], body: bytes)
                let text = Comment(rawValue: String(decoding: bytes.prefix(80), as: UTF8.self))
                #expect(reply.status == status, text)
                #expect(reply.problem == (status == 400 ? "invalid-body" : "unsupported-media-type"), text)
            }
            #expect(server.application.hashesComputed == 0)
            #expect(server.application.embeddedStore?.statistics == store)
            let megabyte = try server.client()
            megabyte.send(
                "POST \(RegisterTests.target) HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                    + "Content-Length: 1048620\r\n\r\n{\"username\":\"xxxxxxxx")
            #expect(megabyte.receive()?.status == 413)
            #expect(megabyte.isEnded())
        }
    }

    @Test func `a password that may not be is refused and the answer says what is wrong with it`() async throws {
        try await APIServer.run {
            $0.registration = .open
        } _: { server in
            let client = try server.client()
            let store = server.application.embeddedStore?.statistics
            for (password, detail) in [
                ("", "password must have at least 15 characters."),
                ("fourteen chars", "password must have at least 15 characters."),
                ("éééééééééééééé", "password must have at least 15 characters."),
                (String(repeating: "é", count: 513), "password must have at most 1024 bytes."),
                ("passwordpassword", "password is among the passwords that are tried first; choose another."),
                ("ada ada ada ada", "password is among the passwords that are tried first; choose another."),
            ] {
                let json = #"{"username":"ada","password":"\#(password)"}"#
                let reply = try client.post(RegisterTests.target, json: json)
                #expect(reply.status == 400, "\(password.prefix(20))")
                #expect(reply.problem == "invalid-body")
                #expect(reply["detail"] == detail, "\(password.prefix(20))")
            }
            #expect(server.application.hashesComputed == 0)
            #expect(server.application.embeddedStore?.statistics == store)
        }
    }

    @Test func `a minimum of 8 is the least that can be configured`() async throws {
        try await APIServer.run {
            $0.registration = .open
            $0.passwordPolicy = PasswordPolicy(minimumCharacters: 8)
        } _: { server in
            let client = try server.client()
            let short = try client.post(RegisterTests.target, json: #"{"username":"ada","password":"xq7 lmz"}"#)
            #expect(short["detail"] == "password must have at least 8 characters.")
            let long = try client.post(RegisterTests.target, json: #"{"username":"ada","password":"xq7 lmzp"}"#)
            #expect(long.status == 201)
        }
    }

    @Test func `two Authorization fields are refused where none is needed`() async throws {
        try await APIServer.run {
            $0.registration = .open
        } _: { server in
            let reply = try server.client().post(
                RegisterTests.target, json: body("ada"), ["Authorization: Bearer a", "Authorization: Bearer b"])
            #expect(reply.status == 400)
            #expect(server.application.hashesComputed == 0)
        }
    }

    @Test func `an address registers so often and no more, refused bodies not counted`() async throws {
        try await APIServer.run {
            $0.registration = .open
            $0.throttle.limitRegistrations(perHour: 3)
            // The audit is not written while the store's work is compared.
            $0.auditDelayMilliseconds = 600_000
        } _: { server in
            let clients = try server.clientsOfBothLoops()
            for index in 0..<10 {
                #expect(try clients[index].post(RegisterTests.target, json: body("")).status == 400)
            }
            for index in 0..<3 {
                #expect(try clients[index].post(RegisterTests.target, json: body("user\(index)")).status == 201)
            }
            let hashes = server.application.hashesComputed
            let store = server.application.embeddedStore?.statistics
            for client in clients {
                let reply = try client.post(RegisterTests.target, json: body("user9"))
                #expect(reply.status == 429)
                #expect(reply.problem == "throttled")
                let wait = reply.field("retry-after").flatMap { Int($0) } ?? 0
                #expect((1100...1201).contains(wait))
            }
            #expect(server.application.hashesComputed == hashes)
            #expect(server.application.embeddedStore?.statistics == store)
            #expect(try clients[0].tryLogin("user0", password).status == 200)
        }
    }

    @Test func `who registers gets an account without roles, once, and its id`() async throws {
        try await APIServer.run {
            $0.registration = .open
        } _: { server in
            let client = try server.client()
            let other = try client.get(RegisterTests.target)
            #expect(other.status == 405 && other.field("allow") == "POST, OPTIONS")
            let form = "username=Zo%C3%AB+Stra%C3%9Fe&password=nine+herons+over+the+lake&roles=admin"
            let reply = try client.post(RegisterTests.target, form: form)
            #expect(reply.status == 201)
            #expect(reply.field("cache-control") == "no-store")
            #expect(reply.object?.members.map(\.name) == ["id", "username"])
            #expect(reply["username"] == "zoë strasse")
            let id = try #require(reply["id"].flatMap { Identifier($0) })
            let me = try client.get("/api/v1/me", token: client.login("zoë strasse", password).access)
            #expect(me["id"] == id.description)
            #expect(me.object?["roles"]?.array?.isEmpty == true)
            for name in ["ZOË STRASSE", "zoë strasse", "zoe\u{308} straße", "Admin"] {
                let taken = try client.post(RegisterTests.target, json: body(name))
                #expect(taken.status == 409)
                #expect(taken.problem == "username-taken")
            }
        }
    }

    @Test func `of 200 who want one name at once one gets it and 199 hear that it is taken`() async throws {
        try await APIServer.run {
            $0.registration = .open
            // Long enough that they meet.
            $0.passwordHash = PasswordHashParameters(memoryKiB: 8192, iterations: 2)!
        } _: { server in
            let clients = try (0..<200).map { _ in try server.client() }
            for (index, client) in clients.enumerated() {
                let json = #"{"username":"ADA","password":"\#(password) \#(index)"}"#
                client.send(request(json))
            }
            let replies = try clients.map { try #require($0.receive()) }
            #expect(replies.count { $0.status == 201 } == 1)
            #expect(replies.count { $0.status == 409 && $0.problem == "username-taken" } == 199)
            #expect(server.application.hashesComputed < 100)
            let winner = try #require(replies.firstIndex { $0.status == 201 })
            let id = try #require(replies[winner]["id"].flatMap { Identifier($0) })
            #expect(try await server.application.store.user(id)?.username.text == "ada")
            #expect(try clients[0].tryLogin("ada", "\(password) \(winner)").status == 200)
            let other = winner == 0 ? 1 : 0
            #expect(try clients[0].tryLogin("ada", "\(password) \(other)").status == 401)
        }
    }

    @Test func `those who leave while they wait leave the name to the others`() async throws {
        try await APIServer.run {
            $0.registration = .open
            $0.hashWorkers = 1
            $0.passwordHash = PasswordHashParameters(memoryKiB: 8192, iterations: 2)!
        } _: { server in
            for round in 0..<5 {
                let clients = try (0..<20).map { _ in try server.client() }
                for client in clients { client.send(request(body("ada\(round)"))) }
                for client in clients[..<10] { client.reset() }
                let statuses = clients[10...].map { $0.receive()?.status ?? 0 }
                #expect(statuses.allSatisfy { $0 == 201 || $0 == 409 }, "\(statuses)")
                #expect(try server.client().tryLogin("ada\(round)", password).status == 200)
            }
        }
    }

    private func request(_ json: String) -> String {
        "POST \(RegisterTests.target) HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(json.utf8.count)\r\n\r\n\(json)"
    }
}
