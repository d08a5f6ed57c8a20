import HTTP
import Testing

/// Feeds all of `text`; returns the bytes that belonged to the response.
func receive(_ text: String, _ parser: inout ResponseParser) throws(ResponseError) -> Int {
    try Array(text.utf8).span.bytes.withUnsafeBytes { (bytes) throws(ResponseError) in try parser.receive(bytes) }
}

func refusal(of text: String, limits: Limits = Limits()) -> ResponseError? {
    var parser = ResponseParser(limits: limits)
    parser.begin()
    do throws(ResponseError) {
        _ = try receive(text, &parser)
        return nil
    } catch { return error }
}

@Suite struct ResponseParserTests {
    @Test(arguments: [
        "\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2000\r\n\r\n", "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 099 A\r\n\r\n", "HTTP/1.1 600 A\r\n\r\n", "HTTP/1.1  200\r\n\r\n", "http/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\n", "HTTP/1.1 200 O\u{0}K\r\n\r\n", "HTTP/1.1 200 OK\r\nA\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx",
    ])
    func `a broken response is refused (RFC 9112 4 and 6)`(text: String) {
        #expect(refusal(of: text) == .malformed)
    }

    @Test func `a response beyond the limits is refused`() {
        var limits = Limits()
        limits.bodyBytes = 3
        limits.headBytes = 100
        limits.headerFields = 2
        let head = "HTTP/1.1 200 OK\r\n"
        #expect(refusal(of: head + "Content-Length: 4\r\n\r\n", limits: limits) == .tooLarge)
        #expect(refusal(of: head + "Transfer-Encoding: chunked\r\n\r\n4\r\n", limits: limits) == .tooLarge)
        #expect(refusal(of: head + "\r\nabcd", limits: limits) == .tooLarge)
        #expect(refusal(of: head + "A: b\r\nA: b\r\nA: b\r\n\r\n", limits: limits) == .tooLarge)
        #expect(refusal(of: String(repeating: "a", count: 101), limits: limits) == .tooLarge)
    }

    @Test func `a response cut short is told from one that ends with its connection (RFC 9112 6.3)`() throws {
        for text in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na"] {
            var parser = ResponseParser(limits: Limits())
            parser.begin()
            _ = try receive(text, &parser)
            #expect(throws: ResponseError.cutShort) { try parser.finish() }
        }
        var parser = ResponseParser(limits: Limits())
        parser.begin()
        _ = try receive("HTTP/1.1 200 OK\r\n\r\nabc", &parser)
        #expect(!parser.isComplete && !parser.keepAlive)
        try parser.finish()
        #expect(parser.isComplete && parser.body == Array("abc".utf8))
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello",
        "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\nX-A: 2\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nT: r\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX-A: 0\r\n\r\n"
            + "HTTP/1.1 200 OK\r\nX-A: 1\r\nX-A:2\r\nContent-Length: 5\r\n\r\nhello",
    ])
    func `a response reads the same however it is cut, and interim ones are passed over`(text: String) throws {
        let bytes = Array(text.utf8)
        for cut in bytes.indices {
            var parser = ResponseParser(limits: Limits())
            parser.begin()
            let first = String(decoding: bytes[..<cut], as: UTF8.self)
            let second = String(decoding: bytes[cut...], as: UTF8.self)
            #expect(try receive(first, &parser) == cut && !parser.isComplete)
            #expect(try receive(second + "HTTP/1.1", &parser) == bytes.count - cut)
            #expect(parser.isComplete && parser.status == 200 && parser.keepAlive)
            #expect(parser.body == Array("hello".utf8) && parser.values("x-a") == ["1", "2"])
            #expect(parser.field("x-a") == "1" && parser.field("x-b") == nil)
        }
    }

    @Test func `answers without content end with their head (RFC 9110 6.4.1)`() throws {
        var parser = ResponseParser(limits: Limits())
        for (status, isHead) in [("204 No Content", false), ("304 Not Modified", false), ("200 OK", true)] {
            parser.begin(isHead: isHead)
            let head = "HTTP/1.1 \(status)\r\nContent-Length: 5\r\n\r\n"
            #expect(try receive(head + "HTTP", &parser) == head.utf8.count)
            #expect(parser.isComplete && parser.body.isEmpty && parser.keepAlive)
        }
        parser.begin()
        _ = try receive("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", &parser)
        #expect(parser.isComplete && !parser.keepAlive)
        parser.begin()
        _ = try receive("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", &parser)
        #expect(parser.isComplete && !parser.keepAlive)
    }
}

@Suite struct RequestSerializerTests {
    func write(_ method: Method, _ target: String, host: String, body: [UInt8]? = nil) throws(InvalidFieldValue)
        -> String
    {
        var headers = Headers()
        try headers.append("Authorization", "Bearer x")
        var output = OutputBuffer()
        try RequestSerializer.write(method, target, host: host, headers: headers, body: body, to: &output)
        return bytes(of: output)
    }

    @Test(arguments: [
        ("", "a"), ("/ HTTP/1.1\r\nX: y", "a"), ("/a b", "a"), ("/#", "a"), ("/", ""), ("/", "a\r\nX: y"), ("/", "u@a"),
    ])
    func `nothing breaks out of a request line or Host`(target: String, host: String) {
        #expect(throws: InvalidFieldValue.self) { try write(.get, target, host: host) }
    }

    @Test func `what is written our own parser reads`() throws {
        let text = try write(.post, "/a?b", host: "a:80", body: [1, 2, 3])
        let head = try #require(read(text).head)
        #expect(head.method == .post && head.body == .length(3) && part(head.host.range, of: text) == "a:80")
        #expect(part(head.target, of: text) == "/a?b" && part(head.authorization.range, of: text) == "Bearer x")
        #expect(try #require(read(try write(.get, "/", host: "[::1]")).head).body == .none)
    }
}
