import Testing

@testable import Auth

@Suite struct ClientAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("255.255.255.255", "255.255.255.255"), ("0.0.0.0", "0.0.0.0"), ("::", "::"),
        ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"), ("2001:db8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("::ffff:192.0.2.33", "192.0.2.33"), ("::FFFF:c000:221", "192.0.2.33"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("::1.2.3.4", "::102:304"),
    ]) func `an address is read and written (RFC 4291 2.2, RFC 5952)`(input: String, output: String) {
        #expect(ClientAddress(input)?.description == output)
        #expect(ClientAddress(output) == ClientAddress(input))
    }

    @Test(arguments: [
        "", ".", ":", ":::", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.-4", "1.2.3.4 ", " 1.2.3.4",
        "1.2.3.4:80",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::",
        "1:",
        ":1", "1::2:", ":1::2", "fe80::1%eth0", "[::1]", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4",
        "1..2.3", "::ffff:1.2.3.4.5", "１.2.3.4", String(repeating: ":", count: 100_000),
    ]) func `what is no address is refused`(input: String) {
        #expect(ClientAddress(input) == nil)
    }

    @Test func `a mapped IPv4 address is the IPv4 address (RFC 4291 2.5.5.2)`() {
        #expect(ClientAddress(ipv6High: 0, low: 0xFFFF_7F00_0001) == ClientAddress(ipv4: 0x7F00_0001))
        #expect(ClientAddress("::ffff:10.1.2.3")?.family == .ipv4)
        #expect(ClientAddress("::10.1.2.3")?.family == .ipv6)
    }

    @Test func `networks keep their first bits`() {
        let four = ClientAddress("203.0.113.77")
        #expect(four?.network(prefix: 24) == ClientAddress("203.0.113.0"))
        #expect(four?.network(prefix: 32) == four)
        #expect(four?.network(prefix: 0) == ClientAddress("0.0.0.0"))
        #expect(four?.network(prefix: 99) == four)
        let six = ClientAddress("2001:db8:1:2:3:4:5:6")
        #expect(six?.network(prefix: 64) == ClientAddress("2001:db8:1:2::"))
        #expect(six?.network(prefix: 48) == ClientAddress("2001:db8:1::"))
        #expect(six?.network(prefix: 0).description == "::")
        #expect(six?.network(prefix: 127) == ClientAddress("2001:db8:1:2:3:4:5:6"))
        #expect(six?.network(prefix: 128) == six)
        #expect(six?.network(prefix: -5) == six?.network(prefix: 0))
    }

    @Test func `families never share bytes`() {
        #expect(ClientAddress("::1.2.3.4")?.bytes != ClientAddress("1.2.3.4")?.bytes)
        #expect(ClientAddress("1.2.3.4")?.bytes.count == 17)
    }
}
