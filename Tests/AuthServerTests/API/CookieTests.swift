import Auth
import AuthServer
import TestSupport
import Testing

/// The refresh token in a cookie (RFC 6265bis), and the rule for every request that rests on it.
@Suite(.timeLimit(.minutes(5))) struct CookieTests {
    private static let sameOrigin = "Sec-Fetch-Site: same-origin"
    private static let prefix = "__Host-portcullis-refresh="
    private static let attributes = "; Path=/; Max-Age=604800; HttpOnly; Secure; SameSite=Strict"
    private static let cleared = "\(prefix); Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict"
    private let login =
        #"{"username":"admin","password":"\#(APIServer.adminPassword)","token_delivery":"cookie"}"#

    /// The cookie's value, if the reply sets it as it should.
    private func token(of reply: RawClient.Reply) throws -> String {
        guard reply.status == 200, let cookie = reply.field("set-cookie"), cookie.hasPrefix(CookieTests.prefix),
            cookie.hasSuffix(CookieTests.attributes)
        else { throw UnexpectedReply("no cookie in \(reply.status) \(reply.fields)") }
        #expect(reply.fields.count { $0.name == "set-cookie" && $0.value.hasPrefix(CookieTests.prefix) } == 1)
        return String(cookie.dropFirst(CookieTests.prefix.count).dropLast(CookieTests.attributes.count))
    }

    @Test func `only pages of the same origin and of allowed ones may use the cookie`() async throws {
        try await APIServer.run {
            $0.auditDelayMilliseconds = 1
            $0.allowedOrigins = ["https://app.example", "http://localhost:3000"]
        } _: { server in
            let client = try server.client()
            let reply = try client.post("/api/v1/auth/login", json: login, [CookieTests.sameOrigin])
            let cookie = "Cookie: \(CookieTests.prefix)\(try token(of: reply))"
            let refused: [[String]] = [
                [], ["Sec-Fetch-Site: same-site"], ["Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: none"],
                ["Sec-Fetch-Site: Same-Origin"], [CookieTests.sameOrigin, CookieTests.sameOrigin],
                ["Origin: https://evil.example"], ["Origin: null"], ["Origin: https://app.example.evil"],
                ["Origin: https://app.example:443"], ["Origin: https://APP.example"], ["Origin: http://app.example"],
                ["Origin: https://app.example", "Origin: https://app.example"], ["Referer: https://app.example/"],
                ["Origin: "], [CookieTests.sameOrigin, "Origin: null"], ["Sec-Fetch-Site: cross-site", "Origin: null"],
                [CookieTests.sameOrigin, "Origin: https://app.example", "Origin: https://evil.example"],
                ["Sec-Fetch-Site: cross-site", CookieTests.sameOrigin],
            ]
            let hashes = server.application.hashesComputed
            for fields in refused {
                for target in ["login", "refresh", "logout"] {
                    let reply =
                        target == "login"
                        ? try client.post("/api/v1/auth/login", json: login, fields)
                        : try client.post("/api/v1/auth/\(target)", fields + [cookie])
                    #expect(reply.status == 403, "\(target) \(fields)")
                    #expect(reply.problem == "cross-site")
                    #expect(reply.field("set-cookie") == nil)
                }
            }
            #expect(server.application.hashesComputed == hashes)
            let filter = AuditFilter(event: .requestCrossSite)
            await until { await server.auditCount(filter) >= 3 * refused.count }
            let told = try await server.audit(filter)
            #expect(told.count == 3 * refused.count && told.allSatisfy { $0.actor == .anonymous })
            #expect(Set(told.compactMap(\.detail)) == Set(["login", "refresh", "logout"].map { "/api/v1/auth/\($0)" }))
            for fields in [
                [CookieTests.sameOrigin], ["Origin: https://app.example"], ["Origin: http://localhost:3000"],
                [CookieTests.sameOrigin, "Origin: https://id.example"],
                ["Sec-Fetch-Site: same-site", "Origin: https://app.example"],
            ] {
                #expect(try token(of: client.post("/api/v1/auth/login", json: login, fields)).utf8.count == 124)
                #expect(try token(of: client.post("/api/v1/auth/refresh", fields + [cookie])).utf8.count == 124)
            }
            #expect(try client.post("/api/v1/auth/logout", ["Origin: https://app.example", cookie]).status == 204)
        }
    }

    @Test func `what went out in a cookie stays in cookies and a logout clears it`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let login = try client.post("/api/v1/auth/login", json: login, [CookieTests.sameOrigin])
            #expect(login["refresh_token"] == nil)
            #expect(login.field("cache-control") == "no-store")
            let cookie = "Cookie: a=b; \(CookieTests.prefix)\(try token(of: login)); c=d"
            let refresh = try client.post("/api/v1/auth/refresh", [CookieTests.sameOrigin, cookie])
            #expect(refresh["refresh_token"] == nil)
            #expect(try token(of: refresh) != token(of: login))
            let access = try #require(refresh["access_token"])
            #expect(try client.verify(access) == 200)
            let logout = try client.post("/api/v1/auth/logout", [CookieTests.sameOrigin, cookie])
            #expect(logout.status == 204)
            #expect(logout.field("set-cookie") == CookieTests.cleared)
            #expect(try client.verify(access) == 401)
            #expect(try client.post("/api/v1/auth/refresh", [CookieTests.sameOrigin, cookie]).status == 401)
        }
    }

    @Test
    func `a logout clears a cookie that is good for nothing; a refused refresh leaves it to a login that was faster`()
        async throws
    {
        try await APIServer.run { server in
            let client = try server.client()
            for dead in ["x", String(repeating: "A", count: 120)] {
                let cookie = "Cookie: \(CookieTests.prefix)\(dead)"
                let refresh = try client.post("/api/v1/auth/refresh", [CookieTests.sameOrigin, cookie])
                #expect(refresh.status == 401 && refresh.field("set-cookie") == nil)
                #expect(try client.post("/api/v1/auth/logout", ["Sec-Fetch-Site: cross-site", cookie]).status == 403)
                let logout = try client.post("/api/v1/auth/logout", [CookieTests.sameOrigin, cookie])
                #expect(logout.status == 204 && logout.field("set-cookie") == CookieTests.cleared)
                #expect(try client.post("/api/v1/auth/logout", json: #"{"refresh_token":"\#(dead)"}"#).status == 401)
            }
        }
    }

    @Test func `a token in body and cookie, a repeated cookie and a malformed one are refused`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let token = try client.loginAsAdmin().refresh
            let pair = CookieTests.prefix + token
            for target in ["/api/v1/auth/refresh", "/api/v1/auth/logout"] {
                let both = try client.post(
                    target, json: #"{"refresh_token":"\#(token)"}"#, [CookieTests.sameOrigin, "Cookie: \(pair)"])
                #expect(both.status == 400)
                for cookies in [
                    ["Cookie: \(pair); \(pair)"], ["Cookie: \(pair)", "Cookie: \(pair)"],
                    ["Cookie: \(CookieTests.prefix)a b"], ["Cookie: \(CookieTests.prefix)a\\b"],
                ] {
                    #expect(try client.post(target, [CookieTests.sameOrigin] + cookies).status == 400, "\(cookies)")
                }
                for cookie in ["__host-portcullis-refresh=\(token)", "portcullis-refresh=\(token)", "a=b"] {
                    let reply = try client.post(target, [CookieTests.sameOrigin, "Cookie: \(cookie)"])
                    #expect(reply.status == (target.hasSuffix("refresh") ? 400 : 401), "\(cookie)")
                }
            }
            #expect(try client.refresh(token).status == 200)
        }
    }

    @Test func `a cookie beside an access token is no second credential, and a logout clears it from our own pages`()
        async throws
    {
        try await APIServer.run { server in
            let client = try server.client()
            for site in ["same-origin", "same-site"] {
                let (one, other) = (try client.loginAsAdmin(), try client.loginAsAdmin())
                let fields = ["Sec-Fetch-Site: \(site)", "Cookie: \(CookieTests.prefix)\(other.refresh)"]
                #expect(try client.get("/api/v1/me", token: one.access, fields).status == 200)
                let reply = try client.post("/api/v1/auth/logout", token: one.access, fields)
                #expect(reply.status == 204)
                #expect(try client.verify(one.access) == 401)
                let isOurs = site == "same-origin"
                #expect(reply.field("set-cookie") == (isOurs ? CookieTests.cleared : nil))
                #expect(try client.verify(other.access) == (isOurs ? 401 : 200))
            }
            let token = try client.loginAsAdmin()
            let body = #"{"refresh_token":"\#(token.refresh)"}"#
            for fields in [[], ["Cookie: \(CookieTests.prefix)\(token.refresh)", CookieTests.sameOrigin]] {
                let bearer = ["Authorization: Bearer \(token.access)"]
                #expect(try client.post("/api/v1/auth/logout", json: body, bearer + fields).status == 400)
            }
            #expect(try client.verify(token.access) == 200)
            let forged = ["Cookie: \(CookieTests.prefix)forged", CookieTests.sameOrigin]
            let reply = try client.post("/api/v1/auth/logout", token: token.access, forged)
            #expect(reply.status == 204 && reply.field("set-cookie") == CookieTests.cleared)
        }
    }

    @Test func `ending all sessions clears the cookie where there is one, whatever it holds`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            for (cookie, cleared) in [
                ("a=b", nil), ("a=b; \(CookieTests.prefix)x", CookieTests.cleared),
                ("\(CookieTests.prefix)a; \(CookieTests.prefix)b", CookieTests.cleared),
            ] {
                let token = try client.loginAsAdmin().access
                let refused = try client.post("/api/v1/auth/logout-all", ["Cookie: \(cookie)", CookieTests.sameOrigin])
                #expect(refused.status == 401 && refused.field("set-cookie") == nil)
                let reply = try client.post("/api/v1/auth/logout-all", token: token, ["Cookie: \(cookie)"])
                #expect(reply.status == 204)
                #expect(reply.field("set-cookie") == cleared)
            }
        }
    }

    @Test func `a changed password renews the cookie for our own pages alone, or clears it for a token in the body`()
        async throws
    {
        try await APIServer.run { server in
            let client = try server.client()
            try await server.makeUser("bob")
            let tokens = try client.login("bob")
            var cookie = "Cookie: \(CookieTests.prefix)\(tokens.refresh)"
            func change(_ old: String, _ new: String, _ delivery: String, _ fields: [String]) throws -> RawClient.Reply
            {
                let json = #"{"old_password":"\#(old)","new_password":"\#(new)","token_delivery":"\#(delivery)"}"#
                return try client.post(
                    "/api/v1/auth/password", json: json, ["Authorization: Bearer \(access)", cookie] + fields)
            }
            var access = tokens.access
            let (first, second, third) = (APIServer.password, "an owl that knits at noon", "two owls that knit at six")
            for fields in [[], ["Sec-Fetch-Site: same-site"], ["Origin: null", CookieTests.sameOrigin]] {
                let refused = try change(first, second, "cookie", fields)
                #expect(refused.status == 403 && refused.problem == "cross-site")
                #expect(refused.field("set-cookie") == nil)
            }
            let renewed = try change(first, second, "cookie", [CookieTests.sameOrigin])
            cookie = "Cookie: \(CookieTests.prefix)\(try token(of: renewed))"
            #expect(renewed["refresh_token"] == nil)
            access = try #require(renewed["access_token"])
            let cleared = try change(second, third, "body", ["Sec-Fetch-Site: same-site"])
            #expect(cleared.status == 200 && cleared.field("set-cookie") == CookieTests.cleared)
            #expect(try client.refresh(cleared.tokens().refresh).status == 200)
        }
    }
}
