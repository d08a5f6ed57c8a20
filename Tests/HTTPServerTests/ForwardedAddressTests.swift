import HTTP
import HTTPServer
import Reactor
import Testing

/// Who a request's client is by what trusted proxies wrote. Trusted: 10.0.0.0/8 and 2001:db8:ffff::/48; the connection is
/// 10.0.0.1's.
struct ForwardedAddressTests {
    private static let proxy = "10.0.0.1"

    private func client(_ lines: [String], _ field: ClientPolicy.Field) throws -> String {
        var policy = ClientPolicy()
        policy.proxies = try #require(TrustedProxies(["10.0.0.0/8", "2001:db8:ffff::/48"]))
        policy.field = field
        let text = "GET / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let proxy = try #require(SocketAddress(Self.proxy + ":1"))
        return try Array(text.utf8).withUnsafeBytes { bytes in
            var parser = RequestParser(limits: Limits())
            let isWhole = try parser.parse(bytes)
            #expect(isWhole)
            return ForwardedAddress.client(of: proxy, parser.head, bytes, policy).host
        }
    }

    private func xForwardedFor(_ values: String...) throws -> String {
        try client(values.map { "X-Forwarded-For: \($0)" }, .xForwardedFor)
    }

    private func forwarded(_ values: String...) throws -> String {
        try client(values.map { "Forwarded: \($0)" }, .forwarded)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"), ("192.0.2.1:443", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"),
        ("  192.0.2.1\t", "192.0.2.1"),
        // The first from the right that is no trusted proxy.
        ("192.0.2.1, 10.0.0.2", "192.0.2.1"), ("192.0.2.1,10.0.0.2,10.0.0.3", "192.0.2.1"),
        ("6.6.6.6, 192.0.2.1", "192.0.2.1"), ("6.6.6.6, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("192.0.2.1, 2001:db8:ffff::1, 10.9.9.9", "192.0.2.1"), ("10.0.0.2, 192.0.2.1", "192.0.2.1"),
        // What the client sent is not looked at.
        ("\", 192.0.2.1", "192.0.2.1"), ("x, y, , 192.0.2.1", "192.0.2.1"), ("unknown, 192.0.2.1", "192.0.2.1"),
        // Nobody but proxies: the one furthest away.
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"), ("10.0.0.3", "10.0.0.3"),
    ])
    func `X-Forwarded-For names the client`(_ value: String, _ address: String) throws {
        #expect(try xForwardedFor(value) == address)
    }

    @Test(arguments: [
        "", "unknown", "_hidden", "client.example", "192.0.2.1x", "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:123456",
        "192.0.2.1:_p", "[192.0.2.1]", "[2001:db8::1", "2001:db8::1]", "[2001:db8::1]443", "[2001:db8::1]:", "[]",
        "\"192.0.2.1\"", "192.0.2.1 10.0.0.2", "192.0.2.01", "192.0.2.256", "::1%lo", "fe80::1%1", "::", ",",
        "192.0.2.1,",
        "192.0.2.1, ,", "for=192.0.2.1", "1:2:3:4:5:6:7:8:9", "6.6.6.6;192.0.2.1",
    ])
    func `a hop that cannot be read leaves the proxy that wrote it`(_ value: String) throws {
        #expect(try xForwardedFor(value) == Self.proxy)
        #expect(try xForwardedFor("6.6.6.6, " + value) == Self.proxy)
        #expect(try xForwardedFor(value + ", 10.0.0.2") == "10.0.0.2")
    }

    @Test func `several lines are one list, in their order`() throws {
        #expect(try xForwardedFor("6.6.6.6", "192.0.2.1") == "192.0.2.1")
        #expect(try xForwardedFor("6.6.6.6, 192.0.2.1", "10.0.0.3", "10.0.0.2") == "192.0.2.1")
        #expect(try xForwardedFor("192.0.2.1", "") == Self.proxy)
        #expect(try xForwardedFor("192.0.2.1", "x", "10.0.0.2") == "10.0.0.2")
        #expect(try forwarded("for=\"", "for=192.0.2.1") == "192.0.2.1")
        #expect(try forwarded("for=192.0.2.1", "for=10.0.0.2;by=10.0.0.1") == "192.0.2.1")
    }

    @Test func `of more lines than a chain of proxies has, the last sixteen count`() throws {
        let proxies = (2...16).map { "X-Forwarded-For: 10.0.0.\($0)" }
        #expect(try client(["X-Forwarded-For: 192.0.2.1"] + proxies, .xForwardedFor) == "192.0.2.1")
        let more = ["X-Forwarded-For: 10.0.1.1"] + proxies
        #expect(try client(["X-Forwarded-For: 192.0.2.1"] + more, .xForwardedFor) == "10.0.1.1")
    }

    @Test(arguments: [
        ("for=192.0.2.1", "192.0.2.1"), ("For=192.0.2.1", "192.0.2.1"), ("FOR=\"192.0.2.1\"", "192.0.2.1"),
        ("for=\"192.0.2.1:47011\"", "192.0.2.1"), ("for=\"[2001:db8:cafe::17]\"", "2001:db8:cafe::17"),
        ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"), ("for=\"192.0.2.1:_port\"", "192.0.2.1"),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"), ("by=203.0.113.43;for=192.0.2.1", "192.0.2.1"),
        ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17"), ("for=192.0.2.43, for=10.0.0.2", "192.0.2.43"),
        ("for=192.0.2.1; proto=https ;host=a", "192.0.2.1"), (";for=192.0.2.1;;", "192.0.2.1"),
        ("host=\"a,b;c\";for=192.0.2.1", "192.0.2.1"), ("for=192.0.2.1;host=\"a, for=6.6.6.6\"", "192.0.2.1"),
        ("for=192.0.2.1,for=10.0.0.2;host=\"x\"", "192.0.2.1"),
        // What the client sent is not looked at, whatever it does with quotes.
        ("for=\", for=192.0.2.1", "192.0.2.1"), ("for=\"6.6.6.6, for=\"[2001:db8::1]\"", "2001:db8::1"),
        ("for=6.6.6.6;x=\", for=\"[2001:db8::1]\"", "2001:db8::1"), ("for=\"\\\", for=\"192.0.2.1\"", "192.0.2.1"),
        ("for=\"\\\\\", for=192.0.2.1", "192.0.2.1"), ("\\\", for=\"192.0.2.1:1\";by=_x", "192.0.2.1"),
    ])
    func `Forwarded names the client (RFC 7239)`(_ value: String, _ address: String) throws {
        #expect(try forwarded(value) == address)
    }

    @Test(arguments: [
        "", "for=unknown", "for=_gazonk", "for=\"_SEVKISEK\"", "proto=https", "for", "for=", "for=\"", "for=\"\"",
        "for =192.0.2.1", "for= 192.0.2.1", "for=192.0.2.1:80", "for=[2001:db8::1]", "for=2001:db8::1",
        "for=\"2001:db8::1\"", "for=\"[192.0.2.1]\"", "for=192.0.2.1;for=6.6.6.6", "for=6.6.6.6;FOR=192.0.2.1",
        "for=192.0.2.1 by=x", "for=192.0.2.1;by", "for=\"192.0.2.1\"x", "for=\"192.0.2\\.1\"", "192.0.2.1",
        "for=a.example",
        "for=\"192.0.2.1:\"", "for=\"192.0.2.1:_\"", "for=\"192.0.2.1:_a b\"", "=192.0.2.1", "for==192.0.2.1",
        "for=192.0.2.1;=", "\"for\"=192.0.2.1", "for=192.0.2.1,",
    ])
    func `an element of Forwarded that names no address leaves the proxy that wrote it`(_ value: String) throws {
        #expect(try forwarded(value) == Self.proxy)
        #expect(try forwarded("for=6.6.6.6, " + value) == Self.proxy)
        #expect(try forwarded(value + ", for=10.0.0.2") == "10.0.0.2")
    }

    @Test func `the field that the proxies do not write changes nothing`() throws {
        let both = ["Forwarded: for=6.6.6.6", "X-Forwarded-For: 192.0.2.1", "Forwarded: for=6.6.6.7"]
        #expect(try client(both, .xForwardedFor) == "192.0.2.1")
        #expect(try client(["X-Forwarded-For: 6.6.6.6", "Forwarded: for=192.0.2.1"], .forwarded) == "192.0.2.1")
        #expect(try client(["Forwarded: for=6.6.6.6"], .xForwardedFor) == Self.proxy)
        #expect(try client(["X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6"], .forwarded) == Self.proxy)
    }

    /// Whatever stands to the left of what a trusted proxy appended, the proxy's word counts.
    @Test func `nothing that a client sends moves its address`() throws {
        let pieces = [
            "\"", "\\", ",", ";", "for=", "6.6.6.6", "10.0.0.9", "[", "]", ":", " ", "x=\"", "\\\"", "for=\"[::1]\"",
            "\t",
            "unknown", "é",
        ]
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    let sent = first + second + third
                    let name = "\(sent.debugDescription)"
                    #expect(try xForwardedFor(sent + ", 192.0.2.1") == "192.0.2.1", "\(name)")
                    #expect(try xForwardedFor(sent, "192.0.2.1") == "192.0.2.1", "\(name)")
                    #expect(try forwarded(sent + ", for=192.0.2.1") == "192.0.2.1", "\(name)")
                    #expect(try forwarded(sent + ", for=\"[2001:db8::1]\";by=_a") == "2001:db8::1", "\(name)")
                    #expect(try forwarded(sent, "for=\"192.0.2.1:5\"") == "192.0.2.1", "\(name)")
                }
            }
        }
    }
}
