import Auth
import Foundation
import GRDB
import StoreConformance
import Testing

@testable import AuthServer

/// Data folders that the first schema's version left, opened by this one.
struct MigrationTests {
    private let start = UnixTime(milliseconds: 1_800_000_000_000)
    private let user = Identifier(high: 0x7000, low: 1)
    private let session = Identifier(high: 0x7000, low: 2)
    private let token = Identifier(high: 0x7000, low: 3)

    @Test func `a folder of schema 1 is opened with all that is in it, and is schema 2 from then on`() async throws {
        let folder = try TemporaryFolder()
        try makeVersion1(folder.path)
        for _ in 0..<2 {
            let store = try folder.open()
            try await check(store)
            let found = try await store.perform { transaction in
                try transaction.rows(
                    """
                    SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_schema
                    WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY type, name
                    """
                ).map { try $0.text(0) }
            }
            let fresh = try await DatabaseQueue().writeWithoutTransaction { model in
                try Schema.migrate(model)
                return try Schema.description(of: model)
            }
            #expect(found == fresh)
            try store.close()
        }
        let store = try folder.open()
        try await store.append([
            AuditEntry(at: start, event: .loginFailed, actor: .anonymous, origin: .server),
            AuditEntry(at: start, event: .userDeleted, actor: .server, origin: .server),
        ])
        let page = try await store.auditEntries(
            AuditFilter(), after: 9, limit: 9, at: start, as: .localOperator, from: .server)
        guard case .done(let new) = page else { throw MigrationFailure() }
        #expect(new.items.map(\.id) == [10, 11])
        let told = try await store.endAll(of: user, at: start)
        #expect(told.count == 1)
        try store.close()
    }

    @Test func `a crash in the middle of the migration leaves schema 1 whole, and the next start migrates it`()
        async throws
    {
        let folder = try TemporaryFolder()
        let copy = try TemporaryFolder()
        try makeVersion1(folder.path)
        let queue = try database(folder.path)
        let (path, copyPath) = (folder.path, copy.path)
        try await queue.writeWithoutTransaction { database in
            // What no commit has made good is in the log all the same.
            try database.execute(sql: "PRAGMA cache_size = 1")
            try database.execute(sql: "BEGIN IMMEDIATE")
            try database.execute(sql: Schema.migrations[1])
            try FileManager.default.copyItem(atPath: path, toPath: copyPath)
            try database.execute(sql: "ROLLBACK")
        }
        try queue.close()
        #expect(try Data(contentsOf: URL(fileURLWithPath: copy.path + "/portcullis.sqlite-wal")).count > 4096)
        let data = try DataFolder.open(copy.path)
        let inspection = try DatabaseInspection.inspect(data)
        #expect(inspection.keys?.map(\.id) == ["k"])
        let store = try EmbeddedStore.open(inspection, thread: QueueThread(), limits: .patient)
        try await check(store)
        try store.close()
    }

    @Test func `a migration that cannot be carried out changes nothing`() throws {
        let folder = try TemporaryFolder()
        try makeVersion1(folder.path)
        let queue = try database(folder.path)
        // Such a session's id was never written: the last of the migration's tables does not take it.
        try queue.writeWithoutTransaction {
            try $0.execute(sql: "INSERT INTO audit (at, event, session_id) VALUES (1, 'user_enabled', x'01')")
        }
        for _ in 0..<2 {
            let refusal = #expect(throws: StoreRefusal.self) { try folder.open() }
            #expect(refusal?.reason == .unusable)
            let left = try queue.read { database in
                [
                    try Int.fetchOne(database, sql: "PRAGMA user_version"),
                    try Int.fetchOne(database, sql: "SELECT count(*) FROM audit"),
                    try Int.fetchOne(database, sql: "SELECT count(*) FROM pragma_table_info('users')"),
                ]
            }
            #expect(left == [1, 8, 7])
        }
        try queue.close()
    }

    private func database(_ folder: String) throws -> DatabaseQueue {
        var configuration = GRDB.Configuration()
        configuration.allowsUnsafeTransactions = true
        return try DatabaseQueue(path: folder + "/portcullis.sqlite", configuration: configuration)
    }

    /// As the first schema's version would have left it.
    private func makeVersion1(_ folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        let queue = try database(folder)
        try queue.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
            try Schema.migrate(database, to: 1)
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            try database.execute(sql: "UPDATE meta SET users_ever_made = 1, attempts = 1, generation = 4")
            try database.execute(
                sql: "INSERT INTO users VALUES (?, 'ada', '$hash', 'admin,b', 1, 3, 5)", arguments: [user.blob])
            try database.execute(
                sql: "INSERT INTO sessions VALUES (?, ?, 3, 5, 6, ?, ?, 7, NULL, x'01')",
                arguments: [session.blob, user.blob, start.milliseconds, start.milliseconds])
            try database.execute(sql: "INSERT INTO keys VALUES ('refresh', 'k', 'HS256', 'active', x'0102', 5, 5)")
            for (kind, id, version) in [(1, token, 0), (2, session, 0), (3, user, 2)] {
                try database.execute(
                    sql: "INSERT INTO revocations VALUES (?, ?, ?, ?, ?)",
                    arguments: [kind, id.blob, user.blob, version, start.milliseconds + 1])
            }
            try database.execute(
                sql: "INSERT INTO attempts (name_key, address_key, at) VALUES (x'0a', x'0b', ?)",
                arguments: [start.milliseconds])
            let events = [
                "refresh_token_reused", "refresh_token_adopted", "session_limit_reached", "user_enabled",
                "user_disabled", "refresh.reused", "user.disabled",
            ]
            for (index, event) in events.enumerated() {
                try database.execute(
                    sql: "INSERT INTO audit (id, at, event, user_id, session_id) VALUES (?, ?, ?, ?, ?)",
                    arguments: [index + 3, index, event, user.blob, event.hasPrefix("user") ? nil : session.blob])
            }
        }
        try queue.close()
    }

    private func check(_ store: EmbeddedStore) async throws {
        let ada = User(
            id: user, username: Username(stored: "ada"), roles: ["admin", "b"].compactMap { Role($0) },
            isEnabled: true, version: 3, createdAt: UnixTime(milliseconds: 5))
        #expect(try await store.user(user) == ada)
        #expect(try await store.sessions(of: user).map(\.counter) == [7])
        #expect(try await store.update { _ in nil }.map(\.sealed) == [[1, 2]])
        let until = UnixTime(milliseconds: start.milliseconds + 1)
        #expect(
            Set(try await store.load(at: start)) == [
                .token(token, user: user, until: until), .session(session, user: user, until: until),
                .user(user, minimumVersion: 2, until: until), .generation(4),
            ])
        let attempt = LoginAttempt(
            username: ada.username, nameKey: [10], deviceKey: nil, addressKey: [11], at: start)
        let lookup = try await store.reserve(
            attempt, caps: AttemptCaps(unknownDevices: 1, knownDevice: 1, windowMilliseconds: 9))
        #expect(lookup.user == ada && lookup.password == StoredPassword(hash: "$hash") && lookup.reservation == nil)
        let page = try await store.auditEntries(
            AuditFilter(), after: 0, limit: 9, at: start, as: .user(user, version: 3), from: .server)
        guard case .done(let audit) = page else { throw MigrationFailure() }
        let events: [AuditEvent] = [
            .refreshTokenReused, .refreshTokenAdopted, .sessionLimitReached, .userEnabled, .userDisabled,
            .refreshTokenReused, .userDisabled,
        ]
        #expect(
            audit.items
                == events.enumerated().map { index, event in
                    let isAccount = event == .userEnabled || event == .userDisabled
                    let isOwners = event == .refreshTokenAdopted || event == .sessionLimitReached
                    return StoredAuditEntry(
                        id: Int64(index + 3),
                        entry: AuditEntry(
                            at: UnixTime(milliseconds: Int64(index)), event: event,
                            actor: isOwners ? .user(user) : .anonymous, origin: .server, user: user,
                            session: isAccount ? nil : session))
                })
    }
}

private struct MigrationFailure: Error {}
