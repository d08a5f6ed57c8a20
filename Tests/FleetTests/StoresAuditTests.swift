import Auth
import Postgres
import TestSupport
import Testing

@testable import AuthServer

/// The audit of a fleet: followed without a gap, and bounded by kind.
struct StoresAuditTests {
    private static let writing = Statement(
        "test_audit", "SELECT audit_1($1, 'user.unlocked', 3, NULL, NULL, NULL, NULL, NULL, $2)")

    @Test func `who follows the audit misses no entry that is committed after a later one`() async throws {
        try await StoreDatabases.shared().withStores(3) { stores in
            let (isWritten, mayCommit) = (Gate(), Gate())
            try await stores[0].append([entry(.userCreated, "before")])
            let client = stores[0].client
            async let first: Void = client.transaction { transaction throws(PostgresError) in
                _ = try await transaction.run(Self.writing, [.time(Stand.start), .text("early")])
                isWritten.open()
                await mayCommit.wait()
            }
            await isWritten.wait()
            try await stores[1].append([entry(.userCreated, "late")])
            let (seen, last) = try await follow(stores[2], after: 0)
            #expect(seen == ["before"], "what comes after one that is still written is not told yet")
            mayCommit.open()
            try await first
            #expect(try await follow(stores[2], after: last).seen == ["early", "late"])
        }
    }

    @Test func `who follows 300 entries that three nodes write at once reads each once`() async throws {
        try await StoreDatabases.shared().withStores(4) { stores in
            let over = Counted()
            async let followed: [String] = {
                var (all, last, isLast) = ([String](), Int64(0), false)
                repeat {
                    isLast = over.isNoted
                    let page = try await follow(stores[3], after: last)
                    all += page.seen
                    last = page.last
                } while !isLast
                return all
            }()
            _ = try await together(300) { index in
                try await stores[index % 3].append([entry(.userCreated, "\(index)")])
            }
            over.note()
            #expect(Set(try await followed) == Set((0..<300).map { "\($0)" }))
            #expect(try await followed.count == 300)
        }
    }

    @Test func `each kind is bounded apart: a flood of one pushes nothing of another out`() async throws {
        var limits = PostgresLimits()
        (limits.auditEntries, limits.refusedAuditEntries, limits.throttledAuditEntries) = (5, 4, 3)
        try await StoreDatabases.shared().withStores(2, limits: limits) { stores in
            let events: [AuditEvent] = [.userCreated, .loginFailed, .loginThrottled]
            for index in 0..<20 { try await stores[index % 2].append(events.map { entry($0, "\(index)") }) }
            for (event, kept) in zip(events, [5, 4, 3]) {
                let found = try await Stand.entries(stores[0], AuditFilter(event: event))
                #expect(found.compactMap(\.detail) == (20 - kept..<20).map { "\($0)" })
            }
            // What changes write by themselves goes with the upkeep.
            for name in 0..<9 { _ = try await Stand.user("u\(name)", in: stores[0]) }
            while try await stores[1].pruneAudit(olderThan: Stand.at(-1)) > 0 {}
            #expect(try await Stand.entries(stores[0]).count == 5 + 4 + 3)
        }
    }

    @Test func `parallel floods past the limit neither wait for each other nor fail`() async throws {
        var limits = PostgresLimits()
        limits.throttledAuditEntries = 10
        try await StoreDatabases.shared().withStores(3, limits: limits) { stores in
            _ = try await together(60) { index in
                try await stores[index % 3].append((0..<5).map { entry(.loginThrottled, "\(index) \($0)") })
            }
            while try await stores[0].pruneAudit(olderThan: Stand.at(-1)) > 0 {}
            #expect(try await Stand.entries(stores[0]).count == 10)
        }
    }

    private func entry(_ event: AuditEvent, _ detail: String) -> AuditEntry {
        AuditEntry(at: Stand.start, event: event, actor: .server, origin: .server, detail: detail)
    }

    private func follow(_ store: PostgresStore, after: Int64) async throws -> (seen: [String], last: Int64) {
        let page = try await store.auditEntries(
            AuditFilter(), after: after, limit: 100, at: Stand.start, as: .localOperator, from: .server)
        guard case .done(let found) = page else { throw OtherAnswer() }
        return (found.items.compactMap(\.entry.detail), found.items.last?.id ?? after)
    }
}
