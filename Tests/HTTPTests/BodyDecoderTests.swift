import HTTP
import Testing

/// What became of a body: its content and the bytes it took, nothing complete, or a refusal.
enum BodyOutcome: Equatable {
    case complete(String, consumed: Int)
    case incomplete
    case refused(UInt16)
}

func decode(
    _ text: String, _ framing: BodyFraming = .chunked, cuts: [Int] = [], limits: Limits = Limits()
) -> BodyOutcome {
    let bytes = Array(text.utf8)
    var decoder = BodyDecoder(framing, limits: limits)
    var body: [UInt8] = []
    var start = 0
    for end in cuts + [bytes.count] {
        let piece = Array(bytes[start..<end])
        do throws(RequestError) {
            let progress = try piece.span.bytes.withUnsafeBytes { (bytes) throws(RequestError) in
                try decoder.decode(bytes, into: &body)
            }
            start += progress.consumed
            if progress.isComplete { return .complete(String(decoding: body, as: UTF8.self), consumed: start) }
        } catch {
            return .refused(error.status.code)
        }
    }
    return .incomplete
}

let refusedBodies: [(String, UInt16)] = [
    ("\r\n", 400), (" 1\r\na\r\n0\r\n\r\n", 400), ("1 \r\na\r\n0\r\n\r\n", 400), ("+1\r\na\r\n", 400),
    ("-1\r\na\r\n", 400), ("0x1\r\na\r\n", 400), ("g\r\n", 400), ("1,1\r\n", 400), ("\"1\"\r\n", 400),
    (";a=b\r\n", 400),
    ("1\na\r\n", 400), ("1\r\r\na\r\n", 400), ("1\ra\r\n", 400), ("1\r\na\n0\r\n\r\n", 400), ("1\r\nab\r\n", 400),
    ("1\r\na0\r\n\r\n", 400), ("1\r\na\r0\r\n", 400), ("2\r\na\r\n0\r\n\r\n", 400),
    ("00000000000000001\r\n", 400), ("10001\r\n", 413), ("7FFFFFFFFFFFFFFF\r\n", 413), ("FFFFFFFFFFFFFFFF\r\n", 413),
    ("8000000000000000\r\n", 413), ("fffffffffffffffff\r\n", 413),
    ("1;a\u{0}b\r\n", 400), ("1;a\n", 400), ("1;a\u{7F}\r\n", 400),
    ("1;\(String(repeating: "a", count: 257))\r\n", 400),
    ("1;a\rb\r\n", 400),
    ("0\r\n\n", 400), ("0\r\nA\r\n\r\n", 400), ("0\r\n: b\r\n\r\n", 400), ("0\r\nA : b\r\n\r\n", 400),
    ("0\r\nA: b\n\r\n", 400), ("0\r\nA: b\r\n c\r\n\r\n", 400), ("0\r\nA: \u{0}\r\n\r\n", 400), ("0\r\n\rx", 400),
    ("0\r\nA: \(String(repeating: "b", count: 4096))\r\n\r\n", 431),
    ("0\r\n\(String(repeating: "A: b\r\n", count: 700))\r\n", 431),
]

@Suite struct BodyDecoderTests {
    @Test(arguments: refusedBodies)
    func `a broken chunked body is refused, however it is cut (RFC 9112 7.1)`(text: String, status: UInt16) {
        #expect(decode(text) == .refused(status))
        #expect(decode(text, cuts: Array(1..<text.utf8.count)) == .refused(status))
    }

    @Test func `extensions are counted over the whole body`() {
        let chunk = "1;\(String(repeating: "e", count: 100))\r\na\r\n"
        #expect(decode(chunk + chunk + "0\r\n\r\n") == .complete("aa", consumed: 2 * chunk.utf8.count + 5))
        #expect(decode(chunk + chunk + chunk + "0\r\n\r\n") == .refused(400))
    }

    @Test func `chunks beyond the limit of a body are refused at their size, not after their data`() {
        var limits = Limits()
        limits.bodyBytes = 5
        #expect(decode("5\r\nabcde\r\n0\r\n\r\n", limits: limits) == .complete("abcde", consumed: 15))
        #expect(decode("3\r\nabc\r\n3", limits: limits) == .refused(413))
        #expect(decode("6", limits: limits) == .refused(413))
        #expect(decode("0000000000000005\r\nabcde\r\n0\r\n\r\n", limits: limits) == .complete("abcde", consumed: 30))
    }

    @Test(arguments: [
        ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("5\r\nhello\r\n6\r\n world\r\n000\r\n\r\n", "hello world"),
        ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n"),
        ("1;a=\"b;c\";d\r\nx\r\n0;e\r\n\r\n", "x"), ("1\r\nx\r\n0\r\nA: b\r\nC:\tcaf\u{E9}\r\n\r\n", "x"),
    ])
    func `chunks are joined and trailers dropped, however they are cut (RFC 9112 7.1)`(text: String, body: String) {
        let count = text.utf8.count
        let expected = BodyOutcome.complete(body, consumed: count)
        #expect(decode(text + "GET /") == expected, "the next request's bytes stay")
        #expect(decode(text, cuts: Array(1..<count)) == expected)
        for cut in 1..<count {
            #expect(decode(text, cuts: [cut]) == expected)
            #expect(decode(String(decoding: Array(text.utf8)[..<cut], as: UTF8.self)) == .incomplete)
        }
    }

    @Test func `a body of known length ends there (RFC 9112 6.2)`() {
        #expect(decode("hello", .length(5)) == .complete("hello", consumed: 5))
        #expect(decode("hello", .length(5), cuts: [1, 2, 3]) == .complete("hello", consumed: 5))
        #expect(decode("helloGET", .length(5)) == .complete("hello", consumed: 5))
        #expect(decode("hell", .length(5)) == .incomplete)
        #expect(decode("GET", .length(0)) == .complete("", consumed: 0))
        #expect(decode("GET", .none) == .complete("", consumed: 0))
        #expect(BodyDecoder(.none, limits: Limits()).isComplete && BodyDecoder(.length(0), limits: Limits()).isComplete)
        #expect(
            !BodyDecoder(.length(1), limits: Limits()).isComplete && !BodyDecoder(.chunked, limits: Limits()).isComplete
        )
    }
}
