import Auth
import Foundation
import GRDB
import Glibc

/// The database file of a data folder: looked at before it is opened, made whole or not at all.
struct DatabaseFile {
    static let name = "portcullis.sqlite"

    let folder: DataFolder
    var path: String { "\(folder.path)/\(DatabaseFile.name)" }
    var logPath: String { path + "-wal" }
    var sharedMemoryPath: String { path + "-shm" }

    /// Size in bytes, nil when there is no such file.
    func size(_ path: String) throws(StoreRefusal) -> Int64? {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw .unusable(path, String(cString: strerror(errno)))
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unusable(path, "it is not a regular file") }
        return Int64(status.st_size)
    }

    /// The first `count` bytes, fewer where the file ends before.
    func head(_ path: String, _ count: Int) throws(StoreRefusal) -> [UInt8] {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw .unusable(path, String(cString: strerror(errno))) }
        defer { Glibc.close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: count)
        let read = pread(descriptor, &bytes, count, 0)
        guard read >= 0 else { throw .unusable(path, String(cString: strerror(errno))) }
        return Array(bytes[..<read])
    }

    /// Makes an empty database under another name and gives it its own when all of it is on the disk: a file of this
    /// name that is not whole was damaged later.
    func create() throws(StoreRefusal) {
        let temporary = path + ".new"
        for suffix in ["", "-journal", "-wal", "-shm"] { try folder.remove(temporary + suffix) }
        // Made here and not by SQLite, which would let the umask decide who reads password hashes.
        let descriptor = Glibc.open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .unusable(temporary, String(cString: strerror(errno))) }
        Glibc.close(descriptor)
        do {
            let queue = try DatabaseQueue(path: temporary)
            try queue.writeWithoutTransaction { database in
                // Nobody relies on the file before it has its name: one fsync at the end is enough.
                try database.execute(sql: "PRAGMA synchronous = OFF")
                try database.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
                try Schema.migrate(database)
                try database.execute(sql: "PRAGMA journal_mode = WAL")
            }
            try queue.close()
        } catch {
            throw .unusable(temporary, "\(error)")
        }
        try DataFolder.synchronize(temporary)
        try folder.rename(temporary, to: DatabaseFile.name)
    }

    /// Opens it for good and brings it to this version's schema.
    func open() throws(StoreRefusal) -> DatabaseQueue {
        var configuration = GRDB.Configuration()
        configuration.label = "portcullis.store"
        configuration.foreignKeysEnabled = true
        // The folder's lock keeps other servers out; this is for somebody with a tool, before we have the file for us.
        configuration.busyMode = .timeout(0.25)
        // Batches begin and end their transactions themselves; one that cannot be ended stops the store, not the process.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { database in
            // Before the log is opened: then its index is in our own memory, not in a file that is mapped, where whoever
            // cuts that file off ends the process. Nobody else reads the database while the server runs.
            try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            guard try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL") == "wal" else {
                throw DatabaseError(message: "the file system cannot hold a write-ahead log")
            }
            try database.execute(sql: "PRAGMA synchronous = FULL")
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
            // What a statement sets aside may hold password hashes: never in a file of /tmp.
            try database.execute(sql: "PRAGMA temp_store = MEMORY")
            // A log that one long reader let grow gives its space back.
            try database.execute(sql: "PRAGMA journal_size_limit = 16777216")
        }
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { try Schema.migrate($0) }
            return queue
        } catch {
            throw .unusable(path, "\(error)")
        }
    }
}

extension Schema {
    /// Runs the migrations that a database lacks, each in a transaction with its version number.
    static func migrate(_ database: Database, to target: Int = Schema.version) throws {
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        for next in version..<max(version, target) {
            try database.inTransaction(.immediate) {
                try database.execute(sql: migrations[next])
                try database.execute(sql: "PRAGMA user_version = \(next + 1)")
                return .commit
            }
        }
    }

    /// Every table and index with the text that made it, to compare two databases by.
    static func description(of database: Database) throws -> [String] {
        try String.fetchAll(
            database,
            sql: """
                SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_schema
                WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\' ORDER BY type, name
                """)
    }
}
