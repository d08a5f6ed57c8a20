import HTTP
import JSON
import LoadTests
import Testing

@Suite("Requests from templates")
struct OperationTemplateTests {
    private let user: Variables = {
        var variables = Variables()
        variables["username"] = "o'neil+x=1&y@example.com"
        variables["password"] = "a \"b\"\\\u{1}é/"
        return variables
    }()

    private func text(
        _ members: String, _ variables: Variables, basePath: String = "", addressField: String? = nil
    ) throws -> String {
        let operation = try #require(try profile(login: members)[.login])
        let bytes = try operation.request(
            host: "h:1", basePath: basePath, variables: variables, addressField: addressField)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func body(of request: String) throws -> String {
        let end = try #require(request.firstRange(of: "\r\n\r\n"))
        return String(request[end.upperBound...])
    }

    @Test("A variable that nothing has given is named, and no value is")
    func missing() {
        #expect(throws: TemplateError("login cannot be sent: nothing has given {username} yet.")) {
            try text(#""form": {"u": "{username}"},"#, Variables())
        }
    }

    @Test("A header cannot be ended by a value", arguments: ["a\r\nX: y", "a\nb", "a\u{0}", "\u{7F}"])
    func injection(value: String) {
        var variables = Variables()
        variables["username"] = value
        #expect(
            throws: TemplateError("login cannot be sent: {username} holds a control character, which no header may.")
        ) {
            try text(#""headers": {"A": "{username}"},"#, variables)
        }
    }

    @Test("A value cannot leave its place in a path")
    func path() throws {
        var variables = Variables()
        variables["username"] = "../a b?c#d\r\n"
        let request = try text(#""path": "/u/{username}?x={username}","#, variables, basePath: "/base")
        let encoded = "..%2Fa%20b%3Fc%23d%0D%0A"
        #expect(request.hasPrefix("POST /base/u/\(encoded)?x=\(encoded) HTTP/1.1\r\nHost: h:1\r\n"))
        #expect(request.hasSuffix("\r\nContent-Length: 0\r\n\r\n"))
    }

    @Test("A form is read as what was put into it")
    func form() throws {
        let request = try text(#""form": {"user name": "{username}", "p": "{{{password}}", "e": ""},"#, user)
        #expect(request.contains("\r\nContent-Type: application/x-www-form-urlencoded\r\n"))
        let body = try body(of: request)
        #expect(request.contains("\r\nContent-Length: \(body.utf8.count)\r\n"))
        let form = try Form(Array(body.utf8))
        #expect(form["user name"] == user["username"])
        #expect(form["p"] == "{\(user["password"] ?? "")}")
        #expect(form["e"] == "")
    }

    @Test("JSON is read as what was put into it, and keeps what is no string")
    func json() throws {
        let request = try text(
            #""json": {"\"u": "<{username}>", "l": [1, true, null, {"p": "{password}"}, -0.5], "o": {}},"#, user)
        #expect(request.contains("\r\nContent-Type: application/json\r\n"))
        let value = try JSONValue(parsing: Array(try body(of: request).utf8))
        #expect(value.object?["\"u"] == .string("<\(user["username"] ?? "")>"))
        let inner = JSONObject(members: [JSONObject.Member(name: "p", value: .string(user["password"] ?? ""))])
        #expect(
            value.object?["l"] == .array([.integer(1), .bool(true), .null, .object(inner), .number(-0.5)]))
        #expect(value.object?["o"] == .object(JSONObject(members: [])))
    }

    @Test("What an absent variable stands in is left out, wherever that is")
    func absent() throws {
        let capture = #", "capture": {"d": "/d"},"#
        let cases: [(members: String, without: String, with: String)] = [
            (#""json": {"a": "{d?}", "b": "1", "c": "{d?}"}"#, #"{"b":"1"}"#, #"{"a":"v","b":"1","c":"v"}"#),
            (#""json": {"a": ["{d?}", 1], "b": {"c": "{d?}"}}"#, #"{"a":[1],"b":{}}"#, #"{"a":["v",1],"b":{"c":"v"}}"#),
            (#""form": {"a": "{d?}", "b": "1"}"#, "b=1", "a=v&b=1"),
        ]
        var device = Variables()
        device["d"] = "v"
        for (members, without, with) in cases {
            #expect(try body(of: text(members + capture, Variables())) == without)
            #expect(try body(of: text(members + capture, device)) == with)
        }
        let header = #""headers": {"X-D": "d={d?}"}"# + capture
        #expect(try !text(header, Variables()).contains("X-D"))
        #expect(try text(header, device).contains("\r\nX-D: d=v\r\n"))
    }

    @Test("A body of one's own goes as it is, with its own type")
    func ownBody() throws {
        let request = try text(
            #""headers": {"content-type": "text/plain"}, "body": "{{{username}}\n","#, user)
        #expect(try body(of: request) == "{\(user["username"] ?? "")}\n")
        #expect(request.contains("\r\ncontent-type: text/plain\r\n"))
        #expect(!request.contains("Content-Type:"))
    }

    @Test("A client's address goes along once, and the profile's own field goes before")
    func address() throws {
        var variables = Variables()
        #expect(try !text("", variables, addressField: "X-Forwarded-For").contains("X-Forwarded-For"))
        variables["address"] = "10.1.2.3"
        #expect(try text("", variables, addressField: "X-Forwarded-For").contains("\r\nX-Forwarded-For: 10.1.2.3\r\n"))
        let own = try text(
            #""headers": {"x-forwarded-for": "{address}, 10.0.0.1"},"#, variables, addressField: "X-Forwarded-For")
        #expect(own.contains("\r\nx-forwarded-for: 10.1.2.3, 10.0.0.1\r\n"))
        #expect(!own.contains("X-Forwarded-For"))
    }

    @Test("Every request of the shipped profiles is one that our own server reads")
    func readable() throws {
        var variables = user
        for name in ["access_token", "refresh_token", "admin_token", "user_id", "admin_username", "admin_password"] {
            variables[name] = "v-\(name)"
        }
        for name in TargetProfile.shippedNames {
            for operation in try TargetProfile.named(name).operations {
                let request = try operation.request(host: "[::1]:8080", basePath: "/base", variables: variables)
                var parser = RequestParser(limits: Limits())
                let isWhole = try request.withUnsafeBytes { try parser.parse($0) }
                #expect(isWhole, "\(name) \(operation.name)")
                #expect(parser.head.method == operation.method)
            }
        }
    }

    @Test("Printing or reflecting variables shows names, and no value")
    func secrets() {
        var variables = Variables()
        variables["password"] = "s3cret"
        variables["gone"] = "s3cret"
        variables["gone"] = nil
        #expect("\(variables)" == "values of password")
        #expect(String(reflecting: variables) == "values of password")
        var dumped = ""
        dump(variables, to: &dumped)
        #expect(!dumped.contains("s3cret"))
    }
}
