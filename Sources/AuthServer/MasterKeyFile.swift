import Auth
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
            throw missing(path, in: folder.path, hasKeys: inspection.keys?.isEmpty == false)
        }
        return try make(in: folder)
    }

    /// The file of a fleet, which every node is given: never made.
    static func load(_ path: String) throws(StartupError) -> MasterKeys {
        guard let keys = try read(path, in: "", advice: "Correct the file and try again.") else {
            throw missing(path, in: "", hasKeys: false)
        }
        return keys
    }

    /// The file as it is now, for a server that runs: never made. Blocks.
    static func reload(_ path: String?, in folder: String) throws(StartupError) -> MasterKeys {
        guard let keys = try read(path, in: folder, advice: "Correct the file and try again.") else {
            throw missing(path, in: folder, hasKeys: true)
        }
        return keys
    }

    private static func file(_ path: String?, in folder: String) -> String { path ?? "\(folder)/\(name)" }

    private static func missing(_ path: String?, in folder: String, hasKeys: Bool) -> StartupError {
        if let path, !hasKeys {
            return StartupError(
                .configuration,
                "The master key file \(path) does not exist. It has one line, 43 characters: the "
                    + "base64url of 32 random bytes. Make it with: (umask 077; openssl rand -base64 32 | tr -d = | "
                    + "tr +/ -_ > '\(path)')")
        }
        return StartupError(
            path == nil ? .dataDamaged : .configuration,
            "The master key file \(file(path, in: folder)) is missing. Nothing was changed. Put it back from a backup: "
                + "without it the stored keys cannot be opened.")
    }

    /// Nil when there is no such file.
    private static func read(
        _ path: String?, in folder: String, advice: String
    ) throws(StartupError) -> MasterKeys? {
        let file = file(path, in: folder)
        var content: SmallFile
        do throws(SmallFile.Failure) { content = try SmallFile.read(file, maximumBytes: maximumBytes) } catch {
            if error.isMissing { return nil }
            throw StartupError(.configuration, "The master key file \(file) \(error).")
        }
        defer { content.bytes.withUnsafeMutableBytes { wipe($0) } }
        guard !content.isReadableByOthers else {
            throw StartupError(.configuration, "Others may read the master key file \(file). Run: chmod 600 \(file)")
        }
        do throws(MasterKeyError) { return try MasterKeys(parsing: content.bytes) } catch {
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
}
