import Auth
import AuthServer
import JSON
import JWT
import TestSupport
import Testing

/// What the administrators' routes refuse, and that nothing comes of it.
@Suite(.timeLimit(.minutes(5))) struct AdminInputTests {
    private static let unknown = "0190b7a0-0000-7000-8000-000000000000"
    private static let routes: [(method: String, suffix: String, body: String?)] = [
        ("GET", "", nil), ("PATCH", "", #"{"enabled":true}"#), ("DELETE", "", nil), ("GET", "/sessions", nil),
        ("DELETE", "/sessions", nil), ("DELETE", "/lock", nil), ("POST", "/password", "{}"),
    ]

    @Test func `ids that are no UUID or nobody's are not found on every route`() async throws {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            let mine = try #require(try admin.get("users").items.first?["id"]?.string)
            let ids = [
                "x", "1", "-", mine + "0", String(mine.dropLast()), "{\(mine)}", "urn:uuid:\(mine)",
                mine.replacing("-", with: ""), mine.replacing("-", with: "%2D"), "%00", "..", "..%2f", "%ff",
                String(repeating: "a", count: 5000), AdminInputTests.unknown, "null", "admin",
            ]
            for id in ids {
                for route in AdminInputTests.routes {
                    let reply = try admin.ask(route.method, "users/\(id)\(route.suffix)", route.body)
                    #expect(reply.status == 404, "\(route.method) \(id)\(route.suffix)")
                    #expect(reply.problem == "not-found")
                }
            }
            for path in ["users/", "users//sessions", "users/\(mine)/", "users/\(mine)/sessions/", "user", "", "Users"]
            {
                #expect(try admin.get(path).status == 404, "\(path)")
            }
            #expect(try admin.get("users/\(mine.uppercased())").status == 200, "RFC 9562 section 4")
        }
    }

    @Test func `parameters that are made up, out of bounds, repeated or unknown are refused by name`() async throws {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            let id = try #require(try admin.get("users").items.first?["id"]?.string)
            let bytes = try id.identifier().bytes
            func cursor(_ bytes: [UInt8]) -> String { String(decoding: Base64URL.encode(bytes), as: UTF8.self) }
            var refused: [(String, String)] = []
            for value in [
                "0", "201", "abc", "-1", "+5", "1.0", "", "1e2", "99999999999999999999", "0x10", "%20",
            ] {
                for list in ["users", "audit"] { refused.append(("\(list)?limit=\(value)", "limit")) }
            }
            for value in [
                "", "x", "AQ", "AQ==", id, cursor(bytes), cursor([2] + bytes), cursor([1] + bytes.dropLast()),
                cursor([1] + bytes + [0]), cursor([1] + bytes) + "=", cursor([]), String(repeating: "A", count: 4000),
            ] {
                for list in ["users", "audit"] { refused.append(("\(list)?cursor=\(value)", "cursor")) }
            }
            // A cursor of another list, and an entry's number that is none.
            refused.append(("audit?cursor=\(cursor([1] + bytes))", "cursor"))
            refused.append(("users?cursor=\(cursor([1, 0, 0, 0, 0, 0, 0, 0, 1]))", "cursor"))
            refused.append(("audit?cursor=\(cursor([1, 255, 0, 0, 0, 0, 0, 0, 1]))", "cursor"))
            for value in ["", "nobody.knows", "login", "LOGIN.FAILED", "login.failed,login.succeeded"] {
                refused.append(("audit?event=\(value)", "event"))
            }
            for value in ["", "admin", "1"] { refused.append(("audit?user=\(value)", "user")) }
            for name in ["since", "until"] {
                for value in [
                    "", "yesterday", "2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T24:00:00Z", "-5",
                    "2026-01-01T00:00:00", "2026-01-01T00:00:00+02:00", "9999999999999", "1.5",
                ] { refused.append(("audit?\(name)=\(value)", name)) }
            }
            for value in ["", "up", "ASC"] { refused.append(("audit?order=\(value)", "order")) }
            for value in ["", "%20ada", "%E2%80%8B"] { refused.append(("users?username=\(value)", "username")) }
            refused.append(("users?limit=1&limit=1", "limit"))
            refused.append(("users?limit=1&%6cimit=2", "limit"))
            refused.append(("audit?order=asc&limit=3&order=asc", "order"))
            for query in ["users?limt=5", "audit?usr=\(id)", "users/\(id)?x=1", "users/\(id)/sessions?session=\(id)"] {
                refused.append((query, "query"))
            }
            for query in ["%", "limit=%ff", "%zz=1"] { refused.append(("users?\(query)", "query")) }
            for (target, name) in refused {
                let reply = try admin.get(target)
                #expect(reply.status == 400, "\(target)")
                #expect(reply.problem == "invalid-parameter", "\(target)")
                #expect(reply.detail.contains(name), "\(target): \(reply.detail)")
            }
            #expect(try admin.ask("DELETE", "users/\(id)/sessions?session=\(id)").status == 400)
            #expect(try admin.client.verify(admin.token) == 200)
            for query in ["", "&", "&&limit=5&", "limit=200", "limit=001"] {
                #expect(try admin.get("users?\(query)").status == 200, "\(query)")
            }
        }
    }

    @Test func `bodies that are not as they should be make and change nobody`() async throws {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            let ada = try admin.create("ada", roles: ["reader"])
            let before = try admin.get("users/\(ada)").text
            let many = (0...32).map { "\"role\($0)\"" }.joined(separator: ",")
            let roles = [
                "1", "\"admin\"", "{}", "true", "[1]", "[null]", "[[]]", #"[""]"#, #"["Admin"]"#, #"["a b"]"#,
                #"["a,b"]"#,
                #"["-a"]"#, #"["é"]"#, #"["a\u0000"]"#, #"["\#(String(repeating: "a", count: 65))"]"#, "[\(many)]",
                #"["a","a"]"#, #"["reader","writer","reader"]"#,
            ]
            var refused: [(String, String, String)] = []
            let password = #""password":"\#(APIServer.password)""#
            for value in roles {
                refused.append(("POST", "users", #"{"username":"eve",\#(password),"roles":\#(value)}"#))
                refused.append(("PATCH", "users/\(ada)", #"{"roles":\#(value)}"#))
            }
            for value in ["1", "[]", "{}", "true", #""""#, #"" eve""#, #""eve ""#, #""e\u0000ve""#, #""e\u200bve""#] {
                refused.append(("POST", "users", #"{"username":\#(value),\#(password)}"#))
            }
            let long = String(repeating: "a", count: 255)
            refused.append(("POST", "users", #"{"username":"\#(long)",\#(password)}"#))
            for value in ["1", "[]", "{}", "true", #""""#, #""short""#, #""passwordpassword""#] {
                refused.append(("POST", "users", #"{"username":"eve","password":\#(value)}"#))
                refused.append(("POST", "users/\(ada)/password", #"{"password":\#(value)}"#))
            }
            let endless = String(repeating: "x", count: 1025)
            refused.append(("POST", "users/\(ada)/password", #"{"password":"\#(endless)"}"#))
            for value in ["1", "\"true\"", "[]", "0"] {
                refused.append(("PATCH", "users/\(ada)", #"{"enabled":\#(value)}"#))
                refused.append(("POST", "users/\(ada)/password", #"{"one_time":\#(value)}"#))
            }
            for body in ["{}", #"{"username":"eve"}"#, #"{"enabled":null,"roles":null}"#, #"{"Enabled":false}"#] {
                refused.append(("PATCH", "users/\(ada)", body))
            }
            refused.append(("POST", "users", "{}"))
            refused.append(("POST", "users", #"{"username":null}"#))
            for (method, path) in [("POST", "users"), ("PATCH", "users/\(ada)"), ("POST", "users/\(ada)/password")] {
                for body in [
                    "[]", "1", "null", "\"\"", "{", "{}{}", "{'enabled':false}", #"{"enabled":false,}"#, "\u{FEFF}{}",
                    #"{"enabled":false,"enabled":false}"#, #"{"enabled":false,"en\u0061bled":true}"#,
                    #"{"a":"\ud800"}"#,
                    String(repeating: #"{"a":"#, count: 9) + "1" + String(repeating: "}", count: 9),
                ] { refused.append((method, path, body)) }
            }
            for (method, path, body) in refused {
                let reply = try admin.ask(method, path, body)
                #expect(reply.status == 400, "\(method) \(path) \(body)")
                #expect(reply.problem == "invalid-body", "\(method) \(path) \(body)")
                #expect(!reply.detail.isEmpty)
            }
            for text in [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0xC0, 0x80]] as [[UInt8]] {
                let body = Array(#"{"username":"e"#.utf8) + text + Array(#"",\#(password)}"#.utf8)
                #expect(try admin.ask("POST", "users", body: body).problem == "invalid-body")
            }
            for type in ["application/x-www-form-urlencoded", "text/plain", "application/json-patch+json"] {
                let reply = try admin.ask("POST", "users", body: Array("username=eve".utf8), type: type)
                #expect(reply.status == 415)
                #expect(reply.problem == "unsupported-media-type")
            }
            #expect(try admin.get("users").items.count == 2)
            #expect(try admin.get("users/\(ada)").text == before)
        }
    }

    @Test func `a name of a megabyte is too large, and the longest name is not`() async throws {
        try await APIServer.run { server in
            for body in [
                #"{"username":"\#(String(repeating: "a", count: 1 << 20))"}"#,
                #"{"username":"a","roles":["\#(String(repeating: "a", count: 1 << 20))"]}"#,
            ] {
                let admin = try Administrator(server)
                let reply = try admin.ask("POST", "users", body)
                #expect(reply.status == 413)
                #expect(reply.problem == "content-too-large")
            }
            let admin = try Administrator(server)
            let name = String(repeating: "a", count: 254)
            let roles = (0..<32).map { "\($0)" + String(repeating: "r", count: $0 < 10 ? 63 : 62) }
            let id = try admin.create(name, roles: roles)
            let shown = try admin.get("users/\(id)")
            #expect(shown["username"] == name)
            #expect(shown.roles == roles)
            #expect(try admin.get("users?username=\(name)").items.count == 1)
        }
    }

    @Test func `revocations that name nothing, two things, or the future are refused and end nothing`() async throws {
        try await APIServer.run { server in
            let admin = try Administrator(server)
            let tokens = try admin.client.loginAsAdmin()
            let id = AdminInputTests.unknown
            for body in [
                "{}", #"{"jti":null}"#, #"{"jti":"x"}"#, #"{"jti":1}"#, #"{"sid":""}"#, #"{"sub":"admin"}"#,
                #"{"sub":["\#(id)"]}"#, #"{"jti":"\#(id)","sid":"\#(id)"}"#,
                #"{"sub":"\#(id)","sessions_before":0}"#, #"{"sessions_before":"yesterday"}"#,
                #"{"sessions_before":true}"#, #"{"sessions_before":-1}"#, #"{"sessions_before":1.5}"#,
                #"{"sessions_before":"2999-01-01T00:00:00Z"}"#, #"{"sessions_before":99999999999999}"#,
                #"{"sessions_before":9223372036854775807}"#, #"{"sessions_before":"2026-01-01T00:00:60Z"}"#,
                #"{"jti":"\#(id)","jti":"\#(id)"}"#, "[]",
            ] {
                let reply = try admin.ask("POST", "revocations", body)
                #expect(reply.status == 400, "\(body)")
                #expect(reply.problem == "invalid-body", "\(body)")
            }
            #expect(try admin.ask("POST", "revocations", #"{"sub":"\#(id)"}"#).status == 404)
            #expect(try admin.ask("POST", "revocations").status == 400)
            #expect(try admin.client.verify(tokens.access) == 200)
            #expect(try admin.client.refresh(tokens.refresh).status == 200)
        }
    }
}
