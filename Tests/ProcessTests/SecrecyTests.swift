import Foundation
import Glibc
import JSON
import TestSupport
import Testing

extension ProcessTests {
    /// Everything that a full run writes, looked through for everything that it must not.
    struct SecrecyTests {
        private static let wrongPassword = "a-wrong-password-for-tests"
        private static let queryPassword = "a-password-in-a-query"
        private static let headPassword = "a-secret-in-a-broken-head"

        /// A run with all that carries secrets; what it was given and got, the admin's password first.
        private func run(_ server: RunningServer, _ password: String) throws -> (secrets: [String], pages: String) {
            let client = try server.client()
            let first = try #require(Tokens(client.login(password)))
            let second = try #require(Tokens(client.refresh(first.refresh)))
            let form = "username=admin&password=\(password)&token_delivery=cookie"
            let byCookie = RawClient.form("login", form).replacing(
                "Host: localhost\r\n", with: "Host: localhost\r\nSec-Fetch-Site: same-origin\r\n")
            let cookie = client.request(byCookie)?.field("set-cookie")
            let wrong = SecrecyTests.wrongPassword
            #expect(client.login(wrong)?.status == 401)
            #expect(client.request(RawClient.form("login", "username=\(wrong)&password=\(wrong)"))?.status == 401)
            #expect(
                client.request(RawClient.form("login?password=\(SecrecyTests.queryPassword)", "x=y"))?.status == 400)
            #expect(client.verify(second.access) == 200)
            #expect(client.verify(second.access + "x") == 401)
            let verify = "GET /api/v1/auth/verify"
            #expect(
                client.request("\(verify)?access_token=\(second.access) HTTP/1.1\r\nHost: a\r\n\r\n")?.status == 401)
            #expect(
                client.request(
                    "\(verify)/any/\(second.access)?\(second.refresh) HTTP/1.1\r\nHost: a\r\nX-Y: \(wrong)\r\n\r\n")?
                    .status == 401)
            #expect(client.request("GET /\(second.access) HTTP/1.1\r\nHost: a\r\n\r\n")?.status == 404)
            #expect(client.refresh(second.refresh + "x")?.status == 401)
            let audit = client.request(
                "GET /api/v1/admin/audit HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(second.access)\r\n\r\n")
            #expect(client.logout(second.refresh) == 204)
            #expect(client.verify(second.access) == 401)
            try breakHeads(server, second)
            let metrics = try RawClient(port: server.opsPort).request("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            let tokens = [first.access, first.refresh, second.access, second.refresh]
            let value = try #require(cookie?.split(separator: ";").first?.split(separator: "=", maxSplits: 1).last)
            return (
                [password, wrong, SecrecyTests.queryPassword, SecrecyTests.headPassword]
                    // Tokens are told apart by their last part, which no two share.
                    + (tokens + [String(value)]).map { String($0.suffix(20)) },
                (metrics?.text ?? "") + (audit?.text ?? "")
            )
        }

        private func breakHeads(_ server: RunningServer, _ tokens: Tokens) throws {
            let secret = SecrecyTests.headPassword
            for head in [
                "GET /livez HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(tokens.access)\u{1}\r\n\r\n",
                "GET /livez HTTP/1.1\r\nHost: a\r\n\(secret) : x\r\n\r\n", "\(secret) / HTTP/9.9\r\n\r\n",
                "GET /\(secret)\u{1} HTTP/1.1\r\n\r\n", "GET / \(secret)\r\n\r\n",
                "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: \(secret)\r\n\r\n",
                "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\nX: \(secret)\r\n\r\n",
            ] {
                let reply = try #require(try server.client().request(head))
                #expect(reply.status >= 400 && !reply.text.contains(secret), "\(head)")
            }
        }

        @Test func `no password, token, cookie or key is in anything that a full run writes`() async throws {
            let installation = try Installation()
            let server = try await installation.start([
                "PORTCULLIS_ADMIN_PASSWORD": "", "PORTCULLIS_LOG_VERIFY_SAMPLE": "1",
            ])
            await until { server.child.output.contains("jwks.json") }
            let banner = server.child.output
            let password = String(try #require(banner.firstMatch(of: /\n +admin +([a-z0-9-]{27})\n/)?.1))
            let (secrets, pages) = try run(server, password)
            await server.child.stop()

            let master = try String(contentsOfFile: installation.masterKey, encoding: .utf8)
            let key = String(try #require(master.split(separator: "\n").last))
            // The banner shows the one password, on its own line and in the example.
            let lines = server.child.output.split(separator: "\n")
            #expect(lines.filter { $0.contains(password) }.count == 2)
            let output = lines.filter { !$0.contains(password) }.joined(separator: "\n")
            let database = try installation.contents().filter {
                installation.data + "/" + $0.key != installation.masterKey
            }
            #expect(database.keys.contains("portcullis.sqlite"))
            for secret in secrets + [key, String(key.suffix(20)), "PRIVATE KEY"] {
                for (place, text) in [("output", output), ("errors", server.child.errorOutput), ("pages", pages)] {
                    #expect(!text.contains(secret), "\(place)")
                }
                for (name, file) in database { #expect(file.bytes.range(of: Data(secret.utf8)) == nil, "\(name)") }
            }
            try checkLines(server.child.errorOutput)
        }

        /// What was looked through is what was to be looked through: a line of every request.
        private func checkLines(_ text: String) throws {
            let lines = try text.split(separator: "\n").map { line in
                try #require(try JSONValue(parsing: Array(line.utf8)).object, "\(line)")
            }
            #expect(lines.first?["message"]?.string == "started" && lines.last?["message"]?.string == "stopped")
            let requests = lines.filter { $0["message"]?.string == "request" }
            for (route, count) in [
                ("/api/v1/auth/login", 5), ("/api/v1/auth/refresh", 2), ("/api/v1/auth/logout", 1),
                ("/api/v1/auth/verify", 4), ("/api/v1/auth/verify/any/…", 1),
            ] { #expect(requests.filter { $0["route"]?.string == route }.count == count, "\(route)") }
            #expect(requests.filter { $0["route"]?.string == "none" }.count == 8)
        }
    }
}
