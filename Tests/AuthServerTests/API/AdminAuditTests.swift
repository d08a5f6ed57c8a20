import Auth
import AuthServer
import JSON
import Reactor
import TestSupport
import Testing

/// The audit as administrators read it.
@Suite(.timeLimit(.minutes(5))) struct AdminAuditTests {
    @Test func `every change tells who did what to whom, from where and when, and no secret`() async throws {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            let adminID = try #require(try admin.get("users").items.first?["id"]?.string)
            let made = try admin.ask("POST", "users", #"{"username":"ada","roles":["reader"]}"#)
            let id = try #require(made["id"])
            let password = try #require(made["password"])
            let tokens = try admin.client.login("ada", password)
            let session = try #require(try TokenText(tokens.access).claims["sid"]?.string)
            let token = try #require(try TokenText(tokens.access).claims["jti"]?.string)
            var replies: [(String, RawClient.Reply)] = [("user.created", made)]
            for (event, method, path, body) in [
                ("token.revoked", "POST", "revocations", #"{"jti":"\#(token)"}"#),
                ("session.ended", "POST", "revocations", #"{"sid":"\#(session)"}"#),
                ("user.roles_changed", "PATCH", "users/\(id)", #"{"roles":["writer","x"]}"#),
                ("password.reset", "POST", "users/\(id)/password", #"{"password":"\#(APIServer.password)"}"#),
                ("user.sessions_ended", "DELETE", "users/\(id)/sessions", nil),
                ("user.unlocked", "DELETE", "users/\(id)/lock", nil),
                ("user.disabled", "PATCH", "users/\(id)", #"{"enabled":false}"#),
                ("user.enabled", "PATCH", "users/\(id)", #"{"enabled":true}"#),
                ("user.deleted", "DELETE", "users/\(id)", nil),
            ] as [(String, String, String, String?)] {
                replies.append((event, try admin.ask(method, path, body)))
            }
            for (event, reply) in replies {
                let items = try admin.get("audit?event=\(event)").items
                // The first account is there before.
                #expect(items.count == (event == "user.created" ? 2 : 1), "\(event)")
                let item = try #require(items.first)
                #expect(
                    item.members.map(\.name) == [
                        "id", "at", "event", "actor", "user", "session", "address", "request_id", "detail",
                    ])
                #expect(item["event"]?.string == event)
                #expect(item["actor"]?.string == "user:\(adminID)")
                #expect(item["address"]?.string == "127.0.0.1")
                #expect(item["request_id"]?.string == reply.field("x-request-id"), "\(event)")
                #expect(
                    item["at"]?.string?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil, "\(event)")
                if event != "token.revoked" { #expect(item["user"]?.string == id, "\(event)") }
            }
            let roles = try admin.get("audit?event=user.roles_changed").items
            #expect(roles.first?["detail"]?.string == "writer,x")
            let everything = try admin.get("audit?limit=200").text
            for secret in [password, APIServer.password, tokens.access, tokens.refresh, admin.token] {
                #expect(!everything.contains(secret))
            }
        }
    }

    @Test func `filters, both orders, pages and the place to go on from show each entry once`() async throws {
        try await APIServer.run { server in
            let store = server.application.store
            let (ada, bob) = (try await server.makeUser("ada"), try await server.makeUser("bob"))
            let base: Int64 = 1_700_000_000_000
            var entries: [AuditEntry] = []
            for index in 0..<230 {
                let isFailure = index % 3 == 0
                entries.append(
                    AuditEntry(
                        at: UnixTime(milliseconds: base + Int64(index) * 1000),
                        event: isFailure ? .loginFailed : .loginSucceeded, actor: isFailure ? .anonymous : .user(bob),
                        origin: .server, user: index % 2 == 0 ? ada : bob))
            }
            try await store.append(entries)
            let admin = try Administrator(server)
            let end = "until=\(base / 1000 + 230)"
            let newest = try admin.all("audit?\(end)", limit: 50)
            let oldest = try admin.all("audit?\(end)&order=asc", limit: 7)
            func ids(_ items: [JSONObject]) -> [Int64] { items.compactMap { $0["id"]?.integer } }
            #expect(ids(newest).count == 230)
            #expect(ids(newest) == ids(newest).sorted(by: >))
            #expect(ids(oldest) == ids(newest).reversed())
            #expect(try admin.all("audit?\(end)&event=login.failed", limit: 20).count == 77)
            // Happened to her; happened to him or was done by him.
            #expect(try admin.all("audit?\(end)&user=\(ada)", limit: 20).count == 115)
            #expect(try admin.all("audit?\(end)&user=\(bob)", limit: 20).count == 115 + 76)
            #expect(try admin.all("audit?\(end)&user=\(ada)&event=login.failed", limit: 20).count == 39)
            let from = UnixTime(milliseconds: base + 100_000).rfc3339
            let to = UnixTime(milliseconds: base + 110_000).rfc3339
            #expect(try admin.all("audit?since=\(from)&until=\(to)", limit: 3).count == 10)
            #expect(try admin.get("audit?since=\(base / 1000 + 9000)&\(end)").text == #"{"items":[],"next":null}"#)

            // Who follows the audit goes on where the last page ended, and misses nothing.
            let last = try admin.get("audit?\(end)&order=asc&limit=200")
            let rest = try admin.get("audit?\(end)&order=asc&limit=200&cursor=\(last["resume"] ?? "")")
            #expect(rest.items.count == 30)
            #expect(rest["next"] == nil)
            let resume = try #require(rest["resume"])
            #expect(try admin.get("audit?\(end)&order=asc&cursor=\(resume)")["resume"] == resume)
            try await store.append([
                AuditEntry(at: UnixTime(milliseconds: base), event: .keyRotated, actor: .server, origin: .server)
            ])
            let followed = try admin.get("audit?\(end)&order=asc&cursor=\(resume)").items
            #expect(followed.map { $0["event"]?.string } == ["key.rotated"])
            #expect(followed.first?["actor"]?.string == "server")
        }
    }
}
