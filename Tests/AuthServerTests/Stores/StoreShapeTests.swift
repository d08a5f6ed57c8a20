import Auth
import Foundation
import GRDB
import StoreConformance
import Testing

@testable import AuthServer

/// What can be counted from outside, and what bounds the tables.
struct StoreShapeTests {
    private let start = UnixTime(milliseconds: 1_800_000_000_000)

    @Test
    func `a reservation is the same statements and one commit for accounts in every state and for none`()
        async throws
    {
        let folder = try TemporaryFolder()
        let store = try folder.open()
        let disabled = try user("disabled")
        for user in [try user("ordinary"), disabled, try user("locked")] { try #require(await store.create(user)) }
        _ = try await store.setEnabled(false, of: disabled.id, at: start)
        for (name, isUsed) in [("one-time", false), ("one-time, used", true)] {
            let new = try user(name)
            try #require(await store.create(new))
            let once = StoredPassword(
                hash: "$once", oneTime: .init(expiresAt: start.adding(seconds: 60), isUsed: isUsed))
            _ = try await store.resetPassword(of: new.id, to: once, at: start, as: .localOperator, from: .server)
        }
        let caps = AttemptCaps(unknownDevices: 2, knownDevice: 2, windowMilliseconds: 1000)
        for name in ["locked", "locked", "locked stranger", "locked stranger"] {
            _ = try await store.reserve(attempt(name), caps: caps)
        }
        var work: [[Int]] = []
        for name in ["unknown", "ordinary", "disabled", "locked", "locked stranger", "one-time", "one-time, used"] {
            let before = store.statistics
            let logBefore = try logSize(folder)
            let answer = try await store.reserve(attempt(name), caps: caps)
            let after = store.statistics
            // A commit that has nothing to write would be quicker: there is always something.
            #expect(try logSize(folder) > logBefore, "\(name)")
            #expect((answer.reservation == nil) == name.hasPrefix("locked"))
            work.append([after.statements - before.statements, after.commits - before.commits])
        }
        #expect(work == Array(repeating: [3, 1], count: 7))
        try store.close()
    }

    @Test func `reading commits nothing; a change commits once`() async throws {
        let folder = try TemporaryFolder()
        let store = try folder.open()
        let user = try user("ada")
        #expect(try await store.createFirst(user))
        let before = store.statistics.commits
        #expect(before == 1)
        _ = try await store.user(user.id)
        _ = try await store.load(at: start)
        _ = try await store.sessions(of: user.id)
        #expect(store.statistics.commits == before)
        try store.close()
    }

    @Test func `past its limit a table takes no more: "unavailable", never a row forgotten`() async throws {
        let folder = try TemporaryFolder()
        var limits = EmbeddedLimits.patient
        limits.users = 2
        limits.attempts = 3
        limits.keys = 1
        let store = try folder.open(limits: limits)
        for name in ["a", "b"] { #expect(try await store.create(user(name))) }
        await #expect(throws: StoreError.unavailable) { try await store.create(user("c")) }
        var last: AttemptReservation?
        for name in ["a", "b", "c"] { last = try await store.reserve(attempt(name), caps: AttemptCaps()).reservation }
        await #expect(throws: StoreError.unavailable) { try await store.reserve(attempt("d"), caps: AttemptCaps()) }
        try await store.giveBack(#require(last))
        #expect(try await store.reserve(attempt("d"), caps: AttemptCaps()).reservation != nil)
        let key = StoredKey(
            id: "a", purpose: .lookup, algorithm: "HS256", state: .active, sealed: [], createdAt: start,
            changedAt: start)
        await #expect(throws: StoreError.unavailable) {
            try await store.update { _ in [key, key] }
        }
        try store.close()
    }

    @Test func `a value that was never written there is "damaged", not a trap`() async throws {
        let folder = try TemporaryFolder()
        let store = try folder.open()
        let user = try user("ada")
        #expect(try await store.create(user))
        try await store.perform { try $0.run("UPDATE users SET roles = 'No Role'") }
        await #expect(throws: StoreError.damaged("a role of a user is not one")) { try await store.user(user.id) }
        try await store.perform { transaction in
            let row = try #require(try transaction.row("SELECT 'text', x'0102', NULL, 7"))
            for column in -1...4 {
                #expect(throws: StoreError.self) { try row.identifier(column) }
            }
            #expect(throws: StoreError.self) { try row.integer(0) }
            #expect(throws: StoreError.self) { try row.text(1) }
            #expect(throws: StoreError.self) { try row.blob(2) }
            #expect(try row.integer(3) == 7 && row.optionalTime(2) == nil)
        }
        try store.close()
    }

    @Test func `every commit is on the disk before it is answered: WAL with full synchronisation, foreign keys on`()
        async throws
    {
        let folder = try TemporaryFolder()
        let store = try folder.open()
        let settings = try await store.perform { transaction in
            try ["journal_mode", "synchronous", "foreign_keys", "application_id", "user_version", "trusted_schema"].map
            {
                try transaction.row("SELECT CAST(\($0) AS TEXT) FROM pragma_\($0)")?.text(0)
            }
        }
        #expect(settings == ["wal", "2", "1", "\(Schema.applicationID)", "\(Schema.version)", "0"])
        try store.close()
    }

    private func logSize(_ folder: borrowing TemporaryFolder) throws -> Int {
        try Data(contentsOf: URL(fileURLWithPath: folder.path + "/portcullis.sqlite-wal")).count
    }

    private func user(_ name: String) throws -> NewUser {
        NewUser(
            id: try Identifier.make(at: start), username: Username(stored: name), roles: [],
            password: StoredPassword(hash: "$argon2id$"),
            createdAt: start)
    }

    private func attempt(_ name: String) -> LoginAttempt {
        LoginAttempt(
            username: Username(stored: name), nameKey: Array(name.utf8), deviceKey: nil, addressKey: [1], at: start)
    }
}
