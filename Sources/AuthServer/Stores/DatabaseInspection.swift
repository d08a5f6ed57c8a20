package import Auth
import Foundation
import GRDB
import Glibc

/// What a data folder holds, found without changing a byte in it. The server decides with it whether to start: its
/// master key must open the sealed keys before anything is written.
package struct DatabaseInspection: Sendable {
    package let folder: DataFolder
    /// The stored keys, nil where there is no database yet.
    package let keys: [StoredKey]?

    /// Refuses what is not a whole database of ours, of this version or an earlier one.
    package static func inspect(_ folder: DataFolder) throws(StoreRefusal) -> DatabaseInspection {
        let file = DatabaseFile(folder: folder)
        let logSize = try file.size(file.logPath) ?? 0
        guard let size = try file.size(file.path) else {
            if logSize > 0 {
                throw .damaged(file.path, "it is missing, while its write-ahead log \(file.logPath) is there")
            }
            if try folder.wasAnnounced() {
                throw .damaged(file.path, "it is missing, and a server has run on it before")
            }
            return DatabaseInspection(folder: folder, keys: nil)
        }
        // A log that ends with its header says nothing, and a reader that may not change it cannot begin with it: whoever
        // opened the database was killed before the first page was there.
        let hasLog = logSize > logHeaderBytes
        try checkHeader(of: file, size: size, hasLog: hasLog)
        if hasLog { try checkLogHeader(of: file) }
        return DatabaseInspection(folder: folder, keys: try readKeys(of: file, hasLog: hasLog))
    }

    /// SQLite file format, section 4.1.
    private static let logHeaderBytes: Int64 = 32

    /// The database header (SQLite file format, section 1.3). With a log beside it the file may be behind, and only
    /// what never changes is judged.
    private static func checkHeader(of file: DatabaseFile, size: Int64, hasLog: Bool) throws(StoreRefusal) {
        let header = try file.head(file.path, 100)
        guard header.count == 100 else {
            throw .damaged(file.path, "it has \(size) bytes, less than a database's header")
        }
        guard header.starts(with: Array("SQLite format 3\0".utf8)) else {
            throw .damaged(file.path, "it does not begin like an SQLite database")
        }
        guard bigEndian(header, 68) == UInt32(bitPattern: Schema.applicationID) else { throw .foreign(file.path) }
        let pageSize = Int64(header[16]) << 8 | Int64(header[17])
        guard pageSize >= 512, size % pageSize == 0 || hasLog else {
            throw .damaged(file.path, "its \(size) bytes are not a whole number of pages")
        }
        guard hasLog || size >= Int64(bigEndian(header, 28)) * pageSize else {
            throw .damaged(file.path, "it is cut off after \(size) bytes")
        }
    }

    /// The header of the write-ahead log (SQLite file format, section 4.1). It is on the disk before the first frame:
    /// frames behind a wrong one were written and are lost, which SQLite would pass over in silence.
    private static func checkLogHeader(of file: DatabaseFile) throws(StoreRefusal) {
        let header = try file.head(file.logPath, Int(logHeaderBytes))
        let magic = header.count == 32 ? bigEndian(header, 0) & 0xFFFF_FFFE : 0
        guard magic == 0x377F_0682 else {
            throw .damaged(file.path, "its write-ahead log \(file.logPath) does not begin like one")
        }
    }

    private static func readKeys(of file: DatabaseFile, hasLog: Bool) throws(StoreRefusal) -> [StoredKey] {
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.allowsUnsafeTransactions = true
        let sharedMemorySize = try file.size(file.sharedMemoryPath)
        let needsSharedMemory = hasLog && sharedMemorySize == nil
        if needsSharedMemory { try makeEmpty(file.sharedMemoryPath) }
        let outcome = Result {
            let queue = try DatabaseQueue(path: uri(file.path, hasLog: hasLog), configuration: configuration)
            let keys = try queue.unsafeRead { try readKeys(from: $0, path: file.path) }
            try queue.close()
            return keys
        }
        if needsSharedMemory { try file.folder.remove(file.sharedMemoryPath) }
        do {
            return try outcome.get()
        } catch let refusal as StoreRefusal {
            throw refusal
        } catch let error as DatabaseError
            where error.resultCode == .SQLITE_CANTOPEN || error.resultCode == .SQLITE_IOERR
        {
            throw .unusable(file.path, error.message ?? error.resultCode.description)
        } catch {
            throw .damaged(file.path, (error as? DatabaseError)?.message ?? "\(error)")
        }
    }

    private static func readKeys(from database: Database, path: String) throws -> [StoredKey] {
        let version = try Int64.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard version <= Int64(Schema.version) else {
            throw StoreRefusal.newer(path, found: version, known: Schema.version)
        }
        guard version >= 1 else { throw StoreRefusal.damaged(path, "it has no schema") }
        let verdict = try String.fetchOne(database, sql: "PRAGMA quick_check(1)")
        guard verdict == "ok" else { throw StoreRefusal.damaged(path, verdict ?? "it cannot be checked") }
        let expected = try DatabaseQueue().writeWithoutTransaction { model in
            try Schema.migrate(model, to: Int(version))
            return try Schema.description(of: model)
        }
        let found = try Schema.description(of: database)
        // The greatest of "index …", "table …" and "trigger …" says most.
        if let wrong = Set(expected).symmetricDifference(found).max() {
            let name = wrong.split(separator: " ").prefix(2).joined(separator: " ")
            throw StoreRefusal.damaged(path, "\(name) is missing or is not what schema \(version) has")
        }
        let transaction = Transaction(database)
        guard try transaction.row("SELECT id FROM meta") != nil else {
            throw StoreRefusal.damaged(path, "table meta is empty")
        }
        do {
            return try EmbeddedStore.storedKeys(transaction)
        } catch StoreError.damaged(let detail) {
            throw StoreRefusal.damaged(path, detail)
        }
    }

    /// A connection that writes nothing. Without a log the file is all there is, and "immutable" keeps SQLite from
    /// making one; with a log it is read through an index in memory instead of the shared-memory file.
    private static func uri(_ path: String, hasLog: Bool) -> String {
        var escaped = ""
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"):
                escaped.unicodeScalars.append(UnicodeScalar(byte))
            default:
                escaped += (byte < 16 ? "%0" : "%") + String(byte, radix: 16)
            }
        }
        // An empty authority before an absolute path, or two leading slashes would be taken for one.
        return (path.hasPrefix("/") ? "file://" : "file:") + escaped
            + (hasLog ? "?mode=ro&readonly_shm=1" : "?immutable=1")
    }

    private static func makeEmpty(_ path: String) throws(StoreRefusal) {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .unusable(path, String(cString: strerror(errno))) }
        Glibc.close(descriptor)
    }

    private static func bigEndian(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
