import Glibc

/// Small files and folders of /proc. All come and go while they are read: what is gone is nil.
enum ProcFile {
    /// Bytes; /proc/net/tcp of a busy machine is the longest.
    private static let longest = 64 << 20

    static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < longest {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return bytes
    }

    static func text(_ path: String) -> String? { read(path).map { String(decoding: $0, as: UTF8.self) } }

    /// Names that are numbers: processes, threads, descriptors. Nil when the folder may not be read.
    static func numbers(in folder: String) -> [Int32]? {
        guard let directory = opendir(folder) else { return nil }
        defer { closedir(directory) }
        var numbers: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let number = Int32(name), number >= 0 { numbers.append(number) }
        }
        return numbers
    }

    /// Where a symbolic link points to.
    static func link(_ path: String) -> String? {
        var target = [UInt8](repeating: 0, count: 256)
        let count = target.withUnsafeMutableBytes { bytes in
            readlink(path, bytes.bindMemory(to: CChar.self).baseAddress!, bytes.count)
        }
        return count < 0 ? nil : String(decoding: target[..<count], as: UTF8.self)
    }
}
