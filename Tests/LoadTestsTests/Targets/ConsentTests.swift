import HTTP
import LoadTests
import Reactor
import Testing

@Suite("Consent")
struct ConsentTests {
    private static let token = "0123456789abcdef"

    private func refusal(_ answer: ResponseParser) throws -> String? {
        let consent = try Consent(token: Self.token)
        do throws(ConsentError) { try consent.judge(answer) } catch { return error.description }
        return nil
    }

    @Test(
        "A token that is too short, too long or not visible is refused",
        arguments: [
            "", "0123456789abcde", String(repeating: "a", count: 129), "0123456789abcde ", "0123456789abcd\u{E9}",
        ])
    func noToken(token: String) {
        #expect(throws: ConsentError("--consent-token must be 16 to 128 visible ASCII characters.")) {
            try Consent(token: token)
        }
    }

    @Test(
        "Another body than the token is no consent",
        arguments: [
            "", " ", "0123456789abcdeg", "0123456789abcde", "0123456789abcdef0", "0123456789abcdef\nx",
            "\"0123456789abcdef\"", "0123456789ABCDEF", "\u{FEFF}0123456789abcdef",
        ])
    func otherBody(body: String) throws {
        #expect(
            try refusal(answer(200, body))
                == "The target gives no consent to this run: what it serves at /.well-known/loadtest-consent is not "
                + "the token of --consent-token.")
    }

    @Test("A long answer is no consent, even when it is blank but for the token")
    func longBody() throws {
        let body = Self.token + String(repeating: "\n", count: 1024)
        #expect(
            try refusal(answer(200, body))?.hasSuffix("what it serves at /.well-known/loadtest-consent is no token.")
                == true)
    }

    @Test("Another status is no consent, a redirect least of all", arguments: [201, 204, 301, 307, 401, 404, 500])
    func otherStatus(status: Int) throws {
        let reason = (300...399).contains(status) ? "a redirect is no consent" : "it must be 200"
        #expect(
            try refusal(answer(status, Self.token))
                == "The target gives no consent to this run: /.well-known/loadtest-consent answers \(status), and "
                + "\(reason).")
    }

    @Test("The token is consent, with white space around it or without", arguments: ["", " ", "\n", "\r\n", "\t\n "])
    func consent(space: String) throws {
        #expect(try refusal(answer(200, space + Self.token + space)) == nil)
    }

    @Test("Another machine needs consent, and this one does not")
    func needed() throws {
        let url = try TargetURL(parsing: "http://auth.example:8080/base")
        let (far, near) = (try #require(SocketAddress("192.0.2.7:8080")), try #require(SocketAddress("[::1]:8080")))
        let other = try #require(ResolvedTarget(url, addresses: [far]))
        let own = try #require(ResolvedTarget(url, addresses: [near]))
        #expect(Consent.isNeeded(for: other))
        #expect(!Consent.isNeeded(for: own))
        #expect(Consent.refusal(of: [own], token: nil) == nil)
        #expect(Consent.refusal(of: [own, other], token: try Consent(token: Self.token)) == nil)
        #expect(
            Consent.refusal(of: [own, other], token: nil)?.description
                == "The target http://auth.example:8080/base is not this machine (192.0.2.7): let it serve a token at "
                + "/.well-known/loadtest-consent and name it with --consent-token.")
    }

    @Test("It is asked for at the root, and the token is not sent along")
    func request() throws {
        let text = String(decoding: Consent.request(host: "a:1"), as: UTF8.self)
        #expect(text.hasPrefix("GET /.well-known/loadtest-consent HTTP/1.1\r\nHost: a:1\r\n"))
        #expect(text.hasSuffix("\r\n\r\n"))
        #expect("\(try Consent(token: Self.token))" == "consent token")
    }
}
