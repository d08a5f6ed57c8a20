import LoadTests
import Reactor
import Testing

@Suite("Targets")
struct TargetURLTests {
    @Test(
        "A URL that is not one plain place is refused",
        arguments: [
            ("", "must begin with http:// or https://"), ("localhost:8080", "must begin with http:// or https://"),
            ("HTTP://a", "must begin with http:// or https://"), ("ftp://a", "must begin with http:// or https://"),
            ("http://a?b", "must have neither query nor fragment"),
            ("http://a/#b", "must have neither query nor fragment"),
            ("http://a b", "must hold visible ASCII only"), ("http://\u{E9}", "must hold visible ASCII only"),
        ])
    func refused(text: String, problem: String) {
        #expect(throws: TargetError("The target \(text) \(problem).")) { try TargetURL(parsing: text) }
    }

    @Test(
        "A host or port that is none is refused",
        arguments: [
            "http://", "http:///a", "http://:80", "http://a:", "http://a:0", "http://a:65536", "http://a:+1",
            "http://a:1a",
            "http://a:00000080", "http://a:1:2", "http://::1", "http://[::1", "http://[]", "http://[a]",
            "http://[::1]a",
            "http://[127.0.0.1]", "http://[::1%25eth0]", "http://a_b!", "http://a\\b", "http://a,b",
        ])
    func noAuthority(text: String) {
        let problem =
            "must name a host, an IPv4 address or a bracketed IPv6 address, and a port from 1 to 65535 if any"
        #expect(throws: TargetError("The target \(text) \(problem).")) { try TargetURL(parsing: text) }
    }

    @Test(
        "A path that servers read differently is refused",
        arguments: [
            "http://a//", "http://a/b//c", "http://a/./b", "http://a/..", "http://a/%2", "http://a/%zz", "http://a/<",
            "http://a/b|c",
        ])
    func noPath(text: String) {
        let problem =
            "must have a plain path: no empty and no dot segments, and % only before two hexadecimal digits"
        #expect(throws: TargetError("The target \(text) \(problem).")) { try TargetURL(parsing: text) }
    }

    @Test("A user in a URL is refused without being repeated")
    func user() {
        #expect(throws: TargetError("The target must hold no user and no password.")) {
            try TargetURL(parsing: "http://me:s3cret@localhost/")
        }
    }

    @Test(
        "Host, port and path are told apart",
        arguments: [
            ("http://localhost", "localhost", 80, "localhost", ""),
            ("https://a.example/", "a.example", 443, "a.example", ""),
            ("http://a:443", "a", 443, "a:443", ""), ("https://a:443/x/y/", "a", 443, "a", "/x/y"),
            ("http://127.0.0.1:8080/a%20b", "127.0.0.1", 8080, "127.0.0.1:8080", "/a%20b"),
            ("http://[::1]:8080", "::1", 8080, "[::1]:8080", ""), ("http://[::1]", "::1", 80, "[::1]", ""),
        ])
    func parts(text: String, host: String, port: UInt16, field: String, path: String) throws {
        let url = try TargetURL(parsing: text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(url.hostField == field)
        #expect(url.basePath == path)
        #expect(url.isTLS == text.hasPrefix("https"))
    }

    @Test("A target of which one address is another machine's is not this machine")
    func loopback() throws {
        func isLoopback(_ addresses: String...) throws -> Bool {
            let url = try TargetURL(parsing: "http://a:80")
            let addresses = try addresses.map { try #require(SocketAddress($0)) }
            return try #require(ResolvedTarget(url, addresses: addresses)).isLoopback
        }
        #expect(try !isLoopback("127.0.0.1:80", "192.0.2.1:80"))
        #expect(try !isLoopback("0.0.0.0:80"))
        #expect(try !isLoopback("[::ffff:192.0.2.1]:80"))
        #expect(try isLoopback("127.8.9.10:80", "[::1]:80"))
        #expect(ResolvedTarget(try TargetURL(parsing: "http://a"), addresses: []) == nil)
    }

    @Test("A name is looked up once, and one that nobody has is said in a sentence")
    func resolving() async throws {
        let resolver = try Resolver()
        defer { resolver.stopAndJoin() }
        let target = try await ResolvedTarget(TargetURL(parsing: "http://localhost:8080"), with: resolver)
        #expect(target.isLoopback)
        #expect(target.addresses.allSatisfy { $0.port == 8080 })
        var sentence: String?
        do throws(TargetError) {
            _ = try await ResolvedTarget(try TargetURL(parsing: "http://nobody.invalid"), with: resolver)
        } catch { sentence = error.description }
        #expect(sentence?.hasPrefix("The target http://nobody.invalid cannot be found: ") == true)
    }
}
