import Auth
import Postgres
import TestSupport
import Testing

@testable import AuthServer

/// What several nodes do at once to the same rows, and what it costs.
struct StoresTests {
    private static let grace: Int64 = 60_000

    @Test func `of 64 parallel attempts over four nodes exactly the cap is granted, account or none`() async throws {
        try await StoreDatabases.shared().withStores(4) { stores in
            _ = try await Stand.user("ada", in: stores[0])
            let caps = AttemptCaps(unknownDevices: 20, knownDevice: 5, windowMilliseconds: 60_000)
            for (name, device) in [("ada", nil), ("nobody", nil), ("ada", "phone"), ("nobody", "phone")] {
                let answers = try await together(64) { index in
                    try await stores[index % 4].reserve(
                        Stand.attempt(name, address: "\(index)", device: device), caps: caps)
                }
                #expect(answers.count { $0.reservation != nil } == (device == nil ? 20 : 5))
                #expect(answers.allSatisfy { ($0.user != nil) == (name == "ada") })
            }
        }
    }

    @Test func `of 50 parallel refreshes with one token over four nodes one rotates, and all get the same row`()
        async throws
    {
        try await StoreDatabases.shared().withStores(4) { stores in
            let user = try await Stand.user("ada", in: stores[0])
            let session = try await Stand.openSession(of: user, in: stores[0])
            let rows = try await together(50) { index in
                try await Self.refresh(session.id, presented: 0, at: Stand.at(5), stores[index % 4]).row
            }
            var expected = session
            expected.counter = 1
            (expected.rotatedAt, expected.lastUsedAt) = (Stand.at(5), Stand.at(5))
            #expect(rows == Array(repeating: expected, count: 50))
            #expect(try await stores[1].sessions(of: user.id) == [expected])
        }
    }

    @Test func `administrators of different nodes who demote each other at once leave one`() async throws {
        try await StoreDatabases.shared().withStores(4) { stores in
            let all = try await together(12) {
                try await Stand.user("root-\($0)", roles: ["admin"], in: stores[$0 % 4])
            }
            _ = try await together(12) { index in
                let (actor, victim) = (all[index], all[(index + 1) % 12])
                _ = try await stores[index % 4].update(
                    victim.id, UserChange(roles: []), at: Stand.at(1),
                    as: .user(actor.id, version: actor.version), from: .server)
            }
            let answers = try await together(12) { index in
                try await stores[index % 4].update(
                    all[index].id, UserChange(roles: []), at: Stand.at(2), as: .localOperator, from: .server)
            }
            #expect(answers.count { if case .conflict(.lastAdministrator) = $0 { true } else { false } } == 1)
        }
    }

    @Test func `a session is not opened beside the end of all, whichever comes first`() async throws {
        try await StoreDatabases.shared().withStores(4) { stores in
            let user = try await Stand.user("ada", in: stores[0])
            async let openings = together(40) { index in
                try await Stand.open(try Stand.session(of: user), in: stores[index % 4])
            }
            let outcome = try await stores[3].revoke(
                .sessionsBefore(Stand.at(3600)), at: Stand.at(1), as: .localOperator, from: .server)
            guard case .done(let ended) = outcome else { throw OtherAnswer() }
            let opened = try await openings.count { $0 == .opened(revocations: []) }
            #expect(ended.sessionsEnded == opened)
            #expect(try await stores[0].sessions(of: user.id).isEmpty)
            // Made before that instant, but after the end: it lives.
            let later = try Stand.session(of: user, at: Stand.at(2))
            #expect(try await Stand.open(later, generation: 1, in: stores[1]) == .opened(revocations: []))
            #expect(try await Self.refresh(later.id, presented: 0, at: Stand.at(9), stores[2]).row?.counter == 1)
            var pruned = 0
            while case let count = try await stores[2].pruneSessions(at: Stand.at(2)), count > 0 { pruned += count }
            #expect(pruned == opened)
            #expect(try await stores[0].sessions(of: user.id).count == 1)
        }
    }

    // MARK: What it costs

    @Test func `a login is two round trips, a refresh one, a logout one`() async throws {
        try await StoreDatabases.shared().withStores(connections: 1) { stores in
            let store = try #require(stores.first)
            let user = try await Stand.user("ada", in: store)
            func trips(_ body: () async throws -> Void) async throws -> Int {
                let before = store.client.statistics.roundTrips
                try await body()
                return store.client.statistics.roundTrips - before
            }
            // Twice: also where nothing is prepared yet.
            for round: Int64 in 0..<2 {
                let session = try Stand.session(of: user)
                let login = try await trips {
                    let found = try await store.reserve(Stand.attempt("ada"), caps: AttemptCaps())
                    let opening = try await store.open(
                        session, maximumPerUser: 100, givingBack: found.reservation, usesOneTimePassword: false,
                        generation: 0, from: .server)
                    #expect(opening == .opened(revocations: []))
                }
                #expect(login == 2, "round \(round)")
                let rotation = try await trips {
                    let result = try await Self.refresh(session.id, presented: 0, at: Stand.at(100), store)
                    #expect(result.row?.counter == 1)
                }
                #expect(rotation == 1, "round \(round)")
                let again = try await trips {
                    let result = try await Self.refresh(session.id, presented: 0, at: Stand.at(110), store)
                    #expect(result.row?.counter == 1)
                }
                #expect(again == 1, "round \(round)")
                let logout = try await trips {
                    let told = try await store.end(session.id, at: Stand.at(120), from: .server)
                    #expect(told.count == 1)
                }
                #expect(logout == 1, "round \(round)")
            }
            let all = try await trips {
                _ = try await store.endAll(of: user.id, version: 1, at: Stand.at(130), from: .server)
            }
            #expect(all == 1)
        }
    }

    @Test func `a reservation is the same work for accounts in every state and for none`() async throws {
        try await StoreDatabases.shared().withStores(connections: 1) { stores in
            let store = try #require(stores.first)
            for name in ["ordinary", "locked"] { _ = try await Stand.user(name, in: store) }
            let disabled = try await Stand.user("disabled", in: store)
            _ = try await store.update(
                disabled.id, UserChange(isEnabled: false), at: Stand.start, as: .localOperator, from: .server)
            let caps = AttemptCaps(unknownDevices: 2, knownDevice: 2, windowMilliseconds: 1000)
            for name in ["locked", "locked", "locked stranger", "locked stranger"] {
                _ = try await store.reserve(Stand.attempt(name), caps: caps)
            }
            let log = Statement("test_log_position", "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
            for name in ["unknown", "ordinary", "disabled", "locked", "locked stranger"] {
                let logBefore = try await store.client.run(log, []).first().logPosition()
                let before = store.client.statistics
                let answer = try await store.reserve(Stand.attempt(name), caps: caps)
                let after = store.client.statistics
                #expect(after.roundTrips - before.roundTrips == 1 && after.statements - before.statements == 1)
                // A commit that has nothing to write would not wait for the disk, and be quicker.
                #expect(try await store.client.run(log, []).first().logPosition() != logBefore, "\(name)")
                #expect((answer.reservation == nil) == name.hasPrefix("locked"))
            }
        }
    }

    @Test func `past its limit a table takes no more: "unavailable", never a row forgotten`() async throws {
        var limits = PostgresLimits()
        (limits.users, limits.attempts, limits.keys) = (0, 0, 1)
        let full = limits
        try await StoreDatabases.shared().withClients { clients in
            // The planner's estimate is unknown (-1), and nothing full, until somebody counted.
            try await clients[0].execute(script: "ANALYZE users; ANALYZE attempts", milliseconds: 10_000)
            let store = PostgresStore(client: clients[0], limits: full)
            await #expect(throws: StoreError.unavailable) {
                try await store.reserve(Stand.attempt("ada"), caps: AttemptCaps())
            }
            await #expect(throws: StoreError.unavailable) {
                try await store.register(Stand.newUser("ada"), from: .server)
            }
            await #expect(throws: StoreError.unavailable) { try await store.createFirst(Stand.newUser("ada")) }
            #expect(try await !store.hasEverHadUsers(), "nothing of it stays")
            await #expect(throws: StoreError.unavailable) {
                try await store.create(Stand.newUser("ada"), as: .localOperator, from: .server)
            }
            let keys = ["a", "b"].map {
                StoredKey(
                    id: $0, purpose: .lookup, algorithm: "HS256", state: .active, sealed: [], createdAt: Stand.start,
                    changedAt: Stand.start)
            }
            await #expect(throws: StoreError.unavailable) { try await store.update { _ in keys } }
        }
    }

    @Test func `a value that was never written there is "damaged", not a trap`() async throws {
        try await StoreDatabases.shared().withStores { stores in
            let store = try #require(stores.first)
            let user = try await Stand.user("ada", in: store)
            try await store.client.execute(script: "UPDATE users SET roles = 'No Role'", milliseconds: 10_000)
            await #expect(throws: StoreError.self) { try await store.user(user.id) }
            do throws(StoreError) { _ = try await store.user(user.id) } catch {
                guard case .damaged(let what) = error else { throw OtherAnswer() }
                #expect(what.contains("a role of a user is not one"))
            }
        }
    }

    @Test func `an error of the database says what may be repeated`() {
        let cases: [(PostgresError.Code, StoreError)] = [
            (.unavailable, .unavailable), (.inDoubt, .commitInDoubt),
            (.refused(.serializationFailure), .unavailable), (.refused(.deadlockDetected), .unavailable),
            (.refused(.lockNotAvailable), .unavailable), (.refused(.queryCanceled), .unavailable),
            (.refused(.adminShutdown), .unavailable), (.refused(.cannotConnectNow), .unavailable),
            (.refused(.readOnlyTransaction), .unavailable), (.refused(.tooManyConnections), .unavailable),
            (.refused(.diskFull), .unavailable),
        ]
        for (code, expected) in cases { #expect(StoreError(postgres: PostgresError(code, "x")) == expected) }
        for code in [PostgresError.Code.malformed, .refused(.uniqueViolation), .refused(.undefinedTable)] {
            guard case .damaged = StoreError(postgres: PostgresError(code, "x")) else {
                Issue.record("\(code)")
                continue
            }
        }
    }

    /// As `RefreshService` asks, with a good proof.
    static func refresh(
        _ id: Identifier, presented: UInt32, at now: UnixTime, _ store: PostgresStore
    ) async throws -> (row: StoredSession?, result: RefreshResult) {
        let result = try await store.refresh(
            id, at: now, from: .server,
            expecting: RefreshExpectation(presented: presented, graceMilliseconds: grace)
        ) { session in
            RefreshRule.decide(
                session, presented: presented, proofIsValid: true, at: now, graceMilliseconds: grace)
        }
        if case .granted(let row, _) = result { return (row, result) }
        return (nil, result)
    }
}

/// An answer that the check does not go on from.
struct OtherAnswer: Error {}

extension Row {
    /// A numeric, as its bytes: enough to tell whether it moved.
    fileprivate func logPosition() throws -> [UInt8] { try bytes(0) }
}
