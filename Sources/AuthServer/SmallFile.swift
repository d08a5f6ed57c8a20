import Glibc

/// A file that is read whole, at start: a regular one within a size, whatever is behind the path.
struct SmallFile {
    /// Why it was not read; completes "The file … ".
    struct Failure: Error, CustomStringConvertible {
        let description: String
        var isMissing = false
    }

    /// The caller's to wipe where they are a secret.
    var bytes: [UInt8]
    /// Whether its mode lets group or others read it.
    let isReadableByOthers: Bool

    /// Blocks.
    static func read(_ path: String, maximumBytes: Int) throws(Failure) -> SmallFile {
        // Without waiting: a named pipe would hold us for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable() }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Failure(description: "is not a regular file") }
        var bytes = [UInt8](repeating: 0, count: maximumBytes + 1)
        var count = 0
        while count < bytes.count {
            let read = bytes.withUnsafeMutableBytes { buffer in
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
                return Glibc.read(descriptor, rest.baseAddress, rest.count)
            }
            guard read >= 0 else { throw unreadable() }
            if read == 0 { break }
            count += read
        }
        guard count <= maximumBytes else { throw Failure(description: "is larger than \(maximumBytes) bytes") }
        bytes.removeLast(bytes.count - count)
        return SmallFile(bytes: bytes, isReadableByOthers: status.st_mode & 0o077 != 0)
    }

    private static func unreadable() -> Failure {
        Failure(description: "cannot be read: \(String(cString: strerror(errno)))", isMissing: errno == ENOENT)
    }
}
