import HTTP
import LoadTests
import Testing

@Suite("Answers by profile")
struct ReplyRulesTests {
    private func login(_ members: String) throws -> OperationTemplate {
        try #require(try profile(login: members)[.login])
    }

    /// What the operation takes out of the answer beside a token that was there before; the sentence when it refuses.
    private func capture(_ members: String, _ answer: ResponseParser) throws -> (Variables, String?) {
        var variables = Variables()
        variables["a"] = "before"
        let operation = try login(members)
        do throws(CaptureError) {
            try operation.capture(from: answer, into: &variables)
        } catch {
            return (variables, error.description)
        }
        return (variables, nil)
    }

    @Test("An answer is what its status says, and unexpected when the profile does not know it")
    func verdicts() throws {
        let operation = try login(
            #""success": {"status": [200, 201]}, "refused": [400, 401], "throttled": [429], "unavailable": [503],"#)
        let cases: [(Int, Verdict)] = [
            (200, .success), (201, .success), (204, .unexpected), (302, .unexpected), (400, .refused), (401, .refused),
            (403, .unexpected), (429, .throttled), (500, .unexpected), (503, .unavailable),
        ]
        for (status, verdict) in cases {
            let answer = try answer(status)
            #expect(operation.judge(answer) == verdict, "\(status)")
        }
    }

    @Test("A condition on the body tells a success from what has the same status")
    func conditions() throws {
        let operation = try login(
            #""success": {"status": [200], "json": {"/a/0": true, "/b": "x"}}, "refused": [200],"#)
        let cases: [(String, Verdict)] = [
            (#"{"a": [true], "b": "x"}"#, .success), (#"{"a": [true], "b": "y"}"#, .refused),
            (#"{"a": [false], "b": "x"}"#, .refused), (#"{"a": [], "b": "x"}"#, .refused), ("", .refused),
            (#"{"a": {"0": true}, "b": "x"}"#, .success), ("{", .refused),
        ]
        for (body, verdict) in cases {
            let answer = try answer(200, body)
            #expect(operation.judge(answer) == verdict, "\(body)")
        }
        let strict = try login(#""success": {"status": [200], "json": {"/a": 1}},"#)
        #expect(strict.judge(try answer(200, #"{"a": 2}"#)) == .unexpected)
    }

    @Test(
        "What an answer lacks is named without what is in it, and nothing is taken",
        arguments: [
            (
                "/b", "{\"b\": \"s3cret\"", [],
                "The answer to login (status 200) holds no JSON."
            ),
            (
                "/b", #"{"c": "s3cret"}"#, [],
                "The answer to login (status 200) has no string or whole number at /b to take {b} from."
            ),
            (
                "/b", #"{"b": ""}"#, [],
                "The answer to login (status 200) has no string or whole number at /b to take {b} from."
            ),
            (
                "/b/0", #"{"b": [["s3cret"]]}"#, [],
                "The answer to login (status 200) has no string or whole number at /b/0 to take {b} from."
            ),
            (
                "cookie:b", "", ["Set-Cookie: B=s3cret", "Set-Cookie: b=; Max-Age=0", "Set-Cookie: s3cret"],
                "The answer to login (status 200) has no cookie b to take {b} from."
            ),
            (
                "header:X-Auth-Token", "", ["X-Other: s3cret"],
                "The answer to login (status 200) has no field x-auth-token to take {b} from."
            ),
        ] as [(String, String, [String], String)])
    func lacking(source: String, body: String, fields: [String], expected: String) throws {
        let (variables, error) = try capture(
            #""capture": {"a?": "/c", "b": "\#(source)"},"#, try answer(200, body, fields: fields))
        #expect(error == expected)
        #expect(variables["a"] == "before")
    }

    @Test(
        "Values are taken from bodies, cookies and fields",
        arguments: [
            ("/b", #"{"b": "v"}"#, []), ("/b/1/c~1d", #"{"b": [0, {"c/d": "v"}]}"#, []),
            ("/x", #"{"x": "\u0076"}"#, []),
            ("cookie:n", "", ["Set-Cookie: n=old", "Set-Cookie: n = v ; Path=/; HttpOnly"]),
            ("header:X-Auth-Token", "", ["x-auth-token: v"]),
        ] as [(String, String, [String])])
    func taken(source: String, body: String, fields: [String]) throws {
        let (variables, error) = try capture(
            #""capture": {"b": "\#(source)"},"#, try answer(200, body, fields: fields))
        #expect(error == nil)
        #expect(variables["b"] == "v")
        #expect(variables["a"] == "before")
    }

    @Test("What may be absent changes nothing when it is, even of an answer that is no JSON")
    func optional() throws {
        let (variables, error) = try capture(#""capture": {"a?": "/a"},"#, try answer(200, "no JSON"))
        #expect(error == nil)
        #expect(variables["a"] == "before")
    }

    @Test("A whole number is taken as its digits, and replaces what was there")
    func number() throws {
        let (variables, error) = try capture(#""capture": {"a": "/id"},"#, try answer(200, #"{"id": 17}"#))
        #expect(error == nil)
        #expect(variables["a"] == "17")
    }
}
