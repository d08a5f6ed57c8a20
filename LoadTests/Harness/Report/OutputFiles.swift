import Glibc

/// Why a report cannot be written where it was asked for, in one sentence.
package struct OutputError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
}

/// Where a report goes. Made at the start of a run, which then ends at once when the place will not do; nothing that is
/// there is changed before `write`.
package struct OutputFile: Sendable {
    /// As it was given.
    package let path: String
    /// Where symbolic links lead; nil when it is no file but a pipe or a device, which is written to as it is.
    private let place: String?

    /// Of several, which must be different files. Empties nothing and leaves nothing behind.
    package static func prepare(_ paths: [String]) throws(OutputError) -> [OutputFile] {
        var files: [OutputFile] = []
        for path in paths {
            let file = try OutputFile(path)
            if let place = file.place, files.contains(where: { $0.place == place }) {
                throw OutputError(description: "Two reports cannot be written to the same file \(Wording.plain(path)).")
            }
            files.append(file)
        }
        return files
    }

    package init(_ path: String) throws(OutputError) {
        self.path = path
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw OutputError(description: "A report needs the name of a file, which is not empty.")
        }
        var found = stat()
        if stat(path, &found) == 0 {
            guard found.st_mode & S_IFMT != S_IFDIR else { throw OutputFile.refusal(path, EISDIR) }
            // Not opened for long, and not waiting for a pipe's reader.
            let descriptor = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
            guard descriptor >= 0 || errno == ENXIO else { throw OutputFile.refusal(path, errno) }
            if descriptor >= 0 { close(descriptor) }
            guard found.st_mode & S_IFMT == S_IFREG else {
                place = nil
                return
            }
        } else if errno != ENOENT {
            throw OutputFile.refusal(path, errno)
        }
        let place = try OutputFile.resolved(path)
        try OutputFile.probe(path, place)
        self.place = place
    }

    /// Replaces what is there, whole: a reader sees the old content or the new one.
    package func write(_ bytes: [UInt8]) throws(OutputError) {
        guard let place else {
            let descriptor = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC)
            guard descriptor >= 0 else { throw OutputFile.refusal(path, errno) }
            return try fill(descriptor, bytes)
        }
        let temporary = OutputFile.temporary(beside: place)
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw OutputFile.refusal(path, errno) }
        var old = stat()
        if stat(place, &old) == 0 { fchmod(descriptor, old.st_mode & 0o777) }
        do throws(OutputError) {
            try fill(descriptor, bytes)
            guard rename(temporary, place) == 0 else { throw OutputFile.refusal(path, errno) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Writes all, on the disk where there is one, and closes.
    private func fill(_ descriptor: Int32, _ bytes: [UInt8]) throws(OutputError) {
        var written = 0
        var failure: Int32 = 0
        while written < bytes.count && failure == 0 {
            let count = bytes.withUnsafeBytes { all in
                Glibc.write(descriptor, all.baseAddress.map { $0 + written }, all.count - written)
            }
            if count > 0 { written += count } else if errno != EINTR { failure = errno }
        }
        // A pipe or a device has nothing to sync.
        if failure == 0, fsync(descriptor) != 0, errno != EINVAL, errno != EROFS { failure = errno }
        if close(descriptor) != 0, failure == 0, errno != EINTR { failure = errno }
        guard failure == 0 else { throw OutputFile.refusal(path, failure) }
    }

    /// The file itself, behind links; its folder behind links when there is no file yet.
    private static func resolved(_ path: String) throws(OutputError) -> String {
        if let whole = realpath(path, nil) {
            defer { free(whole) }
            return String(cString: whole)
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard let name = parts.last, !name.isEmpty else { throw refusal(path, EISDIR) }
        let folder = parts.dropLast().joined(separator: "/")
        let above = parts.count == 1 ? "." : folder.isEmpty ? "/" : folder
        guard let whole = realpath(above, nil) else {
            throw OutputError(
                description: "The report \(Wording.plain(path)) cannot be written: "
                    + "its folder: \(String(cString: strerror(errno))).")
        }
        defer { free(whole) }
        let real = String(cString: whole)
        return (real == "/" ? "" : real) + "/" + name
    }

    /// Makes and removes a file beside the report, and one of its name when there is none.
    private static func probe(_ path: String, _ place: String) throws(OutputError) {
        let temporary = temporary(beside: place)
        // Of a process of the same number that was killed.
        unlink(temporary)
        for file in [temporary, place] {
            let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if descriptor < 0 && errno == EEXIST && file == place {
                var link = stat()
                // A link that leads nowhere would be replaced by the report.
                guard stat(file, &link) == 0 else { throw refusal(path, errno) }
                continue
            }
            guard descriptor >= 0 else { throw refusal(path, errno) }
            close(descriptor)
            unlink(file)
        }
    }

    private static func temporary(beside place: String) -> String {
        let folder = place.lastIndex(of: "/").map { place[...$0] } ?? ""
        let hash = place.utf8.reduce(UInt32(5381)) { $0 &* 33 &+ UInt32($1) }
        return "\(folder).loadtest-\(getpid())-\(hash)"
    }

    private static func refusal(_ path: String, _ code: Int32) -> OutputError {
        OutputError(
            description: "The report \(Wording.plain(path)) cannot be written: \(String(cString: strerror(code))).")
    }
}
