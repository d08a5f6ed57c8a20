import AuthServer
import JSON
import TestSupport
import Testing

/// What a login may be made of. The server's state tells that nothing was hashed and nothing stored for the rest.
@Suite(.timeLimit(.minutes(5))) struct LoginInputTests {
    private struct Body {
        let type: String?
        let bytes: [UInt8]
        let status: Int
        let problem: String

        init(_ type: String?, _ bytes: [UInt8], _ status: Int = 400, _ problem: String = "invalid-body") {
            (self.type, self.bytes, self.status, self.problem) = (type, bytes, status, problem)
        }

        static func json(_ text: String) -> Body { Body("application/json", Array(text.utf8)) }
        static func form(_ text: String) -> Body { Body("application/x-www-form-urlencoded", Array(text.utf8)) }
        static func type(_ type: String?) -> Body {
            Body(type, Array(#"{"username":"a","password":"b"}"#.utf8), 415, "unsupported-media-type")
        }
    }

    private static let refusedBodies: [Body] =
        [
            .json("{}"), .json("[]"), .json("null"), .json("1"), .json(#""username""#), .json("{"), .json("}"),
            .json(#"{"username":"admin"}"#), .json(#"{"password":"admin"}"#),
            .json(#"{"username":null,"password":"b"}"#),
            .json(#"{"username":1,"password":"b"}"#), .json(#"{"username":"a","password":true}"#),
            .json(#"{"username":["a"],"password":"b"}"#), .json(#"{"username":{"a":1},"password":"b"}"#),
            .json(#"{"username":"a","username":"a","password":"b"}"#),
            .json(#"{"username":"a","\u0075sername":"c","password":"b"}"#),
            .json(#"{"username":"a","password":"b","x":1,"x":2}"#),
            .json(#"{"username":"a","password":"b"}}"#), .json(#"{"username":"a","password":"b"} x"#),
            .json("\u{FEFF}" + #"{"username":"a","password":"b"}"#), .json(#"{"username":"a","password":"\ud800"}"#),
            .json("{\"username\":\"a\",\"password\":\"\u{1}\"}"), .json(#"{"username":"a","password":"b",}"#),
            .json(#"{"username":"a","password":"b","x":[[[[[[[[1]]]]]]]]}"#),
            .json(#"{"username":"a","password":"b","grant_type":7}"#),
            .json(#"{"username":"a","password":"b","token_delivery":"post"}"#),
            .json(#"{"username":"a","password":"b","token_delivery":1}"#),
            Body("application/json", Array(#"{"username":"a","password":""#.utf8) + [0xFF] + Array(#""}"#.utf8)),
            Body("application/json", Array(#"{"username":"a","password":""#.utf8) + [0xC0, 0x80] + Array(#""}"#.utf8)),
            .form("username=a"), .form("password=b"), .form("username=a&password=b&username=a"),
            .form("username=a&%75sername=c&password=b"), .form("username=a&password=%"),
            .form("username=a&password=%4"),
            .form("username=a&password=%zz"), .form("username=a&password=%ff"), .form("username=a&password=%ed%a0%80"),
            .form("username=a&password=b&" + (0..<63).map { "f\($0)=1" }.joined(separator: "&")),
            Body("application/x-www-form-urlencoded", [0xFF, 0xFE]), Body("application/json", []), Body(nil, []),
            .type(nil), .type("text/plain"), .type("application/jsonx"), .type("multipart/form-data; boundary=x"),
            .type("application/json\r\nContent-Type: application/json"),
        ]
        + ["refresh_token", "client_credentials", "", "PASSWORD"].map {
            Body(
                "application/json", Array(#"{"username":"a","password":"b","grant_type":"\#($0)"}"#.utf8), 400,
                "unsupported-grant-type")
        }

    @Test func `a body that is not what it should be is refused before any work is done for it`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let store = server.application.embeddedStore?.statistics
            for body in LoginInputTests.refusedBodies {
                let type = body.type.map { ["Content-Type: \($0)"] } ?? []
                let reply = try client.exchange("POST", "/api/v1/auth/login", type, body: body.bytes)
                let text = Comment(rawValue: String(decoding: body.bytes, as: UTF8.self))
                #expect(reply.status == body.status, text)
                #expect(reply.problem == body.problem, text)
            }
            #expect(server.application.hashesComputed == 0)
            #expect(server.application.embeddedStore?.statistics == store)
        }
    }

    @Test func `a body that is too large is 413 and ends the connection (RFC 9110 15.5.14)`() async throws {
        try await APIServer.run { server in
            let json = "Content-Type: application/json"
            let announced = try server.client()
            announced.send("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\n\(json)\r\nContent-Length: 65537\r\n\r\n")
            #expect(announced.receive()?.status == 413)
            let chunked = try server.client()
            chunked.send("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\n\(json)\r\nTransfer-Encoding: chunked\r\n\r\n")
            chunked.send("10001\r\n" + String(repeating: " ", count: 0x10001))
            #expect(chunked.receive()?.status == 413)
            for client in [announced, chunked] { #expect(client.isEnded()) }
            let largest = #"{"username":"admin","password":"x"}"# + String(repeating: " ", count: 65_536 - 35)
            #expect(try server.client().post("/api/v1/auth/login", json: largest).status == 401)
        }
    }

    @Test func `a password of 1025 bytes is refused before it is hashed and one of 1024 is not`() async throws {
        try await APIServer.run { server in
            let longest = String(repeating: "0123456789abcdef", count: 64)
            try await server.makeUser("ada", password: longest)
            let client = try server.client()
            let store = server.application.embeddedStore?.statistics
            for password in [longest + "0", String(repeating: "é", count: 513), String(repeating: "x", count: 60_000)] {
                for name in ["ada", "nobody"] {
                    let reply = try client.tryLogin(name, password)
                    #expect(reply.status == 400)
                    #expect(reply.problem == "invalid-body")
                }
            }
            #expect(server.application.hashesComputed == 0)
            #expect(server.application.embeddedStore?.statistics == store)
            #expect(try client.tryLogin("ada", longest).status == 200)
            #expect(server.application.hashesComputed == 1)
        }
    }

    @Test(arguments: [
        "username=admin&password=seven+owls%20at+noon+knit",
        "grant_type=password&username=admin&password=seven+owls+at+noon+knit&scope=a+b&client_id=c&client_secret=d",
        "username=%61dmin&password=seven+owls+at+noon+knit&unknown=%00&&token_delivery=body",
    ])
    func `the OAuth2 password form logs in and scope and client are ignored (RFC 6749 4.3.2)`(_ form: String)
        async throws
    {
        try await APIServer.run { server in
            let client = try server.client()
            let reply = try client.post("/api/v1/auth/login", form: form)
            let tokens = try reply.tokens()
            #expect(try client.verify(tokens.access) == 200)
        }
    }

    @Test func `JSON logs in, with parameters of its type, unknown members and as much depth as there may be`()
        async throws
    {
        try await APIServer.run { server in
            let client = try server.client()
            let credentials = #""username":"admin","password":"seven owls at noon knit""#
            for members in [
                "", #","grant_type":"password","scope":"x","client_id":7,"client_secret":null"#,
                #","grant_type":null,"token_delivery":null"#, #","x":[[[[[[{}]]]]]]"#, ",\"é\":1,\"e\u{301}\":2",
            ] {
                let reply = try client.post("/api/v1/auth/login", json: "{\(credentials)\(members)}")
                #expect(reply.status == 200, "\(members)")
            }
            let type = ["Content-Type: APPLICATION/JSON ; charset=utf-8"]
            let reply = try client.exchange("POST", "/api/v1/auth/login", type, body: Array("{\(credentials)}".utf8))
            #expect(reply.status == 200)
        }
    }

    @Test func `token replies are not kept by any cache and say what they hold (RFC 6749 5.1)`() async throws {
        try await APIServer.run {
            $0.accessTokenSeconds = 77
        } _: { server in
            let client = try server.client()
            let login = try client.tryLogin("admin", APIServer.adminPassword)
            let refresh = try client.refresh(login.tokens().refresh)
            for reply in [login, refresh] {
                #expect(reply.field("cache-control") == "no-store")
                #expect(reply.field("content-type") == "application/json")
                #expect(reply.object?["expires_in"]?.integer == 77)
                #expect(reply.field("set-cookie") == nil)
                // A login makes the device known, a refresh has nothing to say of it.
                let names = reply.object?.members.map(\.name).filter { $0 != "device_token" || reply != login }
                #expect(names == ["access_token", "refresh_token", "token_type", "expires_in"])
            }
        }
    }

    @Test func `two Authorization fields are refused where none is needed`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            for path in ["login", "refresh"] {
                let reply = try client.post(
                    "/api/v1/auth/\(path)", form: "username=a&password=b&refresh_token=c",
                    ["Authorization: Bearer a", "Authorization: Bearer b"])
                #expect(reply.status == 400)
            }
        }
    }

    @Test func `names are case-folded and passwords normalized, but nothing else is done to them`() async throws {
        try await APIServer.run { server in
            try await server.makeUser("Zoë Straße", password: "un café très serré")
            let client = try server.client()
            for name in ["Zoë Straße", "zoe\u{308} strasse", "ZOË STRASSE"] {
                for password in ["un café très serré", "un cafe\u{301} tre\u{300}s serre\u{301}"] {
                    #expect(try client.tryLogin(name, password).status == 200, "\(name)")
                }
            }
            for password in ["Un café très serré", "un cafe tres serre", " un café très serré", "un café très serré\n"]
            {
                #expect(try client.tryLogin("Zoë Straße", password).status == 401)
            }
            for name in ["zoe strasse", " Zoë Straße", "Zoë Straße\u{200B}", "", "Zoë\u{0}Straße"] {
                #expect(try client.tryLogin(name, "un café très serré").status == 401)
            }
        }
    }
}
