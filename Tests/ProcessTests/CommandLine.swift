import Foundation
import Glibc
import JSON
import TestSupport
import Testing

/// What a command came to.
struct Outcome: Sendable {
    let code: Int32
    let output: String
    let errors: String

    /// Of a command with `--json`.
    func json(sourceLocation: SourceLocation = #_sourceLocation) throws -> JSONValue {
        try #require(code == 0, "\(errors)", sourceLocation: sourceLocation)
        return try JSONValue(parsing: Array(output.utf8))
    }
}

extension Installation {
    /// Runs a command on this data folder to its end; `input` is what it reads.
    func run(
        _ arguments: String..., settings: [String: String] = [:], input: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        try await run(arguments, settings: settings, input: input, sourceLocation: sourceLocation)
    }

    func run(
        _ arguments: [String], settings: [String: String] = [:], input: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        let child = try command(arguments, settings: settings, input: input)
        let end = await child.ended(within: 60, sourceLocation: sourceLocation)
        guard case .exit(let code) = end else {
            Issue.record("\(String(describing: end))", sourceLocation: sourceLocation)
            return Outcome(code: -1, output: child.output, errors: child.errorOutput)
        }
        return Outcome(code: code, output: child.output, errors: child.errorOutput)
    }

    /// Starts a command and does not wait for it.
    func command(
        _ arguments: [String], settings: [String: String] = [:], input: String? = nil, terminal: String? = nil
    ) throws -> Child {
        let output = "\(root)/\(UUID().uuidString)"
        if let input { try input.write(toFile: output + ".in", atomically: false, encoding: .utf8) }
        return try Child(
            arguments, environment: environment(settings), output: output,
            input: input == nil ? "/dev/null" : output + ".in", terminal: terminal)
    }

    /// A file with a password, as `--password-file` wants it.
    func file(_ text: String) throws -> String {
        let path = "\(root)/\(UUID().uuidString).txt"
        try (text + "\n").write(toFile: path, atomically: false, encoding: .utf8)
        return path
    }

    /// The usernames that there are.
    func usernames() async throws -> [String] {
        let users = try await run("user", "list", "--json").json()
        return (users.array ?? []).compactMap { $0.object?["username"]?.string }.sorted()
    }

    /// An installation on which a server ran, with `admin` as its only account, and none runs now.
    static func stopped() async throws -> Installation {
        let installation = try Installation()
        let server = try await installation.start()
        await server.child.stop()
        return installation
    }
}
