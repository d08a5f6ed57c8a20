import Foundation
import Glibc
import TestSupport
import Testing

/// A data folder of one test, and the servers that are started on it, one after the other or at once. It goes with the
/// test.
final class Installation: Sendable {
    static let password = "a-password-for-tests-alone"

    let root: String
    var data: String { root + "/data" }
    var masterKey: String { data + "/master.key" }
    var database: String { data + "/portcullis.sqlite" }

    init() throws {
        root = FileManager.default.temporaryDirectory.path + "/portcullis-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: false)
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: root) } catch {}
    }

    /// Ports of the kernel's choice, keys that are made quickly; `settings` go over it, an empty one is left out.
    func environment(_ settings: [String: String] = [:]) -> [String: String] {
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PORTCULLIS_") }
        environment["SWIFT_BACKTRACE"] = "enable=no"
        environment["PORTCULLIS_LISTEN"] = "127.0.0.1:0"
        environment["PORTCULLIS_OPS_LISTEN"] = "127.0.0.1:0"
        environment["PORTCULLIS_DATA"] = data
        environment["PORTCULLIS_ADMIN_PASSWORD"] = Installation.password
        environment["PORTCULLIS_SIGNING_ALGORITHM"] = "ES256"
        environment["PORTCULLIS_LOOPS"] = "2"
        environment["PORTCULLIS_DRAIN_DELAY_SECONDS"] = "0"
        environment.merge(settings) { $1 }
        return environment.filter { !$0.value.isEmpty }
    }

    private func child(
        _ settings: [String: String], _ descriptors: Int? = nil, output: String = UUID().uuidString
    ) throws -> Child {
        try Child(environment: environment(settings), output: "\(root)/\(output)", descriptors: descriptors)
    }

    /// A server that answers. It writes to `<output>.out` and `<output>.err` in our folder.
    func start(
        _ settings: [String: String] = [:], descriptors: Int? = nil, output: String = UUID().uuidString,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> RunningServer {
        let child = try child(settings, descriptors, output: output)
        await until("the server did not start", seconds: 30, sourceLocation: sourceLocation) {
            child.reap() != nil || child.output.contains("data folder:")
        }
        try #require(child.reap() == nil, "\(child.errorOutput)", sourceLocation: sourceLocation)
        return try #require(RunningServer(child), "\(child.output)", sourceLocation: sourceLocation)
    }

    /// What a start said that is to fail.
    func startThatFails(
        _ settings: [String: String] = [:], descriptors: Int? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> (code: Int32, message: String) {
        let child = try child(settings, descriptors)
        let end = await child.ended(sourceLocation: sourceLocation)
        guard case .exit(let code) = end else {
            Issue.record("\(String(describing: end))", sourceLocation: sourceLocation)
            return (-1, child.errorOutput)
        }
        #expect(child.output.isEmpty, sourceLocation: sourceLocation)
        return (code, child.errorOutput)
    }

    /// Every file of the data folder with its mode and bytes.
    func contents() throws -> [String: FileState] {
        var files: [String: FileState] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: data) {
            let path = data + "/" + name
            files[name] = FileState(mode: mode(path), bytes: FileManager.default.contents(atPath: path) ?? Data())
        }
        return files
    }

    struct FileState: Equatable {
        let mode: mode_t
        let bytes: Data
    }

    /// The permission bits of a file or folder.
    func mode(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }
}

/// A server that answers, and where.
struct RunningServer: Sendable {
    let child: Child
    let port: UInt16
    let opsPort: UInt16

    /// Reads the ports in its first line. Nil when they are not there.
    init?(_ child: Child) {
        let words = child.output.split(whereSeparator: { " ,\n".contains($0) })
        let ports = words.filter { $0.hasPrefix("http://127.0.0.1:") }.compactMap {
            $0.split(separator: ":").last.flatMap { UInt16($0) }
        }
        guard child.output.hasPrefix("portcullis serves on http://127.0.0.1:"), ports.count >= 2 else { return nil }
        self.child = child
        port = ports[0]
        opsPort = ports[1]
    }

    func client(timeoutSeconds: Int = 20) throws -> RawClient {
        try RawClient(port: port, timeoutSeconds: timeoutSeconds)
    }

    /// One figure of `/metrics`, over a connection of its own.
    func metric(_ name: String) throws -> Double {
        try RawClient(port: opsPort).metric(name)
    }
}
