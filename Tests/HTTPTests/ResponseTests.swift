import HTTP
import Testing

func bytes(of output: borrowing OutputBuffer) -> String { output.withBytes { String(decoding: $0, as: UTF8.self) } }

let date = HTTPDate(unixSeconds: 784_111_777)
let requestID = RequestID(0x0123_4567_89AB_CDEF, 7)

func write(_ response: Response, keepAlive: Bool = true, headOnly: Bool = false) -> String {
    var output = OutputBuffer()
    ResponseSerializer.write(
        response, to: &output, date: date, requestID: requestID, keepAlive: keepAlive, headOnly: headOnly)
    return bytes(of: output)
}

let changingPart =
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Request-Id: 0123456789abcdef0000000000000007\r\n"

@Suite struct HeadersTests {
    @Test(arguments: ["a\r\nSet-Cookie: b=c", "a\rb", "a\nb", "a\0b", "\u{7F}", "\u{1B}[0m", "\r\n", "a\u{0B}"])
    func `no control character reaches a head (RFC 9110 5.5)`(value: String) {
        var headers = Headers()
        #expect(throws: InvalidFieldValue(name: "X-A")) { try headers.append("X-A", value) }
        #expect(headers.isEmpty)
    }

    @Test func `fields are kept in order, as they are sent`() throws {
        var headers = Headers()
        try headers.append("X-Auth-Subject", "")
        try headers.append("X-A", "b\tc é")
        headers.append("Retry-After", decimal: 5)
        headers.append("Cache-Control", constant: "no-store")
        let expected = "X-Auth-Subject: \r\nX-A: b\tc é\r\nRetry-After: 5\r\nCache-Control: no-store\r\n"
        #expect(String(decoding: headers.bytes, as: UTF8.self) == expected)
    }
}

@Suite struct ResponseSerializerTests {
    @Test func `an answer has length, date and request id (RFC 9112 4, RFC 9110 6.6.1)`() {
        var response = Response.json(.ok, Array("{}".utf8))
        response.headers.append("Cache-Control", constant: "no-store")
        let head =
            "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        #expect(write(response) == head + changingPart + "\r\n{}")
        #expect(write(response, headOnly: true) == head + changingPart + "\r\n")
        #expect(write(response, keepAlive: false) == head + changingPart + "Connection: close\r\n\r\n{}")
        response.closesConnection = true
        #expect(write(response) == head + changingPart + "Connection: close\r\n\r\n{}")
    }

    @Test func `an empty answer says so`() {
        #expect(
            write(Response(.unauthorized)) == "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n" + changingPart
                + "\r\n")
    }

    @Test(arguments: [Status.noContent, .notModified])
    func `204 and 304 carry neither length nor content (RFC 9110 8.6)`(status: Status) {
        let response = Response(status, contentType: "text/plain", body: [1])
        let expected = "HTTP/1.1 \(status.code) \(status.reason)\r\n" + changingPart + "\r\n"
        #expect(write(response) == expected)
        var output = OutputBuffer()
        ResponseSerializer.write(
            PreparedResponse(response), to: &output, date: date, requestID: requestID, keepAlive: true, headOnly: false)
        #expect(bytes(of: output) == expected)
    }

    @Test func `a prepared answer is the same, byte for byte`() throws {
        var response = Response.json(.forbidden, Array("[1]".utf8))
        try response.headers.append("X-Auth-Roles", "a,b")
        for (closes, keepAlive, headOnly) in [(false, true, false), (false, false, true), (true, true, false)] {
            response.closesConnection = closes
            var output = OutputBuffer()
            ResponseSerializer.write(
                PreparedResponse(response), to: &output, date: date, requestID: requestID, keepAlive: keepAlive,
                headOnly: headOnly)
            #expect(bytes(of: output) == write(response, keepAlive: keepAlive, headOnly: headOnly))
        }
    }

    @Test func `what is written our own client reads`() throws {
        var parser = ResponseParser(limits: Limits())
        parser.begin()
        let text = write(Response.json(.created, Array("{\"a\":1}".utf8)), keepAlive: false)
        #expect(try receive(text, &parser) == text.utf8.count)
        #expect(
            parser.isComplete && parser.status == 201 && parser.body == Array("{\"a\":1}".utf8) && !parser.keepAlive)
    }
}

@Suite struct ProblemTests {
    @Test func `a problem names its kind and its request (RFC 9457 3.1)`() {
        let response = Response.problem(.notFound, detail: "a\"\\\n\u{1}é", requestID: requestID)
        #expect(response.status == .notFound && response.contentType?.description == "application/problem+json")
        let expected =
            #"{"type":"urn:portcullis:problem:not-found","title":"Not found","status":404,"#
            + #""detail":"a\"\\\u000a\u0001é","request_id":"0123456789abcdef0000000000000007"}"#
        #expect(String(decoding: response.body, as: UTF8.self) == expected)
        let short = Response.problem(.notFound, requestID: requestID)
        #expect(!String(decoding: short.body, as: UTF8.self).contains("detail") && !short.closesConnection)
    }

    @Test func `every refusal has a problem of its own status and closes`() {
        for head in refusedHeads {
            guard case .refused(let error) = read(head.bytes) else { continue }
            let response = Response.refusal(error, requestID: requestID)
            #expect(response.status.code == head.status && response.closesConnection)
        }
        for status in [Status.requestTimeout, .contentTooLarge, .expectationFailed, .versionNotSupported] {
            #expect(Problem(RequestError(status, "")).status == status)
        }
    }
}

@Suite struct RequestIDTests {
    func make(_ text: String) -> RequestID? { Array(text.utf8).withUnsafeBytes { RequestID($0) } }

    @Test func `only short and plain names are taken over`() {
        for bad in ["", "a b", "a\r\nb", "a/b", "ä", "a\0", "a:b", String(repeating: "a", count: 65)] {
            #expect(make(bad) == nil)
        }
        for good in ["a", "A-Z_0.9", String(repeating: "a", count: 64)] { #expect(make(good)?.description == good) }
        #expect(RequestID(.max, 0).description == "ffffffffffffffff0000000000000000")
    }
}

@Suite struct HTTPDateTests {
    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
        (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT"),
        (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"), (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (Int64.min, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ])
    func `dates are IMF-fixdate (RFC 9110 5.6.7)`(seconds: Int64, text: String) {
        #expect(HTTPDate(unixSeconds: seconds).description == text)
    }
}

@Suite struct OutputBufferTests {
    @Test func `bytes come out in the order they went in`() {
        var output = OutputBuffer()
        var expected: [UInt8] = []
        for round in 0..<200 {
            let piece = (0..<(round * 7 % 300)).map { UInt8(truncatingIfNeeded: $0 + round) }
            output.append(piece)
            expected += piece
            let taken = min(expected.count, round * 5 % 280)
            output.removeFirst(taken)
            expected.removeFirst(taken)
            #expect(output.count == expected.count && output.withBytes { Array($0) } == expected)
        }
        output.removeFirst(.max)
        output.removeFirst(-1)
        #expect(output.isEmpty && output.withBytes { $0.count } == 0)
    }

    @Test func `numbers are decimal`() {
        var output = OutputBuffer()
        for value in [0, 7, -1, 1234567890, .max, .min] {
            output.append(decimal: value)
            output.append(" ")
        }
        #expect(bytes(of: output) == "0 7 -1 1234567890 9223372036854775807 -9223372036854775808 ")
    }

    @Test func `memory is given back only when nothing waits in it`() {
        var output = OutputBuffer()
        output.append([UInt8](repeating: 1, count: 5000))
        output.releaseMemory(above: 4096)
        #expect(output.count == 5000)
        output.removeAll()
        output.releaseMemory(above: 4096)
        output.append("again")
        #expect(bytes(of: output) == "again")
    }
}
