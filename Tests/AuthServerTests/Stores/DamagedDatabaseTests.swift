import Auth
import AuthServer
import Foundation
import GRDB
import StoreConformance
import Testing

/// A change to a good data folder, and why the server must not start then.
struct Damage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let reason: StoreRefusal.Reason
    let message: String
    let inflict: @Sendable (_ folder: String) throws -> Void

    init(
        _ name: String, _ reason: StoreRefusal.Reason = .damaged, says message: String,
        _ inflict: @escaping @Sendable (String) throws -> Void
    ) {
        testDescription = name
        self.reason = reason
        self.message = message
        self.inflict = inflict
    }

    static let all: [Damage] = [
        Damage("a header of zeros", says: "does not begin like") {
            try patch($0, at: 0, [UInt8](repeating: 0, count: 64))
        },
        Damage("an empty file", says: "0 bytes") { try truncate($0, to: 0) },
        Damage("less than a header", says: "99 bytes") { try truncate($0, to: 99) },
        Damage("half a page less", says: "whole number of pages") { try truncate($0, to: size($0) - 2048) },
        Damage("a page less", says: "cut off") { try truncate($0, to: size($0) - 4096) },
        Damage("a page of noise", says: "damaged") { folder in
            for page in 2..<8 {
                try patch(folder, at: page * 4096, (0..<4096).map { _ in UInt8.random(in: 128...255) })
            }
        },
        Damage("another program's database", says: "another program") { try change($0, "PRAGMA application_id = 7") },
        Damage("a later schema", .newer, says: "later version") { try change($0, "PRAGMA user_version = 99") },
        Damage("a version of no schema", says: "no schema") { try change($0, "PRAGMA user_version = 0") },
        Damage("a negative version", says: "no schema") { try change($0, "PRAGMA user_version = -1") },
        Damage("a table less", says: "table attempts") { try change($0, "DROP TABLE attempts") },
        Damage("an index less", says: "index attempts_by_time") { try change($0, "DROP INDEX attempts_by_time") },
        Damage("a column more", says: "table users") { try change($0, "ALTER TABLE users ADD COLUMN x TEXT") },
        Damage("a trigger", says: "trigger t") {
            try change($0, "CREATE TRIGGER t AFTER INSERT ON users BEGIN UPDATE users SET roles = 'admin'; END")
        },
        Damage("a table meta without its row", says: "meta is empty") { try change($0, "DELETE FROM meta") },
        Damage("a key of no known purpose", says: "no known purpose") {
            try change($0, "UPDATE keys SET purpose = 'x'")
        },
        Damage("the database gone, its log left", says: "is missing") { folder in
            try Data(repeating: 1, count: 100).write(to: URL(fileURLWithPath: folder + "/portcullis.sqlite-wal"))
            try FileManager.default.removeItem(atPath: folder + "/portcullis.sqlite")
        },
        Damage("a folder in its place", .unusable, says: "not a regular file") { folder in
            try FileManager.default.removeItem(atPath: folder + "/portcullis.sqlite")
            try FileManager.default.createDirectory(
                atPath: folder + "/portcullis.sqlite", withIntermediateDirectories: false)
        },
    ]

    static let withLog: [Damage] = [
        Damage("a log of noise", says: "write-ahead log") {
            try patch($0, at: 0, [9, 9, 9, 9], of: "portcullis.sqlite-wal")
        },
        Damage("a header of zeros beside a log", says: "does not begin like") {
            try patch($0, at: 0, [UInt8](repeating: 0, count: 64))
        },
        Damage("pages of noise beside a log", says: "damaged") { folder in
            for page in 1..<8 { try patch(folder, at: page * 4096, [UInt8](repeating: 255, count: 4096)) }
        },
    ]

    private static func handle(_ folder: String, _ name: String = "portcullis.sqlite") throws -> FileHandle {
        try FileHandle(forUpdating: URL(fileURLWithPath: folder + "/" + name))
    }

    private static func size(_ folder: String) throws -> UInt64 { try handle(folder).seekToEnd() }

    private static func truncate(_ folder: String, to size: UInt64) throws {
        try handle(folder).truncate(atOffset: size)
    }

    private static func patch(
        _ folder: String, at offset: Int, _ bytes: [UInt8], of name: String = "portcullis.sqlite"
    ) throws {
        let handle = try handle(folder, name)
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: bytes)
    }

    /// With a tool, and checkpointed by its closing.
    private static func change(_ folder: String, _ sql: String) throws {
        let queue = try DatabaseQueue(path: folder + "/portcullis.sqlite")
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }
}

struct DamagedDatabaseTests {
    private static let key = StoredKey(
        id: "k", purpose: .refresh, algorithm: "HS256", state: .active, sealed: [1, 2, 3],
        createdAt: UnixTime(milliseconds: 5), changedAt: UnixTime(milliseconds: 5))

    @Test(arguments: Damage.all)
    func `a damaged database is refused with its reason, and no byte of the folder changes`(_ damage: Damage)
        async throws
    {
        let folder = try TemporaryFolder()
        let store = try folder.open()
        _ = try await store.update { _ in [Self.key] }
        try store.close()
        try damage.inflict(folder.path)
        try refuses(folder, damage)
    }

    @Test(arguments: Damage.withLog)
    func `a database damaged in a crash is refused, and no byte of the folder changes`(_ damage: Damage) async throws {
        let folder = try TemporaryFolder()
        let copy = try TemporaryFolder()
        let store = try folder.open()
        _ = try await store.update { _ in [Self.key] }
        try FileManager.default.copyItem(atPath: folder.path, toPath: copy.path)
        try damage.inflict(copy.path)
        try refuses(copy, damage)
        try store.close()
    }

    @Test(arguments: [true, false])
    func `a log that a crash left is read, with its index or without, and no byte changes`(_ hasIndex: Bool)
        async throws
    {
        let folder = try TemporaryFolder()
        let copy = try TemporaryFolder()
        let store = try folder.open()
        _ = try await store.update { _ in [Self.key] }
        try FileManager.default.copyItem(atPath: folder.path, toPath: copy.path)
        try store.close()
        if hasIndex { try addIndex(to: copy) }
        let before = try copy.contents()
        let data = try DataFolder.open(copy.path)
        let inspection = try DatabaseInspection.inspect(data)
        #expect(inspection.keys == [Self.key])
        #expect(try copy.contents() == before)
        let reopened = try EmbeddedStore.open(inspection, thread: QueueThread())
        let keys = try await reopened.update { _ in nil }
        #expect(keys == [Self.key])
        try reopened.close()
    }

    @Test(arguments: [1, 31, 32, 33, 4151])
    func `a log that was cut off before its first page is no obstacle, and no byte changes`(_ length: Int) async throws
    {
        let folder = try TemporaryFolder()
        let store = try folder.open()
        _ = try await store.update { _ in [Self.key] }
        let log = folder.path + "/portcullis.sqlite-wal"
        let start = try #require(FileManager.default.contents(atPath: log)).prefix(length)
        try #require(start.count == length)
        try store.close()
        try Data(start).write(to: URL(fileURLWithPath: log))
        let before = try folder.contents()
        let inspection = try DatabaseInspection.inspect(try DataFolder.open(folder.path))
        #expect(inspection.keys == [Self.key])
        #expect(try folder.contents() == before)
        let reopened = try EmbeddedStore.open(inspection, thread: QueueThread())
        #expect(try await reopened.update { _ in nil } == [Self.key])
        try reopened.close()
    }

    @Test func `an open store maps no file that somebody else could cut off, and nobody else reads it`() async throws {
        let folder = try TemporaryFolder()
        let store = try folder.open()
        _ = try await store.update { _ in [Self.key] }
        #expect(try Set(folder.contents().keys) == ["lock", "portcullis.sqlite", "portcullis.sqlite-wal"])
        let error = #expect(throws: DatabaseError.self) {
            let tool = try DatabaseQueue(path: folder.path + "/portcullis.sqlite")
            try tool.read { try $0.execute(sql: "SELECT id FROM keys") }
        }
        #expect(error?.resultCode == .SQLITE_BUSY)
        #expect(try await store.update { _ in nil } == [Self.key])
        try store.close()
    }

    @Test func `an empty folder has no keys; what a crash left of a first start is no obstacle`() throws {
        let folder = try TemporaryFolder()
        let data = try DataFolder.open(folder.path)
        #expect(try DatabaseInspection.inspect(data).keys == nil)
        data.release()
        for suffix in ["", "-journal", "-wal"] {
            try Data("half".utf8).write(to: URL(fileURLWithPath: folder.path + "/portcullis.sqlite.new" + suffix))
        }
        try folder.open().close()
        #expect(try Set(folder.contents().keys) == ["lock", "portcullis.sqlite"])
        let again = try DataFolder.open(folder.path)
        #expect(try DatabaseInspection.inspect(again).keys == [])
        again.release()
    }

    @Test func `a folder with odd characters in its name is read as what it is`() throws {
        let parent = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: parent.path, withIntermediateDirectories: false)
        let path = parent.path + "//a?mode=memory#b%41 \u{e5}"
        for _ in 0..<2 {
            let inspection = try DatabaseInspection.inspect(DataFolder.open(path))
            try EmbeddedStore.open(inspection, thread: QueueThread()).close()
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == ["lock", "portcullis.sqlite"])
    }

    /// The log's index, as a tool or an earlier version leaves it behind in a crash.
    private func addIndex(to folder: borrowing TemporaryFolder) throws {
        let open = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: folder.path, toPath: open.path)
        let tool = try DatabaseQueue(path: open.path + "/portcullis.sqlite")
        try tool.read { try $0.execute(sql: "SELECT id FROM keys") }
        let name = "/portcullis.sqlite-shm"
        try FileManager.default.copyItem(atPath: open.path + name, toPath: folder.path + name)
        try tool.close()
    }

    private func refuses(_ folder: borrowing TemporaryFolder, _ damage: Damage) throws {
        let before = try folder.contents()
        for _ in 0..<2 {
            let data = try DataFolder.open(folder.path)
            let refusal = #expect(throws: StoreRefusal.self) { try DatabaseInspection.inspect(data) }
            data.release()
            #expect(refusal?.reason == damage.reason)
            #expect(refusal?.description.contains(damage.message) == true, "\(refusal?.description ?? "")")
        }
        #expect(try folder.contents() == before)
    }
}
