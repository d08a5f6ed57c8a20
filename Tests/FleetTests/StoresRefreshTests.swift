import Auth
import TestSupport
import Testing

@testable import AuthServer

/// Refreshing in one round trip: what the database foretells is what the rule decides, and what it did unasked is taken back
/// where the proof says otherwise.
struct StoresRefreshTests {
    /// One row and one token; `rotated` and `now` are seconds.
    private struct Case: Sendable {
        let counter: UInt32
        let rotated: Int64?
        let presented: UInt32
        let now: Int64
        let grace: Int64
    }

    /// Around every border of the rule.
    private static let table: [Case] = {
        var cases: [Case] = []
        for counter: UInt32 in [0, 1, 5, .max - 1, .max] {
            let presented = [0, 1, counter &- 2, counter &- 1, counter, counter &+ 1, .max]
            for rotated: Int64? in [nil, 0, 100] {
                for now: Int64 in [0, 59, 60, 100, 159, 160, 7 * 86_400 - 1, 7 * 86_400, 31 * 86_400] {
                    for grace: Int64 in [0, 60_000] {
                        for token in Set(presented) {
                            cases.append(
                                Case(counter: counter, rotated: rotated, presented: token, now: now, grace: grace))
                        }
                    }
                }
            }
        }
        return cases
    }()

    @Test func `what the database does for a good token is what the rule decides, over its whole table`() async throws {
        try await StoreDatabases.shared().withStores(connections: 8) { stores in
            let store = try #require(stores.first)
            let user = try await Stand.user("ada", in: store)
            _ = try await together(8) { worker in
                for (index, row) in Self.table.enumerated() where index % 8 == worker {
                    try await Self.check(row, user, store)
                }
            }
        }
    }

    private static func check(_ row: Case, _ user: User, _ store: PostgresStore) async throws {
        var session = try Stand.session(of: user)
        session.counter = row.counter
        session.rotatedAt = row.rotated.map { Stand.at($0) }
        let opening = try await store.open(
            session, maximumPerUser: 100_000, givingBack: nil, usesOneTimePassword: false, generation: 0, from: .server)
        try #require(opening == .opened(revocations: []))
        let now = Stand.at(row.now)
        let decision = RefreshRule.decide(
            session, presented: row.presented, proofIsValid: true, at: now, graceMilliseconds: row.grace)
        let result = try await store.refresh(
            session.id, at: now, from: .server,
            expecting: RefreshExpectation(presented: row.presented, graceMilliseconds: row.grace)
        ) { found in
            RefreshRule.decide(
                found, presented: row.presented, proofIsValid: true, at: now, graceMilliseconds: row.grace)
        }
        var expected = session
        switch decision {
        case .rotate(let counter), .adopt(let counter):
            expected.counter = counter
            (expected.rotatedAt, expected.lastUsedAt) = (now, now)
        default: break
        }
        switch (decision, result) {
        case (.rotate, .granted(let found, user)), (.adopt, .granted(let found, user)),
            (.repeatCurrent, .granted(let found, user)):
            #expect(found == expected, "\(row)")
        case (.endAsReused, .refused(let told)), (.endAsExpired, .refused(let told)):
            #expect(told.count == 1, "\(row)")
        default: Issue.record("\(row): \(decision), and \(result)")
        }
        let stored = try await store.end(session.id, at: now, from: .server)
        #expect(stored.count == 1, "\(row)")
    }

    @Test func `a bad proof ends the session whatever was foretold, and is told as reuse alone`() async throws {
        try await StoreDatabases.shared().withStores { stores in
            let store = try #require(stores.first)
            let user = try await Stand.user("ada", in: store)
            for presented: UInt32 in [0, 1, 7] {
                let session = try await Stand.openSession(of: user, in: store)
                let before = try await Stand.entries(store).count
                let result = try await refresh(session, presented: presented, proof: false, store)
                guard case .refused(let told) = result else { throw OtherAnswer() }
                #expect(told.count == 1)
                #expect(try await store.sessions(of: user.id).isEmpty)
                let written = try await Stand.entries(store).dropFirst(before)
                #expect(written.map(\.event) == [.refreshTokenReused])
            }
        }
    }

    @Test func `where the proof cannot be checked the row stays as it was`() async throws {
        try await StoreDatabases.shared().withStores { stores in
            let store = try #require(stores.first)
            let user = try await Stand.user("ada", in: store)
            let session = try await Stand.openSession(of: user, in: store)
            for presented: UInt32 in [0, 1, 7] {
                let result = try await refresh(session, presented: presented, proof: nil, store)
                guard case .undecidable = result else { throw OtherAnswer() }
                #expect(try await store.sessions(of: user.id) == [session])
            }
            #expect(try await store.load(at: Stand.at(10)).isEmpty)
        }
    }

    @Test func `what another made of a session meanwhile is not taken back`() async throws {
        try await StoreDatabases.shared().withStores(2) { stores in
            let user = try await Stand.user("ada", in: stores[0])
            let session = try await Stand.openSession(of: user, in: stores[0])
            let other = stores[1]
            let expectation = RefreshExpectation(presented: 0, graceMilliseconds: 60_000)
            let result = try await stores[0].refresh(
                session.id, at: Stand.at(10), from: .server, expecting: expectation
            ) { row in
                // Asked about what was; somebody adopts a higher counter before this is taken back.
                if row.counter == 0 {
                    blocking { _ = try await StoresTests.refresh(session.id, presented: 9, at: Stand.at(11), other) }
                }
                return .undecidable
            }
            guard case .undecidable = result else { throw OtherAnswer() }
            #expect(try await stores[1].sessions(of: user.id).map(\.counter) == [9])
        }
    }

    @Test func `a session whose user is disabled or must choose another password is refused unasked and stays`()
        async throws
    {
        try await StoreDatabases.shared().withStores { stores in
            let store = try #require(stores.first)
            let user = try await Stand.user("ada", in: store)
            let once = StoredPassword(hash: "$once", oneTime: .init(expiresAt: Stand.at(100)))
            _ = try await store.resetPassword(of: user.id, to: once, at: Stand.start, as: .localOperator, from: .server)
            let current = try #require(try await store.user(user.id))
            let session = try await Stand.openSession(of: current, in: store)
            let result = try await store.refresh(
                session.id, at: Stand.at(5), from: .server,
                expecting: RefreshExpectation(presented: 0, graceMilliseconds: 0)
            ) { _ in
                Issue.record("asked about a session that is not refreshed")
                return .undecidable
            }
            guard case .refused(let told) = result else { throw OtherAnswer() }
            #expect(told.isEmpty)
            #expect(try await store.sessions(of: user.id) == [session])
        }
    }

    /// `proof`: nil when it cannot be told, as `RefreshService` decides then.
    private func refresh(
        _ session: StoredSession, presented: UInt32, proof: Bool?, _ store: PostgresStore
    ) async throws -> RefreshResult {
        try await store.refresh(
            session.id, at: Stand.at(10), from: .server,
            expecting: RefreshExpectation(presented: presented, graceMilliseconds: 60_000)
        ) { row in
            let decision = RefreshRule.decide(
                row, presented: presented, proofIsValid: proof ?? false, at: Stand.at(10), graceMilliseconds: 60_000)
            return proof == nil && decision != .endAsExpired ? .undecidable : decision
        }
    }
}
