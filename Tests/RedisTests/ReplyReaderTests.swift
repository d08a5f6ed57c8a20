import Testing

@testable import Redis

@Suite struct ReplyReaderTests {
    /// All replies in `text`, fed in pieces of `size` bytes; nil when it was refused.
    private func read(_ text: String, pieces size: Int = .max, limits: ReplyLimits = ReplyLimits()) -> [RedisValue]? {
        let reader = ReplyReader(limits: limits)
        var replies: [RedisValue] = []
        var rest = Array(text.utf8)[...]
        do throws(MalformedReply) {
            while !rest.isEmpty {
                let piece = Array(rest.prefix(size))
                rest = rest.dropFirst(size)
                try piece.span.bytes.withUnsafeBytes { bytes throws(MalformedReply) in try reader.feed(bytes) }
                while let reply = try reader.next() { replies.append(reply) }
            }
            return replies
        } catch {
            return nil
        }
    }

    private static let stream = """
        +OK\r\n:42\r\n:-9223372036854775808\r\n$5\r\nhello\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n-ERR no\r\n\
        *3\r\n:1\r\n*2\r\n$1\r\na\r\n-NOSCRIPT x\r\n*0\r\n
        """

    private static let values: [RedisValue] = [
        .bytes(Array("OK".utf8)), .integer(42), .integer(.min), .bytes(Array("hello".utf8)), .bytes([]), .null, .null,
        .array([]), .error("ERR no"),
        .array([.integer(1), .array([.bytes([0x61]), .error("NOSCRIPT x")]), .array([])]),
    ]

    @Test(arguments: [1, 2, 3, 7, 1000])
    func `replies do not depend on how they were cut`(_ size: Int) {
        #expect(read(ReplyReaderTests.stream, pieces: size) == ReplyReaderTests.values)
    }

    @Test func `an incomplete reply is none yet`() {
        for count in 0..<10 { #expect(read(String("$4\r\nabcd\r\n".unicodeScalars.prefix(count))) == []) }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\n", "?1\r\n", "*x\r\n", "*-2\r\n", "*2147483648\r\n", "*99999999999999999999\r\n",
        "$-2\r\n", "$x\r\n", ":\r\n", ":1x\r\n", "%1\r\n+a\r\n+b\r\n",
    ])
    func `what is no reply is refused`(_ text: String) {
        #expect(read(text) == nil)
    }

    @Test func `after an error nothing is taken any more`() throws {
        let reader = ReplyReader()
        let bytes = Array("?\r\n+OK\r\n".utf8)
        try bytes.span.bytes.withUnsafeBytes { bytes throws(MalformedReply) in try reader.feed(bytes) }
        for _ in 0..<3 { #expect(throws: MalformedReply.self) { try reader.next() } }
    }

    @Test func `a count is refused when it is announced, whatever follows`() {
        #expect(read("*2147483647\r\n") == nil)
        #expect(read("*131073\r\n") == nil)
        #expect(read("*131072\r\n") == [])
        // Over all arrays of one reply together.
        #expect(read("*2\r\n*131070\r\n") == [])
        #expect(read("*2\r\n*131071\r\n") == nil)
    }

    @Test func `arrays nest as deep as the limit`() {
        let limit = ReplyLimits().depth
        #expect(read(String(repeating: "*1\r\n", count: limit) + ":1\r\n")?.count == 1)
        #expect(read(String(repeating: "*1\r\n", count: limit + 1) + ":1\r\n") == nil)
        #expect(read(String(repeating: "*1\r\n", count: 100_000)) == nil)
    }

    @Test func `a string over the limit is refused, one at the limit is taken`() {
        var limits = ReplyLimits()
        limits.stringBytes = 10
        #expect(read("$10\r\n0123456789\r\n", limits: limits)?.count == 1)
        #expect(read("$11\r\n0123456789a\r\n", limits: limits) == nil)
        #expect(read("+0123456789a\r\n", limits: limits) == nil)
    }

    @Test func `an endless line or string is given up once it is longer than a reply may be`() {
        var limits = ReplyLimits()
        limits.replyBytes = 1000
        #expect(read("+" + String(repeating: "x", count: 1500), pieces: 100, limits: limits) == nil)
        #expect(read("$1000000000\r\n" + String(repeating: "x", count: 1500), pieces: 100, limits: limits) == nil)
        #expect(read("*100\r\n" + String(repeating: "$8\r\n12345678\r\n", count: 99), limits: limits) == nil)
    }

    @Test func `what is not whole is given up once it is longer than a string may be`() {
        var limits = ReplyLimits()
        limits.stringBytes = 100
        for head in ["+", "-", ":", "$", "*", "$1000000000\r\n", "*2\r\n:1\r\n$1000000000\r\n"] {
            let fits = head + String(repeating: "1", count: 100)
            #expect(read(fits, pieces: 10, limits: limits) != nil)
            #expect(read(fits + String(repeating: "1", count: 100), pieces: 10, limits: limits) == nil)
        }
    }

    @Test func `the limit is per reply, not per connection`() {
        var limits = ReplyLimits()
        limits.replyBytes = 100
        limits.elements = 10
        let many = String(repeating: "*2\r\n+aaaaaaaaaaaaaaaaa\r\n:1\r\n", count: 1000)
        #expect(read(many, limits: limits)?.count == 1000)
        #expect(read(many, pieces: 50, limits: limits)?.count == 1000)
    }

    @Test func `commands are arrays of strings with their lengths`() {
        var queue = ByteQueue()
        queue.append(RedisCommand([Array("SET".utf8), [], Array(repeating: 0x0D, count: 12)]))
        let text = queue.withBytes { String(decoding: $0, as: UTF8.self) }
        #expect(text == "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$12\r\n\(String(repeating: "\r", count: 12))\r\n")
        #expect(queue.count <= RedisCommand([Array("SET".utf8), [], Array(repeating: 0x0D, count: 12)]).byteCount)
        queue.removeFirst(4)
        #expect(queue.withBytes { String(decoding: $0.prefix(4), as: UTF8.self) } == "$3\r\n")
        queue.removeFirst(queue.count)
        #expect(queue.isEmpty)
    }
}
