import Auth
import AuthServer
import HTTPServer
import Reactor
import StoreConformance
import TestSupport
import Testing

extension APIServer {
    /// What the audit tells, newest first.
    func audit(_ filter: AuditFilter) async throws -> [AuditEntry] {
        let now = UnixTime(milliseconds: wallClockMilliseconds())
        let result = try await application.store.auditEntries(
            filter, before: nil, limit: 200, at: now, as: .localOperator, from: .server)
        guard case .done(let page) = result else { throw UnexpectedReply("no audit but \(result)") }
        return page.items.map(\.entry)
    }

    /// 0 when the store does not answer.
    func auditCount(_ filter: AuditFilter) async -> Int {
        do { return try await audit(filter).count } catch { return 0 }
    }
}

/// What happened at logins and changes of a password, as administrators read it.
@Suite(.timeLimit(.minutes(5))) struct AuditLogTests {
    @Test func `refused logins are told, with the account if there is one and never with a name or a password`()
        async throws
    {
        try await APIServer.run {
            $0.auditDelayMilliseconds = 1
            $0.throttle[.accountAndAddress] = GCRA(burst: 2, intervalMilliseconds: 600_000)
        } _: { server in
            let ada = try await server.makeUser("ada")
            let client = try server.client()
            let wrong = try client.tryLogin("ada", "secret-that-is-wrong")
            _ = try client.tryLogin("nobody-at-all", "secret-that-is-wrong")
            _ = try client.tryLogin("ada", "secret-that-is-wrong")
            let throttled = try client.tryLogin("ada")
            #expect(throttled.status == 429)
            await until { await server.auditCount(AuditFilter(event: .loginThrottled)) == 1 }
            await until { await server.auditCount(AuditFilter(event: .loginFailed)) == 3 }
            let failed = Array(try await server.audit(AuditFilter(event: .loginFailed)).reversed())
            #expect(failed.map(\.user) == [ada, nil, ada])
            #expect(failed.map(\.detail) == ["wrong password", "unknown user", "wrong password"])
            #expect(failed.allSatisfy { $0.actor == .anonymous && $0.session == nil })
            #expect(failed.allSatisfy { $0.origin.address?.description == "127.0.0.1" })
            #expect(failed.first?.origin.requestID == wrong.field("x-request-id"))
            let held = try await server.audit(AuditFilter(event: .loginThrottled))
            #expect(held.map(\.detail) == ["accountAndAddress"])
            #expect(held.map(\.origin.requestID) == [throttled.field("x-request-id")])
            let entries = try await server.audit(AuditFilter())
            let all = "\(entries)"
            #expect(!all.contains("nobody-at-all") && !all.contains("secret-that-is-wrong"))
        }
    }

    @Test func `the audit tells why a login was refused when the client is not told`() async throws {
        try await APIServer.run {
            $0.auditDelayMilliseconds = 1
            $0.attemptCaps.unknownDevices = 2
        } _: { server in
            let now = UnixTime(milliseconds: wallClockMilliseconds())
            let past = StoredPassword.OneTime(expiresAt: now.adding(seconds: -1))
            try await server.makeUser("locked")
            let disabled = try await server.makeUser("disabled")
            _ = try await server.application.store.setEnabled(false, of: disabled, at: now)
            try await server.makeUser("once", oneTime: past)
            let client = try server.client()
            for _ in 0..<2 { _ = try client.tryLogin("locked", "wrong") }
            for name in ["locked", "disabled", "once"] { #expect(try client.tryLogin(name).status == 401) }
            await until { await server.auditCount(AuditFilter(event: .loginFailed)) == 5 }
            let details = try await server.audit(AuditFilter(event: .loginFailed)).map(\.detail)
            #expect(
                Array(details.reversed()) == [
                    "wrong password", "wrong password", "locked", "disabled", "one-time password used or expired",
                ])
        }
    }

    @Test func `logins, registrations and changes are told by whom and from where`() async throws {
        try await APIServer.run {
            $0.auditDelayMilliseconds = 1
            $0.registration = .open
        } _: { server in
            let client = try server.client()
            let registered = try client.post(
                "/api/v1/auth/register", json: #"{"username":"ada","password":"\#(APIServer.password)"}"#)
            let id = try #require(registered["id"].flatMap { Identifier($0) })
            let login = try client.tryLogin("ada")
            let wrong = try client.changePassword(login.tokens().access, from: "wrong")
            let changed = try client.changePassword(login.tokens().access)
            await until { await server.auditCount(AuditFilter(user: id)) == 4 }
            let entries = try await server.audit(AuditFilter(user: id))
            for (event, reply) in [
                (.userRegistered, registered), (.loginSucceeded, login), (.passwordChangeFailed, wrong),
                (.passwordChanged, changed),
            ] as [(AuditEvent, RawClient.Reply)] {
                let entry = entries.first { $0.event == event }
                #expect(entry?.origin.requestID == reply.field("x-request-id"), "\(event)")
                #expect(entry?.origin.address?.description == "127.0.0.1", "\(event)")
                #expect(entry?.user == id, "\(event)")
            }
            for event in [.loginSucceeded, .passwordChangeFailed, .passwordChanged] as [AuditEvent] {
                #expect(entries.first { $0.event == event }?.actor == .user(id), "\(event)")
                #expect(entries.first { $0.event == event }?.session != nil, "\(event)")
            }
            #expect(!"\(entries)".contains(APIServer.password) && !"\(entries)".contains(PasswordTests.new))
        }
    }

    @Test func `a flood of throttled logins is cut short, counted, and pushes no failed login out`() async throws {
        try await APIServer.run {
            $0.throttle[.accountAndAddress] = GCRA(burst: 1, intervalMilliseconds: 600_000)
        } _: { server in
            let client = try server.client()
            #expect(try client.tryLogin("nobody", "wrong").status == 401)
            for _ in 0..<600 { #expect(try client.tryLogin("nobody", "wrong").status == 429) }
            #expect(try client.tryLogin("somebody", "wrong").status == 401)
            let page = try server.opsClient().get("/metrics").text
            // Half of the 1024 places, one of them taken by the login before.
            #expect(page.contains("portcullis_audit_entries_dropped_total 89\n"))
            #expect(page.contains("portcullis_audit_waiting 513\n"))
            // What waits at the end is written then.
            try await server.restart()
            #expect(try await server.audit(AuditFilter(event: .loginFailed)).count == 2)
            let overflows = try await server.audit(AuditFilter(event: .auditOverflowed))
            #expect(overflows.map(\.detail) == ["89"] && overflows.map(\.actor) == [.server])
        }
    }
}
