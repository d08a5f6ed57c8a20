import LoadTests
import Testing

@Suite("Target profiles")
struct TargetProfileTests {
    @Test(
        "A file that is no profile is refused with its place",
        arguments: [
            ("", "Line 1, column 1: the file ends within a value."),
            ("[]", "The profile must be an object."),
            ("{\"name\": \"x\",\n  \"name\": \"y\"}", "Line 2, column 3: this name stands twice in its object."),
            ("{\"name\": \"x\"} {}", "Line 1, column 15: something follows the profile."),
            ("{}", "name: this is missing."),
            (#"{"name": "x"}"#, "operations: this is missing."),
            (#"{"name": "", "operations": {}}"#, "name: must be 1 to 64 bytes long."),
            (#"{"name": "a b", "operations": {}}"#, "name: must hold visible ASCII only."),
            (#"{"name": "x", "operations": {}}"#, "operations: must hold an operation at least."),
            (#"{"name": "x", "operations": []}"#, "operations: must be an object."),
            (
                #"{"name": "x", "operations": {"logon": {}}}"#,
                "operations.logon: this is no member known here (there are: login, verify, refresh, logout, "
                    + "plant_login, plant)."
            ),
            (
                #"{"name": "x", "operations": {"login": {"method": "POST", "path": "/"}}}"#,
                "operations.login.success: this is missing."
            ),
        ])
    func noProfile(text: String, expected: String) { #expect(refusal(of: text) == expected) }

    @Test("A file longer than 256 KiB is refused")
    func tooLong() {
        let text = String(repeating: " ", count: TargetProfile.longestFile + 1)
        #expect(refusal(of: text) == "The profile is longer than 256 KiB.")
    }

    @Test("Nesting beyond the limit is refused, and does not exhaust the stack")
    func tooDeep() {
        let text = String(repeating: "[", count: 100_000)
        #expect(refusal(of: text) == "Line 1, column 17: this is nested more than 16 levels deep.")
    }

    @Test(
        "What is wrong in an operation is refused with its place",
        arguments: [
            (
                #""pass": 1,"#,
                "operations.login.pass: this is no member known here (there are: method, path, headers, form, json, "
                    + "body, success, refused, throttled, unavailable, capture)."
            ),
            (
                #""json": {"a\u001b[31m\n": "{b}{"},"#,
                "operations.login.json.a?[31m?: a brace is opened and not closed (a brace itself is written {{)."
            ),
            (#""path": "login","#, "operations.login.path: must begin with a slash and hold visible ASCII without #."),
            (#""path": "/{a?}","#, "operations.login.path: a variable that may be absent cannot stand in a path."),
            (
                #""path": "/{a","#,
                "operations.login.path: a brace is opened and not closed (a brace itself is written {{)."
            ),
            (
                #""path": "/{A}","#,
                "operations.login.path: a variable's name must be 1 to 32 lower-case letters, digits and _, "
                    + "a letter first (a brace itself is written {{)."
            ),
            (
                #""path": "/{nobody}","#,
                "operations.login: nothing gives {nobody}: no operation captures it, and it is not among the variables."
            ),
            (#""headers": {"Host": "x"},"#, "operations.login.headers.Host: the harness itself writes this header."),
            (#""headers": {"a b": "x"},"#, "operations.login.headers.a b: this is no name of a header."),
            (#""headers": {"A": "x", "a": "x"},"#, "operations.login.headers.a: this header stands there twice."),
            (
                #""headers": {"A": "x\r\ny"},"#,
                "operations.login.headers.A: a header's value must hold no control character."
            ),
            (#""form": {"a": 1},"#, "operations.login.form.a: must be a string."),
            (#""json": "a","#, "operations.login.json: must be an object or an array."),
            (#""json": {}, "form": {},"#, "operations.login: there can be one of form, json and body."),
            (#""body": "a","#, "operations.login: a body needs a Content-Type among the headers."),
            (#""success": {"status": []},"#, "operations.login.success.status: must name a status at least."),
            (
                #""success": {"status": [20]},"#,
                "operations.login.success.status[0]: must be a whole number from 200 to 599."
            ),
            (
                #""success": {"status": [200, 1e99]},"#,
                "operations.login.success.status[1]: must be a whole number from 200 to 599."
            ),
            (
                #""success": {"status": [200, 200]},"#,
                "operations.login.success.status[1]: status 200 stands there twice."
            ),
            (
                #""success": {"status": [200], "json": {"active": true}},"#,
                "operations.login.success.json.active: the name must be a JSON pointer such as /active."
            ),
            (
                #""success": {"status": [200], "json": {"/a": []}},"#,
                "operations.login.success.json./a: must be a string, a number, true, false or null."
            ),
            (#""refused": [200],"#, "operations.login.refused: status 200 is already in success."),
            (
                #""refused": [401], "throttled": [429, 401],"#,
                "operations.login.throttled: status 401 is already in refused."
            ),
            (
                #""capture": {"a": "b"},"#,
                "operations.login.capture.a: must be a JSON pointer such as /access_token, or begin with cookie: or "
                    + "header:."
            ),
            (
                #""capture": {"username": "/a"},"#,
                "operations.login.capture.username: the harness itself gives {username}."
            ),
            (#""capture": {"a": "/~2"},"#, nil),
            (#""capture": {"a": "/b", "a?": "/c"},"#, "operations.login.capture.a?: {a} is taken from two places."),
            (#""capture": {"a": "cookie:a b"},"#, "operations.login.capture.a: this is no name of a cookie."),
        ] as [(String, String?)])
    func wrongOperation(members: String, expected: String?) {
        let found = refusal(login: members)
        if let expected { #expect(found == expected) } else { #expect(found?.contains("JSON pointer") == true) }
    }

    @Test(
        "What is wrong beside the operations is refused with its place",
        arguments: [
            (#""client_address": "header""#, "client_address: must be an object."),
            (#""client_address": {}"#, "client_address: must hold either header or proxy_protocol."),
            (#""client_address": {"proxy_protocol": "v3"}"#, "client_address.proxy_protocol: must be one of v1, v2."),
            (
                #""client_address": {"header": "a:"}"#,
                "client_address.header: this is no header that can hold an address."
            ),
            (
                #""client_address": {"header": "HOST"}"#,
                "client_address.header: this is no header that can hold an address."
            ),
            (#""password_length": 11"#, "password_length: must be a whole number from 12 to 64."),
            (#""password_length": 15.5"#, "password_length: must be a whole number from 12 to 64."),
            (#""variables": {"password": "x"}"#, "variables.password: the harness itself gives {password}."),
            (#""variables": {"a-b": "x"}"#, "variables.a-b: this is no name of a variable."),
            (#""metrics": {"throttled": "a b"}"#, "metrics.throttled: this is no name of a series."),
            (#""threads": {"loops": "0123456789abcdef"}"#, "threads.loops: must be 1 to 15 bytes long."),
        ])
    func wrongBeside(members: String, expected: String) { #expect(refusal(login: "", ", " + members) == expected) }

    @Test("A variable that is both captured and asked for is refused")
    func twoSources() {
        #expect(
            refusal(login: #""capture": {"a": "/a"},"#, #", "variables": {"a": "x"}"#)
                == "variables.a: an operation captures a variable of that name.")
    }

    @Test("A GET with a body is refused")
    func bodyOfGet() {
        let text = #"""
            {"name": "x", "operations": {"verify":
                {"method": "GET", "path": "/", "json": {}, "success": {"status": [200]}}}}
            """#
        #expect(refusal(of: text) == "operations.verify: a GET has no body.")
    }

    @Test("What a run needs and a profile lacks is said before it begins")
    func needs() throws {
        let profile = try profile(
            login: #""json": {"key": "{api_key}"},"#, #", "variables": {"api_key": "the key of the project"}"#)
        #expect(throws: ProfileError("The profile x has no operation refresh, which this run needs.")) {
            try profile.operation(.refresh, given: Variables())
        }
        #expect(
            throws: ProfileError("login needs --var api_key=… or --var-file api_key=FILE: the key of the project.")
        ) {
            try profile.operation(.login, given: Variables())
        }
        #expect(try profile.operation(.login, given: profile.variables(given: ["api_key=k"])).name == .login)
    }

    @Test("Shipped profiles can be read, and have what the scenarios of their kind need")
    func shipped() throws {
        #expect(TargetProfile.shippedNames == ["portcullis", "fastapi-tutorial", "bearer"])
        #expect(try TargetProfile.shipped("nobody") == nil)
        for name in TargetProfile.shippedNames {
            let profile = try #require(try TargetProfile.shipped(name))
            #expect(profile.name == name)
            #expect(!profile.summary.isEmpty)
            // A token that is given is only checked.
            let needed: [OperationName] =
                name == "bearer" ? [.verify] : [.login, .verify, .refresh, .logout, .plant]
            for operation in needed {
                #expect(profile[operation] != nil, "\(name) \(operation)")
            }
        }
        let portcullis = try TargetProfile.named("portcullis")
        #expect(portcullis.clientAddress == .header("X-Forwarded-For"))
        #expect(portcullis.metrics.passwordChecks == "portcullis_password_hashes_total")
        #expect(portcullis.threads.hashers == "hash-")
        #expect(portcullis.variables.map(\.name) == ["admin_username", "admin_password"])
    }

    @Test(
        "How a client's address goes along can be said on the command line",
        arguments: [
            ("none", .none), ("proxy-v1", .proxy(.v1)), ("proxy-v2", .proxy(.v2)),
            ("header", .header("X-Forwarded-For")), ("header:X-Real-IP", .header("X-Real-IP")),
        ] as [(String, ClientAddressCarrier)])
    func carrier(argument: String, expected: ClientAddressCarrier) throws {
        #expect(try ClientAddressCarrier(argument: argument) == expected)
    }

    @Test(
        "Another way for a client's address is refused",
        arguments: ["", "v2", "header:", "header:a b", "header:Content-Length", "cookie:x"])
    func noCarrier(argument: String) {
        #expect(
            throws: ProfileError("--client-address: must be none, proxy-v1, proxy-v2, header or header:NAME.")
        ) {
            try ClientAddressCarrier(argument: argument)
        }
    }
}
