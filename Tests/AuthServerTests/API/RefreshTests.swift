import Auth
import AuthServer
import HTTPServer
import JWT
import Reactor
import StoreConformance
import TestSupport
import Testing

/// Section 5's table from outside: what a refresh token is worth when it is new, old, damaged or somebody else's.
@Suite(.timeLimit(.minutes(5))) struct RefreshTests {
    private func isRefused(_ reply: RawClient.Reply) -> Bool {
        reply.status == 401 && reply.problem == "invalid-grant" && reply.challenge == #"Bearer realm="portcullis""#
    }

    @Test func `whatever is no refresh token is refused alike and costs the store nothing`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let tokens = try client.loginAsAdmin()
            let bytes = Array(tokens.refresh.utf8)
            var forged = [
                "", "x", " ", tokens.access, tokens.refresh + "A", tokens.refresh + "=", " " + tokens.refresh,
                String(tokens.refresh.dropLast()), String(tokens.refresh.dropFirst()),
                String(tokens.refresh.reversed()),
                tokens.refresh + tokens.refresh, String(repeating: "A", count: 124), String(repeating: "/", count: 124),
                String(repeating: "A", count: 60_000), String(repeating: "é", count: 62),
            ]
            for index in bytes.indices {
                var changed = bytes
                changed[index] = bytes[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                forged.append(String(decoding: changed, as: UTF8.self))
            }
            let store = server.application.embeddedStore?.statistics
            let shape = try client.refresh("forged").shape
            for token in forged {
                let reply = try client.refresh(token)
                #expect(isRefused(reply), "\(token)")
                #expect(reply.shape == shape)
            }
            #expect(server.application.embeddedStore?.statistics == store)
            #expect(try client.refresh(tokens.refresh).status == 200)
        }
    }

    @Test(arguments: [
        #"{}"#, #"{"refresh_token":null}"#, #"{"refresh_token":1}"#, #"{"refresh_token":["a"]}"#,
        #"{"refresh_token":"a","refresh_token":"a"}"#, #"["a"]"#, "",
    ])
    func `a refresh without one string for a token is 400`(_ json: String) async throws {
        try await APIServer.run { server in
            let reply = try server.client().post("/api/v1/auth/refresh", json: json)
            #expect(reply.status == 400)
            #expect(reply.problem == "invalid-body")
        }
    }

    @Test func `the first use rotates and within the grace old and new give the same new one again`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let first = try client.loginAsAdmin()
            let second = try client.refresh(first.refresh).tokens()
            #expect(second.refresh != first.refresh)
            #expect(second.access != first.access)
            for token in [first.refresh, second.refresh, first.refresh, second.refresh] {
                let again = try client.refresh(token).tokens()
                #expect(again.refresh == second.refresh)
                #expect(again.access != second.access)
            }
            #expect(try client.verify(first.access) == 200)
            #expect(try client.verify(second.access) == 200)
            let form = try client.post(
                "/api/v1/auth/refresh", form: "grant_type=refresh_token&refresh_token=\(second.refresh)")
            #expect(try form.tokens().refresh == second.refresh)
        }
    }

    @Test func `a stale token ends its session and its access tokens at once, and no other session`() async throws {
        try await APIServer.run {
            $0.refreshGraceSeconds = 0
        } _: { server in
            let clients = try server.clientsOfBothLoops()
            let client = clients[0]
            let other = try client.loginAsAdmin()
            let first = try client.loginAsAdmin()
            let second = try client.refresh(first.refresh).tokens()
            let third = try client.refresh(second.refresh).tokens()
            #expect(Set([first.refresh, second.refresh, third.refresh]).count == 3)
            let accesses = [first.access, second.access, third.access]
            for client in clients { for access in accesses { #expect(try client.verify(access) == 200) } }
            #expect(isRefused(try client.refresh(first.refresh)))
            for client in clients { for access in accesses { #expect(try client.verify(access) == 401) } }
            for token in [first, second, third] { #expect(isRefused(try client.refresh(token.refresh))) }
            #expect(try client.verify(other.access) == 200)
            #expect(try client.refresh(other.refresh).status == 200)
        }
    }

    @Test func `the grace ends: then the token before the current one is stale`() async throws {
        try await APIServer.run {
            $0.refreshGraceSeconds = 1
        } _: { server in
            let client = try server.client()
            let first = try client.loginAsAdmin()
            let second = try client.refresh(first.refresh).tokens()
            // A session that rotated later tells when the grace of both is over: it rotates again.
            let clock = try client.refresh(client.loginAsAdmin().refresh).tokens()
            try await untilTrue { try client.refresh(clock.refresh).tokens().refresh != clock.refresh }
            #expect(try client.verify(second.access) == 200)
            #expect(isRefused(try client.refresh(first.refresh)))
            #expect(try client.verify(second.access) == 401)
            #expect(isRefused(try client.refresh(second.refresh)))
        }
    }

    private func untilTrue(_ condition: () throws -> Bool) async throws {
        var failure: (any Error)?
        await until {
            do { return try condition() } catch {
                failure = error
                return true
            }
        }
        if let failure { throw failure }
    }

    @Test func `a session beyond the most a user may have ends the one idle longest`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let sessions = try (0..<101).map { _ in try client.loginAsAdmin() }
            #expect(isRefused(try client.refresh(sessions[0].refresh)))
            #expect(try client.verify(sessions[0].access) == 401)
            for session in sessions[1...3] { #expect(try client.refresh(session.refresh).status == 200) }
        }
    }

    @Test func `a disabled user's refresh is refused and its access tokens die with the next snapshot`() async throws {
        try await APIServer.run { server in
            let client = try server.client()
            let id = try await server.makeUser("ada", roles: ["reader"])
            let tokens = try client.login("ada")
            let now = UnixTime(milliseconds: wallClockMilliseconds())
            _ = try await server.application.store.setEnabled(false, of: id, at: now)
            #expect(isRefused(try client.refresh(tokens.refresh)))
            #expect(try client.tryLogin("ada").status == 401)
            try await server.restart()
            let anew = try server.client()
            #expect(try anew.verify(tokens.access) == 401)
            _ = try await server.application.store.setEnabled(true, of: id, at: now)
            #expect(try anew.verify(tokens.access) == 401)
            #expect(isRefused(try anew.refresh(tokens.refresh)))
            #expect(try anew.verify(anew.login("ada").access) == 200)
        }
    }
}
