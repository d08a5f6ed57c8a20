import ArgumentParser
import Glibc

/// Where a password comes from: never from the arguments, which every user of the machine can read.
enum PasswordInput {
    /// Longer than any password may be; what is too long is the server's to say.
    private static let maximumBytes = 64 * 1024

    /// Asks twice.
    static func prompt(for user: String) throws -> String {
        guard let terminal = Terminal() else {
            throw CommandFailure(.usage, "There is no terminal to ask for the password on: use --password-file.")
        }
        defer { terminal.close() }
        guard let first = try terminal.secret("New password for \(user):"),
            let second = try terminal.secret("The same again:")
        else { throw CommandFailure(.data, "No password was given.") }
        guard first == second else { throw CommandFailure(.data, "The two passwords are not the same.") }
        return try text(first)
    }

    /// The first line of a file, `-` for standard input.
    static func read(_ path: String) throws -> String {
        try text(Array(FileInput.read(path, maximumBytes: maximumBytes).prefix { $0 != 0x0A && $0 != 0x0D }))
    }

    private static func text(_ bytes: [UInt8]) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(.data, "The password is not UTF-8.")
        }
        guard !text.isEmpty else { throw CommandFailure(.data, "The password is empty.") }
        return text
    }
}

/// A file that a command is given.
enum FileInput {
    /// `-` is standard input.
    static func read(_ path: String, maximumBytes: Int) throws -> [UInt8] {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count > 0 {
                bytes.append(contentsOf: buffer[..<count])
            } else if errno != EINTR {
                throw failure(path)
            }
            guard bytes.count <= maximumBytes else {
                throw CommandFailure(.data, "\(path) is larger than \(maximumBytes) bytes.")
            }
        }
    }

    private static func failure(_ path: String) -> CommandFailure {
        CommandFailure(
            errno == EACCES ? .notPermitted : .noInput, "\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
}
