import HTTP
import Testing

@Suite struct RefusedRequestTests {
    @Test(arguments: refusedRequestLines)
    func `a broken request line is refused (RFC 9112 3)`(head: RefusedHead) {
        #expect(read(head.bytes).status == head.status)
    }

    @Test(arguments: refusedFields)
    func `broken fields are refused (RFC 9112 5, RFC 9110 5 and 7.2)`(head: RefusedHead) {
        #expect(read(head.bytes).status == head.status)
    }

    @Test(arguments: refusedFraming)
    func `ambiguous framing is refused (RFC 9112 6)`(head: RefusedHead) {
        #expect(read(head.bytes).status == head.status)
    }

    @Test func `what is wrong with a field line is told`() {
        let details = ["A: b\r\n c\r\n", "A : b\r\n", ": b\r\n", "A\r\n", "A: \0\r\n", "A@: b\r\n"].map { lines in
            if case .refused(let error) = read("GET / HTTP/1.1\r\n" + lines) { "\(error.detail)" } else { "" }
        }
        #expect(
            details == [
                "a field line is folded", "white space stands before a field's colon", "a field has no name",
                "a field line has no colon", "a field value holds a control character",
                "a field name holds a character that is not allowed",
            ])
    }

    @Test func `errors come as soon as the line is whole`() {
        #expect(read("GET / HTTP/3.0\r\n").status == 505)
        #expect(read("GET / HTTP/1.1\r\nHost : a\r\n").status == 400)
        #expect(read("GET / HTTP/1.1\r\nHost: a\n").status == 400)
        #expect(read([0x16]).status == 400)
        #expect(read("GET /" + String(repeating: "a", count: 8300)).status == 414)
    }

    @Test func `limits hold to the byte`() {
        var limits = Limits()
        limits.headBytes = 39
        let fits = "GET / HTTP/1.1\r\nHost: a\r\nA: 12345678\r\n\r\n"
        #expect(fits.utf8.count == 40)
        #expect(read(fits, limits: limits).status == 431)
        limits.headBytes = 40
        #expect(read(fits, limits: limits).head?.length == 40)
        #expect(read("\r\n" + fits, limits: limits).status == 431, "an empty line before it counts")
        limits.targetBytes = 1
        #expect(read(fits, limits: limits).head != nil)
        #expect(read("GET /a HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits).status == 414)
        limits = Limits()
        limits.headerFields = 1
        #expect(read("GET / HTTP/1.1\r\nHost: a\r\n\r\n", limits: limits).head?.fieldCount == 1)
        #expect(read("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n", limits: limits).status == 431)
        limits.bodyBytes = 3
        #expect(read("GET / HTTP/1.0\r\nContent-Length: 3\r\n\r\n", limits: limits).head?.body == .length(3))
        #expect(read("GET / HTTP/1.0\r\nContent-Length: 4\r\n\r\n", limits: limits).status == 413)
    }
}

@Suite struct SplitRequestTests {
    @Test func `a head split at any byte reads the same`() {
        let accepted = acceptedHeads.map { Array($0.utf8) }
        for bytes in refusedHeads.map(\.bytes) + accepted where bytes.count < 2000 {
            let whole = read(bytes)
            for cut in bytes.indices { #expect(read(bytes, cuts: [cut]) == whole, "cut at \(cut)") }
        }
    }

    @Test func `a head that comes byte by byte reads the same`() {
        let accepted = acceptedHeads.map { Array($0.utf8) }
        for bytes in refusedHeads.map(\.bytes) + accepted where bytes.count < 2000 {
            #expect(read(bytes, cuts: Array(bytes.indices)) == read(bytes))
        }
    }

    @Test func `a large head that comes in pieces reads the same`() {
        for head in refusedHeads where head.bytes.count >= 2000 {
            for size in [7, 1000, 4096, 8191, 8192, 8229, 8230, 16_383, 16_384, 16_385] {
                let cuts = Array(stride(from: size, to: head.bytes.count, by: size))
                #expect(read(head.bytes, cuts: cuts).status == head.status, "\(head.name), \(size) bytes at a time")
            }
        }
    }

    @Test func `small limits read the same however a head is cut`() {
        var limits = Limits()
        limits.headBytes = 60
        limits.targetBytes = 9
        limits.headerFields = 2
        for bytes in refusedHeads.map(\.bytes) + acceptedHeads.map({ Array($0.utf8) }) where bytes.count < 400 {
            let whole = read(bytes, limits: limits)
            for cut in bytes.indices { #expect(read(bytes, cuts: [cut], limits: limits) == whole) }
            #expect(read(bytes, cuts: Array(bytes.indices), limits: limits) == whole)
        }
    }

    @Test func `any one byte changed never traps and reads the same however it is cut`() {
        let heads = [
            "POST /a?b HTTP/1.1\r\nHost: a:80\r\nContent-Length: 12\r\nConnection: close\r\n\r\n",
            "\r\nOPTIONS http://[::1]:80?q HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\n\r\n",
        ]
        for head in heads {
            let bytes = Array(head.utf8)
            for index in bytes.indices {
                for byte in [0x00, 0x09, 0x0A, 0x0D, 0x20, 0x22, 0x23, 0x25, 0x2C, 0x30, 0x3A, 0x40, 0x5D, 0x7F, 0xFF] {
                    var changed = bytes
                    changed[index] = UInt8(byte)
                    #expect(read(changed, cuts: Array(changed.indices)) == read(changed))
                }
            }
        }
    }

    @Test func `any one byte left out or doubled reads the same however it is cut`() {
        let bytes = Array("PUT http://a/?b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
        for index in bytes.indices {
            var shorter = bytes
            shorter.remove(at: index)
            #expect(read(shorter, cuts: Array(shorter.indices)) == read(shorter))
            var longer = bytes
            longer.insert(bytes[index], at: index)
            #expect(read(longer, cuts: Array(longer.indices)) == read(longer))
        }
    }

    @Test func `a head cut short is incomplete, whatever is missing`() {
        for head in acceptedHeads {
            let bytes = Array(head.utf8)
            for count in bytes.indices { #expect(read(Array(bytes[..<count])) == .incomplete) }
        }
    }
}
