import Glibc

/// Where profiles and the values of their variables come from.
extension TargetProfile {
    private static let shippedFiles: [(name: String, bytes: [UInt8])] = [
        ("portcullis", PackageResources.portcullis_json),
        ("fastapi-tutorial", PackageResources.fastapi_tutorial_json),
        ("bearer", PackageResources.bearer_json),
    ]

    /// The profiles that come with the harness.
    package static var shippedNames: [String] { shippedFiles.map(\.name) }

    /// Nil when none is shipped under that name.
    package static func shipped(_ name: String) throws(ProfileError) -> TargetProfile? {
        guard let file = shippedFiles.first(where: { $0.name == name }) else { return nil }
        return try TargetProfile(parsing: file.bytes)
    }

    /// What `--profile` names: a shipped profile or a file. Blocks while it reads.
    package static func named(_ argument: String) throws(ProfileError) -> TargetProfile {
        if let shipped = try shipped(argument) { return shipped }
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try readFile(argument, atMost: longestFile)
        } catch {
            let names = shippedNames.joined(separator: ", ")
            throw ProfileError(
                "--profile \(argument): no such profile is shipped (there are: \(names)), and as a file "
                    + "\(error.problem).")
        }
        do throws(ProfileError) { return try TargetProfile(parsing: bytes) } catch {
            throw ProfileError("\(argument): \(error.description)")
        }
    }

    /// From `--var NAME=VALUE` and `--var-file NAME=FILE` (of which one line end is taken off). A name that the profile
    /// does not know is refused, so that a misspelt one shows. Blocks while it reads.
    package func variables(
        given arguments: [String], files: [String] = []
    ) throws(ProfileError) -> Variables {
        var variables = Variables()
        for argument in arguments {
            let (name, value) = try split(argument, "--var", "VALUE", variables)
            variables[name] = value
        }
        for argument in files {
            let (name, path) = try split(argument, "--var-file", "FILE", variables)
            variables[name] = try Self.line(of: path, for: name)
        }
        return variables
    }

    private func split(
        _ argument: String, _ option: String, _ meaning: String, _ variables: Variables
    ) throws(ProfileError) -> (name: String, value: String) {
        // What stands there may be a secret: only the name is repeated.
        guard let equals = argument.utf8.firstIndex(of: UInt8(ascii: "=")) else {
            throw ProfileError("\(option) must be NAME=\(meaning).")
        }
        let name = String(argument[..<equals])
        let value = String(argument[argument.utf8.index(after: equals)...])
        guard self.variables.contains(where: { $0.name == name }) else {
            let known = self.variables.map(\.name).joined(separator: ", ")
            throw ProfileError(
                "\(option) \(name): the profile \(self.name) has no such variable "
                    + "(\(known.isEmpty ? "it has none" : "it has \(known)")).")
        }
        guard variables[name] == nil else { throw ProfileError("\(option) \(name): it is given twice.") }
        guard !value.isEmpty else { throw ProfileError("\(option) \(name): the value is empty.") }
        return (name, value)
    }

    private static func line(of path: String, for name: String) throws(ProfileError) -> String {
        var bytes: [UInt8]
        do throws(FileError) { bytes = try readFile(path, atMost: 65_536) } catch {
            throw ProfileError("--var-file \(name): \(path) \(error.problem).")
        }
        if bytes.last == 0x0A { bytes.removeLast() }
        if bytes.last == 0x0D { bytes.removeLast() }
        guard !bytes.isEmpty, let text = String(validating: bytes, as: UTF8.self) else {
            throw ProfileError("--var-file \(name): \(path) is empty or not UTF-8.")
        }
        return text
    }
}

/// Why a file cannot be read, to follow its name.
private struct FileError: Error { let problem: String }

/// A regular file whole. Blocks, but never on something that only looks like a file.
private func readFile(_ path: String, atMost longest: Int) throws(FileError) -> [UInt8] {
    func failure() -> FileError { FileError(problem: "cannot be read: \(String(cString: strerror(errno)))") }
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure() }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure() }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileError(problem: "is no regular file") }
    // One more than allowed: that it is there is how a longer one shows.
    var bytes = [UInt8](repeating: 0, count: longest + 1)
    var count = 0
    while count < bytes.count {
        let received = bytes[count...].withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        if received == 0 { break }
        if received < 0 {
            if errno == EINTR { continue }
            throw failure()
        }
        count += received
    }
    guard count <= longest else { throw FileError(problem: "is longer than \(longest / 1024) KiB") }
    return Array(bytes[..<count])
}
