import HTTPServer
import Reactor
import Testing

/// The PROXY protocol's parser against the specification (HAProxy's `proxy-protocol.txt`).
struct ProxyProtocolTests {
    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    /// A version 2 header.
    static func header(_ command: UInt8, _ family: UInt8, _ payload: [UInt8]) -> [UInt8] {
        signature + [command, family, UInt8(payload.count >> 8), UInt8(payload.count & 255)] + payload
    }

    /// One of the command PROXY.
    static func header(_ family: UInt8, _ payload: [UInt8]) -> [UInt8] { header(0x21, family, payload) }

    /// 192.0.2.1:56324 to 198.51.100.1:443.
    static let ipv4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 1, 0xDC, 0x04, 0x01, 0xBB]
    /// [2001:db8::1]:56324 to [2001:db8::2]:443.
    static let ipv6: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        + [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [2, 0xDC, 0x04, 0x01, 0xBB]

    private func parse(_ bytes: [UInt8], _ mode: ProxyProtocol.Mode) -> ProxyProtocol.Outcome {
        bytes.withUnsafeBytes { ProxyProtocol.parse($0, mode) }
    }

    private func parse(_ text: String) -> ProxyProtocol.Outcome { parse(Array(text.utf8), .v1) }

    private func isMalformed(_ outcome: ProxyProtocol.Outcome) -> Bool {
        if case .malformed = outcome { true } else { false }
    }

    private func client(_ address: String) throws -> ProxyProtocol.Source {
        .client(try #require(SocketAddress(address)))
    }

    // MARK: Version 1

    @Test(arguments: [
        ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443", "192.168.0.1:56324"),
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535", "255.255.255.255:65535"),
        ("PROXY TCP4 0.0.0.0 0.0.0.0 0 0", "0.0.0.0:0"),
        ("PROXY TCP6 2001:db8::1 2001:db8::2 1 2", "[2001:db8::1]:1"),
        ("PROXY TCP6 2001:DB8::A ::1 1 2", "[2001:db8::a]:1"),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"
        ),
        ("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2", "192.0.2.1:1"),
    ])
    func `a line names its client, and the request begins behind it`(_ line: String, _ address: String) throws {
        let length = line.utf8.count + 2
        #expect(parse(line + "\r\nGET / HTTP/1.1\r\n") == .header(try client(address), length: length))
        #expect(parse(line + "\r\n") == .header(try client(address), length: length))
    }

    @Test(arguments: [
        "PROXY UNKNOWN", "PROXY UNKNOWN ", "PROXY UNKNOWN anything at all: \u{1}\u{80}\r",
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535",
    ])
    func `an unknown client leaves the connection's own address`(_ line: String) {
        #expect(parse(line + "\r\nX") == .header(.connection, length: line.utf8.count + 2))
    }

    @Test func `every beginning of a line is incomplete, not wrong`() {
        let line = Array("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n".utf8)
        for count in 0..<line.count { #expect(parse(Array(line[..<count]), .v1) == .incomplete, "\(count)") }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n", "PROXYTCP4 1.1.1.1 2.2.2.2 1 2\r\n", "\n", "\r\n",
        " PROXY UNKNOWN\r\n", "PROXY  UNKNOWN\r\n", "PROXY UNKNOWN\n", "PROXY \r\n", "PROXY \n",
        "PROXY unknown\r\n", "PROXY UNKNOWNX\r\n", "PROXY TCP\r\n", "PROXY TCP4\r\n", "PROXY TCP4 \r\n",
        "PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n", "PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4\t1.1.1.1 2.2.2.2 1 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
        "PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.02 1 2\r\n",
        "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n", "PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1 x 1 2\r\n", "PROXY TCP4 ::1 2.2.2.2 1 2\r\n", "PROXY TCP4 1.1.1.1 ::1 1 2\r\n",
        "PROXY TCP6 1.1.1.1 ::1 1 2\r\n", "PROXY TCP6 ::1 1.1.1.1 1 2\r\n", "PROXY TCP6 [::1] [::1] 1 2\r\n",
        "PROXY TCP6 ::1%lo ::1 1 2\r\n", "PROXY TCP6 1::2::3 ::1 1 2\r\n", "PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n",
        "PROXY TCP6 :: ::1 0 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 00\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 999999\r\n", "PROXY TCP4 1.1.1.1 2.2.2.2  2\r\n",
        "PROXY TCP4 1.1.1.1\u{0} 2.2.2.2 1 2\r\n",
    ])
    func `a line that is not exactly the protocol's is refused`(_ text: String) {
        #expect(isMalformed(parse(text)))
    }

    @Test func `a line beyond 107 bytes is refused as soon as it is that long`() {
        let longest = "PROXY UNKNOWN " + String(repeating: "x", count: 107 - 16)
        #expect(parse(longest + "\r\n") == .header(.connection, length: 107))
        #expect(parse(longest + "\r") == .incomplete)
        #expect(isMalformed(parse(longest + "x\r")))
        #expect(isMalformed(parse(longest + "x\r\n")))
    }

    @Test func `what cannot become a header is refused at its first wrong byte`() {
        #expect(parse("P") == .incomplete)
        #expect(isMalformed(parse("POST")))
        #expect(isMalformed(parse("G")))
        #expect(parse(Array(Self.signature[..<5]), .v2) == .incomplete)
        #expect(isMalformed(parse(Array(Self.signature[..<4]) + [1], .v2)))
        #expect(isMalformed(parse(Self.signature + [0x11], .v2)))
    }

    // MARK: Version 2

    @Test func `a header names its client, and the request begins behind it`() throws {
        let request = Array("GET".utf8)
        let four = Self.header(0x11, Self.ipv4)
        #expect(parse(four + request, .v2) == .header(try client("192.0.2.1:56324"), length: 28))
        let six = Self.header(0x21, Self.ipv6)
        #expect(parse(six + request, .v2) == .header(try client("[2001:db8::1]:56324"), length: 52))
    }

    @Test func `an IPv4 address in IPv6 form is the IPv4 address`() throws {
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 192, 0, 2, 1]
        let header = Self.header(0x21, mapped + mapped + [0, 1, 0, 2])
        #expect(parse(header, .v2) == .header(try client("192.0.2.1:1"), length: 52))
    }

    @Test(arguments: [
        header(0x20, 0x00, []), header(0x20, 0x11, ipv4), header(0x20, 0xFF, [1, 2, 3]), header(0x20, 0x21, [9]),
        header(0x00, []), header(0x00, [1, 2, 3, 4, 5]), header(0x01, []), header(0x10, ipv4), header(0x12, ipv4),
        header(0x22, ipv6), header(0x31, [UInt8](repeating: 0x2F, count: 216)),
        header(0x32, [UInt8](repeating: 0, count: 216)),
    ])
    func `the balancer's own connections and clients without an address we know keep the connection's`(
        _ bytes: [UInt8]
    ) {
        #expect(parse(bytes + [1], .v2) == .header(.connection, length: bytes.count))
        for count in 0..<bytes.count { #expect(parse(Array(bytes[..<count]), .v2) == .incomplete) }
    }

    @Test(arguments: [
        header(0x22, 0x11, ipv4), header(0x2F, 0x11, ipv4), header(0x11, 0x11, ipv4), header(0x31, 0x11, ipv4),
        header(0x41, ipv4), header(0x13, ipv4), header(0xF1, ipv4), header(0x11, Array(ipv4.dropLast())),
        header(0x21, Array(ipv6.dropLast())), header(0x31, [UInt8](repeating: 0, count: 215)), header(0x11, []),
        Array("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n".utf8), Array("GET / HTTP/1.1\r\n\r\n".utf8),
    ])
    func `a header of another version, command, family or length is refused`(_ bytes: [UInt8]) {
        #expect(isMalformed(parse(bytes, .v2)))
    }

    @Test func `the other version is refused, not understood`() {
        #expect(isMalformed(parse(Self.header(0x11, Self.ipv4), .v1)))
        #expect(isMalformed(parse(Array("PROXY UNKNOWN\r\n".utf8), .v2)))
    }

    @Test func `a header's values are walked within its bounds`() throws {
        let named = ProxyProtocol.Outcome.header(try client("192.0.2.1:56324"), length: 28)
        func outcome(_ values: [UInt8]) -> ProxyProtocol.Outcome {
            parse(Self.header(0x11, Self.ipv4 + values), .v2)
        }
        let good: [[UInt8]] = [
            [], [4, 0, 0], [4, 0, 2, 9, 9], [1, 0, 2, 0x68, 0x32, 2, 0, 1, 0x61], [0xFF, 0, 0],
            [0x20, 0, 5, 1, 0, 0, 0, 0], [2, 0, 255] + [UInt8](repeating: 0x61, count: 255),
        ]
        for values in good {
            #expect(outcome(values) == .header(try client("192.0.2.1:56324"), length: 28 + values.count), "\(values)")
        }
        #expect(outcome([]) == named)
        for values in [[4], [4, 0], [4, 0, 1], [4, 0, 0, 4], [4, 0, 3, 1, 2], [4, 255, 255, 1], [2, 1, 0, 1]] {
            #expect(isMalformed(outcome(values.map { UInt8($0) })), "\(values)")
        }
    }

    @Test func `a header that announces more than 536 bytes is refused before they come`() {
        let longest = Self.header(0x11, Self.ipv4 + [4, 2, 9] + [UInt8](repeating: 0, count: 521))
        #expect(longest.count == 552)
        #expect(!isMalformed(parse(longest, .v2)))
        #expect(isMalformed(parse(Self.signature + [0x21, 0x11, 0x02, 0x19], .v2)))
        #expect(isMalformed(parse(Self.signature + [0x20, 0x00, 0xFF, 0xFF], .v2)))
    }

    /// A header whose last value is its CRC-32C.
    private func checked(_ family: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var bytes = Self.header(family, payload + [3, 0, 4, 0, 0, 0, 0])
        let checksum = reference(bytes)
        bytes.removeLast(4)
        for shift: UInt32 in [24, 16, 8, 0] { bytes.append(UInt8(checksum >> shift & 255)) }
        return bytes
    }

    /// By table and from the definition: independent of the code under test.
    private func reference(_ bytes: [UInt8]) -> UInt32 {
        var table: [UInt32] = []
        for entry: UInt32 in 0..<256 {
            var value = entry
            for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
            table.append(value)
        }
        var remainder = UInt32.max
        for byte in bytes {
            let index = Int((remainder ^ UInt32(byte)) & 255)
            remainder = (remainder >> 8) ^ table[index]
        }
        return ~remainder
    }

    @Test func `a checksum is held against the header, and a wrong one ends the connection`() throws {
        // RFC 3720 appendix B.4: 32 bytes of zeros.
        #expect(reference([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(reference(Array("123456789".utf8)) == 0xE306_9283)
        let header = checked(0x11, Self.ipv4)
        #expect(parse(header, .v2) == .header(try client("192.0.2.1:56324"), length: header.count))
        // Without its type the checksum is none.
        for index in 16..<header.count where index != 28 {
            var changed = header
            changed[index] ^= 1
            #expect(isMalformed(parse(changed, .v2)), "byte \(index)")
        }
        let six = checked(0x21, Self.ipv6 + [4, 0, 1, 7])
        #expect(parse(six, .v2) == .header(try client("[2001:db8::1]:56324"), length: six.count))
        for values in [[3, 0, 0], [3, 0, 3, 1, 2, 3], [3, 0, 5, 0, 0, 0, 0, 0]] as [[UInt8]] {
            #expect(isMalformed(parse(Self.header(0x11, Self.ipv4 + values), .v2)))
        }
        // Two of them.
        #expect(isMalformed(parse(checked(0x11, Self.ipv4 + [3, 0, 4, 0, 0, 0, 0]), .v2)))
    }

    @Test func `without the protocol nothing is taken from the connection's beginning`() {
        #expect(parse(Array("PROXY UNKNOWN\r\n".utf8), .off) == .header(.connection, length: 0))
    }
}
