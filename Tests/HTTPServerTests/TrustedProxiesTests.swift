import HTTPServer
import Reactor
import Testing

struct TrustedProxiesTests {
    private func address(_ text: String) throws -> SocketAddress {
        try #require(Array(text.utf8).withUnsafeBytes { SocketAddress(host: $0) })
    }

    @Test(arguments: [
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["9.255.255.255", "11.0.0.0", "::a00:1"]),
        ("192.0.2.1", ["192.0.2.1"], ["192.0.2.0", "192.0.2.2"]),
        ("192.0.2.1/32", ["192.0.2.1"], ["192.0.2.0"]),
        ("192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.3.128"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1", "2001:db8::1"]),
        ("::/0", ["::1", "ffff::"], ["127.0.0.1", "10.0.0.1"]),
        ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "2001:db7:ffff::"]),
        ("2001:db8::/64", ["2001:db8::ffff"], ["2001:db8:0:1::"]),
        ("2001:db8::/65", ["2001:db8::7fff:0:0:1"], ["2001:db8::8000:0:0:1"]),
        ("2001:db8::1", ["2001:db8::1"], ["2001:db8::2", "2001:db8::"]),
        ("::ffff:10.0.0.0/104", ["10.9.9.9"], ["11.0.0.0"]),
        ("::1/128", ["::1"], ["127.0.0.1"]),
    ])
    func `a network has the addresses that begin with its bits, of its family`(
        _ network: String, _ inside: [String], _ outside: [String]
    ) throws {
        let proxies = try #require(TrustedProxies(["198.51.100.7", network]))
        for text in inside { #expect(proxies.contains(try address(text)), "\(text)") }
        for text in outside { #expect(!proxies.contains(try address(text)), "\(text)") }
    }

    @Test(arguments: [
        "", "/", "/8", "10.0.0.0/", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/ 8", " 10.0.0.0/8",
        "10.0.0/8",
        "2001:db8::1/64", "2001:db8::/129", "::ffff:0.0.0.0/95", "::ffff:10.0.0.0/8", "[::1]", "::1%lo", "localhost",
        "10.0.0.0/8/8", "10.0.0.0/٨", "1.2.3.4\u{0}",
    ])
    func `what is no network is refused`(_ text: String) { #expect(TrustedProxies([text]) == nil) }

    @Test func `there are 64 at most, and none trusts nobody`() throws {
        #expect(TrustedProxies(Array(repeating: "10.0.0.1", count: 64)) != nil)
        #expect(TrustedProxies(Array(repeating: "10.0.0.1", count: 65)) == nil)
        #expect(!TrustedProxies.none.contains(try address("127.0.0.1")))
        #expect(TrustedProxies([]) == TrustedProxies.none)
    }

    @Test func `a peer without an address is never trusted`() throws {
        let proxies = try #require(TrustedProxies(["::/0", "0.0.0.0/0"]))
        #expect(!proxies.contains(.none))
    }

    @Test(arguments: [
        "", "1", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "::1::", "::%1", String(repeating: "1", count: 46),
    ])
    func `text that is no address is none`(_ text: String) {
        #expect(Array(text.utf8).withUnsafeBytes { SocketAddress(host: $0) } == nil)
    }
}
