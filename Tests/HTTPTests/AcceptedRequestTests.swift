import HTTP
import Testing

let acceptedHeads = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.9\r\nHost: a\r\n\r\n",
    "PROPFIND /x?y=z?&%zz|{}\"<>\\^`[] HTTP/1.1\r\nHost: a_b-c.%41~!$&'()*+,;=:0\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a:\r\n\r\n",
    "GET http://A.example:80 HTTP/1.1\r\nhost: a.EXAMPLE:80\r\n\r\n",
    "GET HTTPS://[::ffff:1.2.3.4]:65535/a?b HTTP/1.1\r\nHOST:[::FFFF:1.2.3.4]:65535\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: \t a \t \r\nContent-Length:   12\t\r\nEmpty:\r\nObs: caf\u{E9}\tx\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\nConnection: TE, Close\r\n\r\n",
    "GET /v HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer abc\r\nCookie: a=b\r\nX-Forwarded-For: 1.2.3.4\r\n"
        + "Origin: https://a\r\nSec-Fetch-Site: same-origin\r\nX-Request-ID: r1\r\nContent-Type: text/plain\r\n"
        + "Forwarded: for=1.2.3.4\r\nX-Other: 1\r\nx-other: 2\r\nAuthorization: Basic x\r\n\r\n",
]

@Suite struct AcceptedRequestTests {
    func head(_ text: String) throws -> RequestHead { try #require(read(text).head) }

    @Test func `the request line is taken apart (RFC 9112 3)`() throws {
        let text = "DELETE /a/b%2F..?c=d?e HTTP/1.1\r\nHost: a\r\n\r\n"
        let head = try head(text)
        #expect(head.method == .delete && head.version == .http11 && head.length == text.utf8.count)
        #expect(part(head.target, of: text) == "/a/b%2F..?c=d?e")
        #expect(part(head.path, of: text) == "/a/b%2F..")
        #expect(part(head.query, of: text) == "c=d?e")
        #expect(try self.head(acceptedHeads[0]).query == nil)
        #expect(part(try self.head("GET /? HTTP/1.0\r\n\r\n").query, of: "GET /? HTTP/1.0") == "")
    }

    @Test(arguments: Method.allCases)
    func `every method is known by its name (RFC 9110 9)`(method: Method) throws {
        let name = method == .other ? "X-PURGE_2" : "\(method.name)"
        #expect(try head("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n").method == method)
    }

    @Test(arguments: [
        ("OPTIONS * HTTP/1.1", "*", nil), ("GET http://a HTTP/1.1", "/", nil), ("GET http://a? HTTP/1.1", "/", ""),
        ("GET http://a?b/c HTTP/1.1", "/", "b/c"), ("GET hTTp://a/b/c?d HTTP/1.1", "/b/c", "d"),
        ("GET //a HTTP/1.1", "//a", nil), ("GET /http://a HTTP/1.1", "/http://a", nil),
    ])
    func `the forms of a target give path and query (RFC 9112 3.2)`(line: String, path: String, query: String?) throws {
        let text = line + "\r\nHost: a\r\n\r\n"
        let head = try head(text)
        #expect(part(head.path, of: text) == path)
        #expect(part(head.query, of: text) == query)
    }

    @Test func `well-known fields are found while reading, the others on demand (RFC 9110 5)`() throws {
        let text = acceptedHeads[10]
        let head = try head(text)
        #expect(part(head.authorization.range, of: text) == "Bearer abc" && head.authorization.count == 2)
        #expect(part(head.cookie.range, of: text) == "a=b" && head.cookie.count == 1)
        #expect(part(head.xForwardedFor.range, of: text) == "1.2.3.4")
        #expect(part(head.forwarded.range, of: text) == "for=1.2.3.4")
        #expect(part(head.origin.range, of: text) == "https://a")
        #expect(part(head.secFetchSite.range, of: text) == "same-origin")
        #expect(part(head.xRequestID.range, of: text) == "r1")
        #expect(part(head.contentType.range, of: text) == "text/plain")
        #expect(part(head.host.range, of: text) == "a" && head.fieldCount == 12)
        let others = Array(text.utf8).withUnsafeBytes { head.value(of: "x-other", in: $0) }
        #expect(part(others.range, of: text) == "1" && others.count == 2)
        #expect(Array(text.utf8).withUnsafeBytes { head.value(of: "x-othe", in: $0) }.range == nil)
    }

    @Test func `white space around a value is no part of it (RFC 9112 5.1)`() throws {
        let text = acceptedHeads[8]
        let head = try head(text)
        #expect(part(head.host.range, of: text) == "a")
        let (empty, obs) = Array(text.utf8).withUnsafeBytes {
            (head.value(of: "empty", in: $0), head.value(of: "obs", in: $0))
        }
        #expect(part(empty.range, of: text) == "" && part(obs.range, of: text) == "caf\u{E9}\tx")
    }

    @Test(arguments: [
        ("HTTP/1.1\r\nHost: a", true), ("HTTP/1.0\r\nHost: a", false),
        ("HTTP/1.1\r\nHost: a\r\nConnection: close", false),
        ("HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, CLOSE ,x", false),
        ("HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection:,,close", false),
        ("HTTP/1.1\r\nHost: a\r\nConnection: closed, not-close", true),
        ("HTTP/1.0\r\nHost: a\r\nConnection: keep-alive", false),
        ("HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c", true),
    ])
    func `the connection stays unless it is said otherwise (RFC 9112 9.3)`(rest: String, keepAlive: Bool) throws {
        #expect(try head("GET / \(rest)\r\n\r\n").keepAlive == keepAlive)
    }

    @Test(arguments: [
        ("", BodyFraming.none), ("Content-Length: 0\r\n", .length(0)), ("Content-Length: 0065536\r\n", .length(65536)),
        ("TRANSFER-ENCODING: CHUNKED\r\n", .chunked),
    ])
    func `the body's end is known from the head (RFC 9112 6.3)`(fields: String, body: BodyFraming) throws {
        #expect(try head("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n").body == body)
    }

    @Test(arguments: [
        ("1.1", "Content-Length: 1\r\nExpect: 100-continue\r\n", true),
        ("1.1", "Transfer-Encoding: chunked\r\nExpect: 100-CONTINUE\r\nExpect: 100-continue\r\n", true),
        ("1.1", "Content-Length: 0\r\nExpect: 100-continue\r\n", false),
        ("1.1", "Expect: 100-continue\r\n", false), ("1.0", "Content-Length: 1\r\nExpect: 100-continue\r\n", false),
    ])
    func `100-continue is heard where a body follows (RFC 9110 10.1.1)`(version: String, fields: String, expects: Bool)
        throws
    {
        #expect(try head("POST / HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n").expectsContinue == expects)
    }

    @Test func `one request after the other is read from one buffer`() throws {
        let first = "GET /1 HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nConnection: close\r\n\r\n"
        let second = "GET /2 HTTP/1.1\r\nHost: b\r\n\r\n"
        var parser = RequestParser(limits: Limits())
        let answers = try Array((first + second).utf8).withUnsafeBytes { bytes in
            var answers = [try parser.parse(bytes), try parser.parse(bytes)]
            let rest = UnsafeRawBufferPointer(rebasing: bytes[parser.head.length...])
            parser.reset()
            answers.append(try parser.parse(rest))
            return answers
        }
        #expect(answers == [true, true, true], "asked again before the reset, it says the same")
        #expect(parser.head == read(second).head)
    }

    @Test func `a request keeps its bytes`() throws {
        let text =
            "POST /a?b HTTP/1.1\r\nHost: a\r\nContent-Type: Application/JSON ; charset=x\r\nX-A: \u{E9}\r\n\r\nrest"
        let head = try head(text)
        let request = Array(text.utf8).withUnsafeBytes { Request(head, in: $0, body: [1]) }
        #expect(request.method == .post && request.path == "/a" && request.query == "b" && request.body == [1])
        #expect(request.mediaType == "application/json" && request.field("x-a") == "\u{E9}")
        #expect(request.field("x-b") == nil && request.headBytes.count == head.length)
    }
}
