import Foundation
import Glibc
import TestSupport
import Testing

/// `loadtest` as a process, with a folder of its own for what it writes. Killed with the last reference to it.
final class Command: @unchecked Sendable {
    // @unchecked: one test owns it.
    struct Ended: Sendable {
        let code: Int32
        let output: String
        let errors: String
    }

    let folder: URL
    private let process = Process()

    /// Built beside the tests.
    private static let executable: URL = {
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("loadtest")
    }()

    /// Starts it; `@` in an argument stands for its folder.
    init(_ arguments: [String]) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("loadtest-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        process.executableURL = Command.executable
        process.arguments = arguments.map { $0.replacing("@", with: folder.path) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try handle("out")
        process.standardError = try handle("err")
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        do { try FileManager.default.removeItem(at: folder) } catch {}
    }

    /// Runs it to its end.
    static func run(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) async throws -> Ended {
        try await Command(arguments).ended(sourceLocation: sourceLocation)
    }

    func ended(sourceLocation: SourceLocation = #_sourceLocation) async -> Ended {
        await until("loadtest did not end", seconds: 40, sourceLocation: sourceLocation) { !process.isRunning }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        let code = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
        return Ended(code: code, output: read("out"), errors: read("err"))
    }

    func interrupt() { kill(process.processIdentifier, SIGINT) }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// A file of its folder; empty when it is not there.
    func read(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path(name)) ?? Data(), as: UTF8.self)
    }

    private func handle(_ name: String) throws -> FileHandle {
        _ = FileManager.default.createFile(atPath: path(name), contents: nil)
        return try FileHandle(forWritingTo: folder.appendingPathComponent(name))
    }
}
