import Auth
import Glibc
import OpenSSL

/// Reads the master key file, or makes one for a new embedded installation. No default secret exists.
enum MasterKeyFile {
    private static let name = "master.key"
    /// Sixteen keys and a page of comments.
    private static let maximumBytes = 16 * 1024

    /// `path` is the configured file, which must exist; nil means the one in the data folder, which is made with a new,
    /// empty installation and at no other time: stored keys that it cannot open would be lost.
    static func load(_ path: String?, for inspection: DatabaseInspection) throws(StartupError) -> MasterKeys {
        let folder = inspection.folder
        if let keys = try read(path, in: folder.path, advice: "Put the file back from a backup.") { return keys }
        guard path == nil, inspection.keys == nil else {
            throw missing(path, in: folder.path)
        }
        return try make(in: folder)
    }

    /// The file as it is now, for a server that runs: never made. Blocks.
    static func reload(_ path: String?, in folder: String) throws(StartupError) -> MasterKeys {
        guard let keys = try read(path, in: folder, advice: "Correct the file and try again.") else {
            throw missing(path, in: folder)
        }
        return keys
    }

    private static func file(_ path: String?, in folder: String) -> String { path ?? "\(folder)/\(name)" }

    private static func missing(_ path: String?, in folder: String) -> StartupError {
        StartupError(
            path == nil ? .dataDamaged : .configuration,
            "The master key file \(file(path, in: folder)) is missing. Nothing was changed. Put it back from a backup: "
                + "without it the stored keys cannot be opened.")
    }

    /// Nil when there is no such file.
    private static func read(
        _ path: String?, in folder: String, advice: String
    ) throws(StartupError) -> MasterKeys? {
        let file = file(path, in: folder)
        guard var bytes = try read(file) else { return nil }
        defer { bytes.withUnsafeMutableBytes { wipe($0) } }
        do throws(MasterKeyError) { return try MasterKeys(parsing: bytes) } catch {
            throw StartupError(.dataDamaged, "\(file): \(error). Nothing was changed. \(advice)")
        }
    }

    private static func make(in folder: DataFolder) throws(StartupError) -> MasterKeys {
        do {
            var bytes = try MasterKeys.makeFile()
            defer { bytes.withUnsafeMutableBytes { wipe($0) } }
            try folder.write(bytes, to: name)
            return try MasterKeys(parsing: bytes)
        } catch let refusal as StoreRefusal {
            throw StartupError(refusal)
        } catch {
            throw StartupError(.internalFailure, "A master key cannot be made: \(error)")
        }
    }

    /// Nil when there is no such file.
    private static func read(_ path: String) throws(StartupError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw StartupError(.configuration, "The master key file \(path) cannot be read: \(reason())")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw StartupError(.configuration, "The master key file \(path) is not a regular file.")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw StartupError(
                .configuration, "Others may read the master key file \(path). Run: chmod 600 \(path)")
        }
        var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
        var count = 0
        while count < bytes.count {
            let capacity = bytes.count - count
            let read = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress.map { $0 + count }, capacity)
            }
            guard read >= 0 else {
                throw StartupError(.configuration, "The master key file \(path) cannot be read: \(reason())")
            }
            if read == 0 { break }
            count += read
        }
        guard count <= maximumBytes else {
            throw StartupError(.configuration, "The master key file \(path) is larger than \(maximumBytes) bytes.")
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
