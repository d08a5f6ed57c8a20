import Auth
import Postgres
import TestSupport
import Testing

@testable import AuthServer

/// What a node learns of the others by asking each second: nothing is lost, whoever commits last.
struct StoresFeedTests {
    private static let revoking = Statement("test_revoke", "SELECT revoke_1(1, $1, NULL, 0, $2)")
    private static let sharing = Statement("test_share", "SELECT share_generation_1()")

    @Test func `of two writers the one whose transaction began first commits last, and nothing is lost`() async throws {
        try await StoreDatabases.shared().withStores(3) { stores in
            let (reader, node) = (stores[2], try Stand.id())
            let (early, late) = (try Stand.id(), try Stand.id())
            let until = Stand.at(900)
            var cursor = try await reader.snapshot(at: Stand.start).cursor
            let (isWritten, mayCommit) = (Gate(), Gate())
            let client = stores[0].client
            async let first: Void = client.transaction { transaction throws(PostgresError) in
                _ = try await transaction.run(Self.sharing, [])
                _ = try await transaction.run(Self.revoking, [.id(early), .time(until)])
                isWritten.open()
                await mayCommit.wait()
            }
            await isWritten.wait()
            try await stores[1].revoke(token: late, of: node, until: until)
            // Twice: the cursor does not go beyond who still writes.
            for _ in 0..<2 {
                let poll = try await self.poll(reader, node, cursor)
                #expect(poll.revocations == [.token(late, user: node, until: until)])
                cursor = poll.cursor
            }
            mayCommit.open()
            try await first
            let poll = try await self.poll(reader, node, cursor)
            #expect(poll.revocations.contains(.token(early, user: nil, until: until)))
            let rest = try await self.poll(reader, node, poll.cursor)
            #expect(try await self.poll(reader, node, rest.cursor).revocations.isEmpty, "once is enough")
        }
    }

    @Test func `readers who ask while 200 entries are written on three nodes hear of each`() async throws {
        try await StoreDatabases.shared().withStores(4) { stores in
            let user = try await Stand.user("ada", in: stores[0])
            let start = try await stores[3].snapshot(at: Stand.start)
            let isOver = Counted()
            async let heard = hear(stores[3], from: start.cursor, until: isOver)
            let told = try await together(200) { index in
                let store = stores[index % 3]
                let session = try Stand.session(of: user)
                _ = try await store.open(
                    session, maximumPerUser: 1000, givingBack: nil, usesOneTimePassword: false, generation: 0,
                    from: .server)
                return try await store.end(session.id, at: Stand.at(1), from: .server)
            }.flatMap { $0 }
            isOver.note()
            #expect(told.count == 200)
            #expect(try await heard.isSuperset(of: told))
        }
    }

    /// Asks again and again, and a last time when nothing more is written.
    private func hear(
        _ store: PostgresStore, from start: RevocationCursor, until isOver: Counted
    ) async throws -> Set<Revocation> {
        let node = try Stand.id()
        var (heard, cursor, isLast) = (Set<Revocation>(), start, false)
        repeat {
            isLast = isOver.isNoted
            let poll = try await poll(store, node, cursor)
            heard.formUnion(poll.revocations)
            cursor = poll.cursor
        } while !isLast
        return heard
    }

    @Test func `an entry that changes is told again, and the generation always`() async throws {
        try await StoreDatabases.shared().withStores(2) { stores in
            let (node, token) = (try Stand.id(), try Stand.id())
            try await stores[0].revoke(token: token, of: node, until: Stand.at(10))
            let snapshot = try await stores[1].snapshot(at: Stand.start)
            #expect(snapshot.revocations == [.token(token, user: node, until: Stand.at(10))])
            try await stores[0].revoke(token: token, of: node, until: Stand.at(20))
            let longer = try await poll(stores[1], node, snapshot.cursor)
            #expect(longer.revocations == [.token(token, user: node, until: Stand.at(20))])
            _ = try await stores[0].collapse(.everything, at: Stand.at(1))
            for _ in 0..<2 {
                #expect(try await poll(stores[1], node, longer.cursor).revocations.contains(.generation(1)))
            }
            #expect(try await stores[1].load(at: Stand.at(2)) == [.generation(1)], "it stands for every other entry")
            #expect(try await stores[1].prune(at: Stand.at(2)) == 1)
        }
    }

    @Test func `a cursor of another history, and one too far behind, are answered with everything`() async throws {
        var limits = PostgresLimits()
        limits.revocationPage = 7
        try await StoreDatabases.shared().withStores(limits: limits) { stores in
            let store = try #require(stores.first)
            let node = try Stand.id()
            let begun = try await store.snapshot(at: Stand.start)
            var all = Set<Revocation>()
            for index: Int64 in 0..<30 {
                let token = try Stand.id()
                try await store.revoke(token: token, of: node, until: Stand.at(900 + index))
                all.insert(.token(token, user: node, until: Stand.at(900 + index)))
            }
            #expect(Set(try await store.load(at: Stand.start)) == all, "in pages")
            // The database's clock is this machine's, where those entries are still in force.
            #expect(Set(try await poll(store, node, begun.cursor).revocations) == all)
            let newest = try await poll(store, node, begun.cursor).cursor
            let other = RevocationCursor(history: "1/00000001", transaction: newest.transaction)
            let poll = try await poll(store, node, other)
            #expect(Set(poll.revocations) == all && poll.cursor.history == newest.history)
        }
    }

    @Test func `a poll is one round trip, a heartbeat, and tells who lives`() async throws {
        try await StoreDatabases.shared().withStores(3, connections: 1) { stores in
            let nodes = try stores.map { _ in try Stand.id() }
            let cursor = try await stores[0].snapshot(at: Stand.start).cursor
            var seen: [[Identifier]] = []
            for (store, node) in zip(stores, nodes) {
                _ = try await poll(store, node, cursor)
                let before = store.client.statistics.roundTrips
                seen.append(try await poll(store, node, cursor).liveNodes)
                #expect(store.client.statistics.roundTrips - before == 1)
            }
            #expect(seen.map(Set.init) == (1...3).map { Set(nodes.prefix($0)) })
            try await stores[0].leave(node: nodes[0])
            #expect(Set(try await poll(stores[1], nodes[1], cursor).liveNodes) == Set(nodes.dropFirst()))
            try await stores[0].client.execute(
                script: "UPDATE nodes SET beat_at = beat_at - interval '11 seconds'", milliseconds: 10_000)
            let late = try await poll(stores[1], nodes[1], cursor)
            #expect(late.liveNodes == [nodes[1]])
            let now = systemTime()
            #expect(abs(late.databaseTime.milliseconds - now.milliseconds) < 5_000)
            #expect(late.minimumCompatible == 1)
        }
    }

    @Test func `a change of the keys moves their version, and what changes nothing does not`() async throws {
        try await StoreDatabases.shared().withStores { stores in
            let store = try #require(stores.first)
            let key = StoredKey(
                id: "k", purpose: .lookup, algorithm: "HS256", state: .active, sealed: [1], createdAt: Stand.start,
                changedAt: Stand.start)
            let start = try await store.snapshot(at: Stand.start).keysVersion
            for (change, moves): ([StoredKey]?, Int64) in [([key], 1), ([key], 1), (nil, 1), ([], 2)] {
                _ = try await store.update { _ in change }
                #expect(try await store.snapshot(at: Stand.start).keysVersion == start + moves)
            }
        }
    }

    private func poll(
        _ store: PostgresStore, _ node: Identifier, _ cursor: RevocationCursor
    ) async throws -> FleetPoll {
        try await store.poll(as: node, since: cursor, nodeAddress: "127.0.0.1:1", version: "test")
    }
}
