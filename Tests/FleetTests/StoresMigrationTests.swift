import Auth
import Postgres
import TestSupport
import Testing

@testable import AuthServer

/// Builds that know different versions of the schema, on one database.
struct StoresMigrationTests {
    /// The build after this one: it writes down why a session ended, by a function of its own.
    private static let next =
        PostgresSchema.steps + [
            PostgresSchema.Step(
                expand: """
                    ALTER TABLE sessions ADD COLUMN note text NOT NULL DEFAULT '';
                    CREATE FUNCTION end_2(_id uuid, _now bigint, _until bigint, _address text, _request text, _why text)
                    RETURNS TABLE (kind bigint, id uuid, user_id uuid, minimum_version bigint, until bigint)
                    LANGUAGE sql AS $$
                        UPDATE sessions SET note = _why WHERE id = _id;
                        SELECT * FROM end_1(_id, _now, _until, _address, _request)
                    $$
                    """,
                contract: """
                    ALTER FUNCTION end_1 RENAME TO end_3;
                    DROP FUNCTION open_1
                    """)
        ]
    private static let ending = Statement("test_end_2", "SELECT * FROM end_2($1, $2, $3, NULL, NULL, 'why')")

    @Test func `nodes that start at once on an empty database make one schema`() async throws {
        for _ in 0..<3 {
            try await StoreDatabases.shared().withEmpty(5) { clients in
                let states = try await together(15) { try await PostgresMigration.prepare(clients[$0 % 5]) }
                let whole = PostgresMigration.State(version: PostgresMigration.version, minimumCompatible: 1)
                #expect(states == Array(repeating: whole, count: 15))
                let made = try await together(5) { index in
                    try await PostgresStore(client: clients[index]).createFirst(Stand.newUser("admin"))
                }
                #expect(made.count { $0 } == 1, "and one first account")
            }
        }
    }

    @Test func `a step that fails leaves nothing behind, and the next start does it`() async throws {
        let broken =
            PostgresSchema.steps + [PostgresSchema.Step(expand: "CREATE TABLE extra (id bigint); SELECT no_such()")]
        let mended = PostgresSchema.steps + [PostgresSchema.Step(expand: "CREATE TABLE extra (id bigint)")]
        try await StoreDatabases.shared().withEmpty { clients in
            await #expect(throws: PostgresMigrationError.self) {
                try await PostgresMigration.prepare(clients[0], steps: broken, contract: false)
            }
            let state = try await PostgresMigration.prepare(clients[0], steps: mended, contract: false)
            #expect(state.version == mended.count)
        }
    }

    @Test func `a database that is another program's, or in another encoding, is refused and left alone`() async throws
    {
        let databases = try StoreDatabases.shared()
        try await databases.withEmpty { clients in
            try await clients[0].execute(script: "CREATE TABLE users (name text)", milliseconds: 10_000)
            let error = try await refusal(clients[0], PostgresSchema.steps)
            #expect(error.reason == .unusable && error.description.contains("another program's"))
            #expect(StartupError(error).code == .dataDamaged)
        }
        try await databases.withEmpty(options: "TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'") { clients in
            let error = try await refusal(clients[0], PostgresSchema.steps)
            #expect(error.reason == .unusable && error.description.contains("UTF8"))
        }
    }

    @Test func `two adjacent builds serve one database under load, the newer is taken back, and comes again`()
        async throws
    {
        try await StoreDatabases.shared().withEmpty(3) { clients in
            try await PostgresMigration.prepare(clients[0])
            let (old, new) = (PostgresStore(client: clients[0]), PostgresStore(client: clients[1]))
            let user = try await Stand.user("ada", in: old)
            let (isOver, served) = (Counted(), Counter())
            async let load: Void = {
                _ = try await together(3) { _ in
                    while !isOver.isNoted {
                        try await Self.serve(user, old, served) {
                            try await old.end($0, at: Stand.at(9), from: .server)
                        }
                    }
                }
            }()
            await until("the old build serves") { served.value >= 20 }
            #expect(try await PostgresMigration.prepare(clients[2], steps: Self.next, contract: false).version == 2)
            for _ in 0..<20 {
                try await Self.serve(user, new, served) { id in
                    let answer = try await clients[1].run(
                        Self.ending, [.id(id), .time(Stand.at(9)), .time(Stand.at(900))])
                    return try new.revocations(of: answer)
                }
            }
            // Back: a node of the old build starts on what the new one left.
            let back = try await PostgresMigration.prepare(clients[2], steps: PostgresSchema.steps, contract: false)
            #expect(back == PostgresMigration.State(version: 2, minimumCompatible: 1))
            let before = served.value
            await until("the old build goes on") { served.value >= before + 20 }
            #expect(try await PostgresMigration.prepare(clients[2], steps: Self.next, contract: false) == back)
            isOver.note()
            try await load
        }
    }

    @Test func `what the build before needs is not taken away while one of its nodes runs, and then it is`()
        async throws
    {
        try await StoreDatabases.shared().withEmpty { clients in
            let (client, store) = (clients[0], PostgresStore(client: clients[0]))
            let old = PostgresMigration.State(version: 2, minimumCompatible: 1)
            _ = try await PostgresMigration.prepare(client, steps: Self.next, contract: false)
            let node = try Stand.id()
            let cursor = try await store.snapshot(at: Stand.start).cursor
            _ = try await store.poll(as: node, since: cursor, nodeAddress: "", version: "old")
            let error = try await refusal(client, Self.next, contract: true)
            #expect(error.reason == .inUse && error.description.hasPrefix("1 of the running nodes"))
            #expect(try await PostgresMigration.prepare(client, steps: Self.next, contract: false) == old)
            _ = try await Stand.openSession(of: Stand.user("ada", in: store), in: store)
            try await store.leave(node: node)
            for _ in 0..<2 {
                let state = try await PostgresMigration.prepare(client, steps: Self.next, contract: true)
                #expect(state == PostgresMigration.State(version: 2, minimumCompatible: 2))
            }
            let refused = try await refusal(client, PostgresSchema.steps)
            #expect(refused.reason == .incompatible && StartupError(refused).code == .configuration)
            #expect(refused.description.contains("wants at least 2"))
        }
    }

    private func refusal(
        _ client: PostgresClient, _ steps: [PostgresSchema.Step], contract: Bool = false
    ) async throws -> PostgresMigrationError {
        do throws(PostgresMigrationError) {
            _ = try await PostgresMigration.prepare(client, steps: steps, contract: contract)
        } catch {
            return error
        }
        throw OtherAnswer()
    }

    /// Login, refresh and logout of one session, each of which must come to what it should.
    private static func serve(
        _ user: User, _ store: PostgresStore, _ served: Counter,
        end: (Identifier) async throws -> [Revocation]
    ) async throws {
        let session = try Stand.session(of: user)
        let found = try await store.reserve(Stand.attempt("ada"), caps: AttemptCaps())
        try #require(found.user == user)
        try #require(try await Stand.open(session, in: store) == .opened(revocations: []))
        let refreshed = try await StoresTests.refresh(session.id, presented: 0, at: Stand.at(5), store)
        try #require(refreshed.row?.counter == 1)
        try #require(try await end(session.id).count == 1)
        served.add()
    }
}
