import Auth
import GRDB
import StoreConformance
import Testing

@testable import AuthServer

/// What bounds the audit, and that no change is without its entry.
struct AuditTests {
    private static let start = UnixTime(milliseconds: 1_800_000_000_000)
    private var start: UnixTime { AuditTests.start }

    @Test func `each kind of entry keeps its newest; none pushes another out`() async throws {
        let folder = try TemporaryFolder()
        var limits = EmbeddedLimits.patient
        limits.auditEntries = 10
        limits.refusedAuditEntries = 5
        limits.throttledAuditEntries = 3
        let store = try folder.open(limits: limits)
        for second in 0..<20 { try await store.append([entry(.userDeleted, at: second)]) }
        #expect(try await kept(store) == Array(10..<20))
        try await store.append((100..<2000).map { entry(.loginFailed, at: $0) })
        #expect(try await kept(store) == Array(10..<20) + Array(1995..<2000))
        try await store.append((3000..<3200).map { entry(.userDeleted, at: $0) })
        #expect(try await kept(store) == Array(1995..<2000) + Array(3190..<3200))
        // A flood that costs next to nothing leaves the failed logins where they are.
        try await store.append((5000..<6000).map { entry($0 % 2 == 0 ? .loginThrottled : .auditOverflowed, at: $0) })
        #expect(try await kept(store) == Array(1995..<2000) + Array(3190..<3200) + Array(5997..<6000))
        // What age took leaves room for as many again.
        while try await store.pruneAudit(olderThan: start.adding(seconds: 9999)) > 0 {}
        try await store.append((4000..<4020).map { entry($0 % 2 == 0 ? .loginFailed : .keyRotated, at: $0) })
        #expect(try await kept(store).count == 15)
        try store.close()
    }

    @Test func `with a lower limit than before the surplus goes at the next entry`() async throws {
        let folder = try TemporaryFolder()
        var limits = EmbeddedLimits.patient
        for (limit, expected) in [(50, Array(0..<30)), (4, [27, 28, 29, 100])] {
            limits.auditEntries = Int64(limit)
            let store = try folder.open(limits: limits)
            let seconds = limit == 50 ? Array(0..<30) : [100]
            for second in seconds { try await store.append([entry(.userDeleted, at: second)]) }
            #expect(try await kept(store) == expected)
            try store.close()
        }
    }

    /// One change, made on a store with a user "ada" who has a session.
    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let make: @Sendable (EmbeddedStore, User, StoredSession) async throws -> Void
    }

    private static let origin = RequestOrigin.server

    static let changes: [Change] = [
        Change(testDescription: "register") { store, _, _ in
            _ = try await store.register(newUser("bob"), from: origin)
        },
        Change(testDescription: "create") { store, _, _ in
            _ = try await store.create(newUser("bob"), as: .localOperator, from: origin)
        },
        Change(testDescription: "open") { store, user, _ in
            _ = try await store.open(session(of: user), maximumPerUser: 1, givingBack: AttemptReservation(id: 1))
        },
        Change(testDescription: "adopt") { store, _, session in
            _ = try await store.refresh(session.id, at: start) { _ in .adopt(9) }
        },
        Change(testDescription: "reuse") { store, _, session in
            _ = try await store.refresh(session.id, at: start) { _ in .endAsReused }
        },
        Change(testDescription: "end") { store, _, session in _ = try await store.end(session.id, at: start) },
        Change(testDescription: "endAll") { store, user, _ in _ = try await store.endAll(of: user.id, at: start) },
        Change(testDescription: "change of password") { store, user, session in
            let change = PasswordChange(
                user: user.id, version: user.version, session: session.id, oldHash: "$hash", newHash: "$new",
                attempt: AttemptReservation(id: 1), graceMilliseconds: 60_000)
            _ = try await store.changePassword(change, at: start, from: origin)
        },
        Change(testDescription: "update") { store, user, _ in
            let change = UserChange(roles: [.admin], isEnabled: false)
            _ = try await store.update(user.id, change, at: start, as: .localOperator, from: origin)
        },
        Change(testDescription: "delete") { store, user, _ in
            _ = try await store.delete(user.id, at: start, as: .localOperator, from: origin)
        },
        Change(testDescription: "reset") { store, user, _ in
            _ = try await store.resetPassword(
                of: user.id, to: StoredPassword(hash: "$new"), at: start, as: .localOperator, from: origin)
        },
        Change(testDescription: "unlock") { store, user, _ in
            _ = try await store.unlock(user.id, nameKey: [1], at: start, as: .localOperator, from: origin)
        },
        Change(testDescription: "keys") { store, _, _ in
            _ = try await store.administer(as: .localOperator, from: origin, at: start, audit: .keyRotated, detail: nil)
            { _ in [] }
        },
        Change(testDescription: "revoke a token") { store, user, _ in
            _ = try await store.revoke(.token(user.id), at: start, as: .localOperator, from: origin)
        },
        Change(testDescription: "revoke a session") { store, _, session in
            _ = try await store.revoke(.session(session.id), at: start, as: .localOperator, from: origin)
        },
        Change(testDescription: "revoke an unknown session") { store, user, _ in
            _ = try await store.revoke(.session(user.id), at: start, as: .localOperator, from: origin)
        },
        Change(testDescription: "revoke a user") { store, user, _ in
            _ = try await store.revoke(.user(user.id), at: start, as: .localOperator, from: origin)
        },
        Change(testDescription: "revoke sessions") { store, _, _ in
            let end = start.adding(seconds: 9)
            _ = try await store.revoke(.sessionsBefore(end), at: start, as: .localOperator, from: origin)
        },
    ]

    @Test(arguments: changes)
    func `a change whose entry cannot be written is not made`(_ change: Change) async throws {
        let folder = try TemporaryFolder()
        let store = try folder.open()
        let new = try Self.newUser("ada")
        #expect(try await store.create(new))
        let user = try #require(try await store.user(new.id))
        let session = try Self.session(of: user)
        _ = try await store.open(session, maximumPerUser: 1, givingBack: nil)
        let attempt = LoginAttempt(
            username: user.username, nameKey: [1], deviceKey: nil, addressKey: [1], at: start)
        #expect(try await store.reserve(attempt, caps: AttemptCaps()).reservation == AttemptReservation(id: 1))
        let key = StoredKey(
            id: "k", purpose: .lookup, algorithm: "HS256", state: .active, sealed: [1], createdAt: start,
            changedAt: start)
        _ = try await store.update { _ in [key] }
        let before = try await contents(store)
        try await store.perform { transaction in
            try transaction.run(
                """
                CREATE TEMP TRIGGER full BEFORE INSERT ON main.audit BEGIN SELECT RAISE(ABORT, 'no entry'); END
                """)
        }
        await #expect(throws: StoreError.self) { try await change.make(store, user, session) }
        #expect(try await contents(store) == before)
        try await store.perform { try $0.run("DROP TRIGGER temp.full") }
        try await change.make(store, user, session)
        let after = try await contents(store)
        #expect(after != before && after["audit"]?.count ?? 0 > before["audit"]?.count ?? 0)
        try store.close()
    }

    /// Every row of every table.
    private func contents(_ store: EmbeddedStore) async throws -> [String: [String]] {
        try await store.perform { transaction in
            var tables: [String: [String]] = [:]
            for name in ["meta", "users", "sessions", "keys", "revocations", "attempts", "audit"] {
                let columns = try transaction.rows("SELECT name FROM pragma_table_info('\(name)')").map {
                    "quote(" + (try $0.text(0)) + ")"
                }.joined(separator: " || '|' || ")
                tables[name] = try transaction.rows("SELECT \(columns) FROM \(name)").map { try $0.text(0) }
            }
            return tables
        }
    }

    private func kept(_ store: EmbeddedStore) async throws -> [Int] {
        try await store.perform { transaction in
            try transaction.rows("SELECT at FROM audit ORDER BY at").map {
                Int(try $0.time(0).seconds - AuditTests.start.seconds)
            }
        }
    }

    private func entry(_ event: AuditEvent, at second: Int) -> AuditEntry {
        AuditEntry(at: start.adding(seconds: Int64(second)), event: event, actor: .server, origin: .server)
    }

    private static func newUser(_ name: String) throws -> NewUser {
        NewUser(
            id: try Identifier.make(at: start), username: Username(stored: name), roles: [],
            password: StoredPassword(hash: "$hash"), createdAt: start)
    }

    private static func session(of user: User) throws -> StoredSession {
        StoredSession(
            id: try Identifier.make(at: start), userID: user.id, userVersion: user.version, createdAt: start,
            lastUsedAt: start, idleExpiresAt: start.adding(seconds: 60), absoluteExpiresAt: start.adding(seconds: 60),
            counter: 0, rotatedAt: nil, sealedSecret: [1])
    }
}
