import Glibc
import Reactor

/// The folder of the embedded mode, held by one server at a time. The lock is `flock` on the file `lock`: the kernel
/// lets go of it when its holder ends, however it ends, so that it is never stale.
package final class DataFolder: Sendable {
    static let lockName = "lock"

    package let path: String
    private let lockDescriptor: Int32

    private init(path: String, lockDescriptor: Int32) {
        self.path = path
        self.lockDescriptor = lockDescriptor
    }

    /// Opens the folder, making it (0700, its parent must exist) if there is none, and takes its lock, waiting at most
    /// `patienceMilliseconds` for who holds it. Nothing that was in it is changed. Blocks.
    package static func open(
        _ path: String, patienceMilliseconds: Int64 = 0
    ) throws(StoreRefusal) -> DataFolder {
        guard !path.isEmpty, !path.utf8.contains(0) else { throw .unusable(path, "not a path") }
        // A relative path that starts with "file:" would be taken for a URI by SQLite.
        let path = path.hasPrefix("/") || path.hasPrefix("./") ? path : "./" + path
        if mkdir(path, 0o700) == 0 {
            try synchronize(path + "/..")
        } else if errno != EEXIST {
            throw .unusable(path, reason("it cannot be made"))
        }
        try checkPermissions(path)
        let lockPath = "\(path)/\(lockName)"
        let descriptor = Glibc.open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .unusable(lockPath, reason("it cannot be opened")) }
        guard isLocked(descriptor, patienceMilliseconds) else {
            let isHeld = errno == EWOULDBLOCK
            let detail = reason("it cannot be locked")
            let owner = readProcessID(descriptor)
            Glibc.close(descriptor)
            throw isHeld ? .inUse(path, processID: owner) : .unusable(lockPath, detail)
        }
        return DataFolder(path: path, lockDescriptor: descriptor)
    }

    /// Takes the lock as soon as its holder lets go of it; false, with `errno`, when it cannot be had in time.
    private static func isLocked(_ descriptor: Int32, _ patienceMilliseconds: Int64) -> Bool {
        let deadline = MonotonicTime.now.adding(milliseconds: patienceMilliseconds)
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK, MonotonicTime.now < deadline else { return false }
            poll(nil, 0, 10)
        }
        return true
    }

    /// Whether a server has ever announced itself here.
    func wasAnnounced() throws(StoreRefusal) -> Bool {
        var status = stat()
        guard fstat(lockDescriptor, &status) == 0 else {
            throw .unusable("\(path)/\(DataFolder.lockName)", DataFolder.reason("it cannot be looked at"))
        }
        return status.st_size > 0
    }

    /// Writes this process's id into the lock file, for the message of a second server. Called when everything in the
    /// folder was found good, so that a refused start changes nothing.
    func announce() throws(StoreRefusal) {
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(lockDescriptor, 0) == 0, pwrite(lockDescriptor, text, text.count, 0) == text.count else {
            throw .unusable("\(path)/\(DataFolder.lockName)", DataFolder.reason("it cannot be written"))
        }
    }

    /// Lets go of the folder. Call once, when nothing uses it any more.
    package func release() {
        Glibc.close(lockDescriptor)
    }

    /// Makes a file with this content, readable by its owner alone, and is durable when it returns: after a crash there
    /// is the whole file or none. A file of that name is replaced.
    package func write(_ bytes: [UInt8], to name: String) throws(StoreRefusal) {
        let temporary = "\(path)/\(name).new"
        try remove(temporary)
        let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw .unusable(temporary, DataFolder.reason("it cannot be made")) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { written += count } else if errno != EINTR { break }
        }
        let isWhole = written == bytes.count && fsync(descriptor) == 0
        let detail = DataFolder.reason("it cannot be written")
        Glibc.close(descriptor)
        guard isWhole else { throw .unusable(temporary, detail) }
        try rename(temporary, to: name)
    }

    /// Gives a finished file its name, durably.
    func rename(_ temporary: String, to name: String) throws(StoreRefusal) {
        guard Glibc.rename(temporary, "\(path)/\(name)") == 0 else {
            throw .unusable(temporary, DataFolder.reason("it cannot be renamed to \(name)"))
        }
        try DataFolder.synchronize(path)
    }

    /// Removes a file if it is there.
    func remove(_ file: String) throws(StoreRefusal) {
        guard unlink(file) == 0 || errno == ENOENT else {
            throw .unusable(file, DataFolder.reason("it cannot be removed"))
        }
    }

    /// fsync of a file or folder by its path: a new name is durable only when its folder is.
    static func synchronize(_ path: String) throws(StoreRefusal) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unusable(path, reason("it cannot be opened")) }
        let result = fsync(descriptor)
        let detail = reason("it cannot be made durable")
        Glibc.close(descriptor)
        guard result == 0 else { throw .unusable(path, detail) }
    }

    private static func checkPermissions(_ path: String) throws(StoreRefusal) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .unusable(path, reason("it cannot be looked at")) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .unusable(path, "it is not a folder") }
        // Whoever may write to the folder can put a database of their own in place of ours.
        guard status.st_mode & 0o022 == 0 else {
            throw .unusable(
                path, "other users may write to it. Run chmod go-w \(path), or use a folder of its own inside it")
        }
    }

    private static func readProcessID(_ descriptor: Int32) -> Int32? {
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        let digits = buffer[..<count].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return Int32(String(decoding: digits, as: UTF8.self))
    }

    private static func reason(_ what: String) -> String { "\(what) (\(String(cString: strerror(errno))))" }
}
