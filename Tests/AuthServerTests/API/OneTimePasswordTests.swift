import Auth
import AuthServer
import HTTPServer
import JSON
import Reactor
import TestSupport
import Testing

/// A password that an administrator gave: one login, and then another password.
@Suite(.timeLimit(.minutes(5))) struct OneTimePasswordTests {
    private func oneTime(_ seconds: Int64, isUsed: Bool = false) -> StoredPassword.OneTime {
        let now = UnixTime(milliseconds: wallClockMilliseconds())
        return StoredPassword.OneTime(expiresAt: now.adding(seconds: seconds), isUsed: isUsed)
    }

    @Test func `one that is over or used is refused like any wrong password`() async throws {
        try await APIServer.run { server in
            try await server.makeUser("ordinary")
            try await server.makeUser("expired", oneTime: oneTime(-1))
            try await server.makeUser("used", oneTime: oneTime(3600, isUsed: true))
            let client = try server.client()
            let wrong = try client.tryLogin("ordinary", "wrong")
            #expect(wrong.status == 401)
            for name in ["expired", "used"] {
                let hashes = server.application.hashesComputed
                let reply = try client.tryLogin(name)
                #expect(reply.shape == wrong.shape, "\(name)")
                #expect(server.application.hashesComputed == hashes + 1, "\(name)")
            }
        }
    }

    @Test func `it opens one session, of those who try at once exactly one's, and the reply says what to do`()
        async throws
    {
        try await APIServer.run { server in
            let id = try await server.makeUser("ada", oneTime: oneTime(3600))
            let clients = try (0..<20).map { _ in try server.client() }
            let body = #"{"username":"ada","password":"\#(APIServer.password)"}"#
            for client in clients {
                client.send(
                    "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
            let replies = try clients.map { try #require($0.receive()) }
            let granted = replies.filter { $0.status == 200 }
            #expect(granted.count == 1)
            #expect(replies.count { $0.status == 401 } == 19)
            #expect(granted.first?.object?["password_change_required"]?.bool == true)
            #expect(try await server.application.store.sessions(of: id).count == 1)
        }
    }

    @Test func `it is good as the old password of a change, and the new one is ordinary`() async throws {
        try await APIServer.run { server in
            try await server.makeUser("ada", oneTime: oneTime(3600))
            let client = try server.client()
            let first = try client.tryLogin("ada")
            #expect(first.object?["password_change_required"]?.bool == true)
            #expect(try client.tryLogin("ada").status == 401)
            #expect(try client.changePassword(first.tokens().access).status == 200)
            for _ in 0..<3 {
                let reply = try client.tryLogin("ada", PasswordTests.new)
                #expect(reply.status == 200)
                #expect(reply.object?["password_change_required"] == nil)
            }
            #expect(try client.tryLogin("ada").status == 401)
        }
    }

    @Test func `its session is not refreshed before another password is chosen, and goes on after that`() async throws {
        try await APIServer.run { server in
            try await server.makeUser("ada", oneTime: oneTime(3600))
            let client = try server.client()
            let first = try client.tryLogin("ada").tokens()
            for _ in 0..<3 { #expect(try client.refresh(first.refresh).status == 401) }
            let changed = try client.changePassword(first.access)
            #expect(changed.status == 200)
            let refreshed = try client.refresh(changed.tokens().refresh)
            #expect(refreshed.status == 200)
            #expect(refreshed.object?["password_change_required"] == nil)
        }
    }
}
