import Glibc
import HTTP
package import JSON
import Reactor

/// An answer on the control socket.
package struct ControlReply: Sendable {
    package let status: Int
    package let body: [UInt8]
    /// Whole seconds of `Retry-After`, if it was sent.
    package let retryAfterSeconds: Int?
    /// Nil for an empty body. What the server sends is ours: one that cannot be read is refused before.
    package let json: JSONValue?
}

/// Why a request got no answer.
enum ControlClientError: Error, Equatable {
    /// The server did not take it, since it was just ending: it may be sent again.
    case notTaken
    /// The server ended, or took too long, after it may have taken it.
    case inDoubt(String)
    /// What came back is no answer of ours.
    case malformed
}

/// The command line's side of the control socket: one connection, one request at a time. Blocks; for the main thread of
/// a command.
struct ControlClient: ~Copyable {
    /// Longer than the server takes for an answer of any kind.
    static let timeoutSeconds = Int(ControlServer.totalMilliseconds / 1000) + 2
    /// A page of the longest audit entries, several times over.
    private static let maximumAnswerBytes = 8 * 1024 * 1024

    private let socket: Socket
    private var parser: ResponseParser

    init(_ socket: consuming Socket) {
        self.socket = socket
        var limits = Limits()
        limits.bodyBytes = ControlClient.maximumAnswerBytes
        parser = ResponseParser(limits: limits)
    }

    /// Whether another request may follow.
    var isUsable: Bool { parser.keepAlive }

    consuming func close() { socket.close() }

    mutating func request(
        _ method: HTTP.Method, _ target: String, body: [UInt8]?
    ) throws(ControlClientError) -> ControlReply {
        var output = OutputBuffer()
        var headers = Headers()
        if body != nil { headers.append("Content-Type", constant: "application/json") }
        do throws(InvalidFieldValue) {
            try RequestSerializer.write(
                method, target, host: "localhost", headers: headers, body: body, to: &output)
        } catch {
            throw .malformed
        }
        try send(&output)
        parser.begin()
        try receive()
        return try reply()
    }

    private func send(_ output: inout OutputBuffer) throws(ControlClientError) {
        while !output.isEmpty {
            switch output.withBytes({ socket.write($0) }) {
            case .bytes(let count): output.removeFirst(count)
            // It was not sent whole: the server cannot have taken it.
            case .failed, .end, .wouldBlock: throw .notTaken
            }
        }
    }

    private mutating func receive() throws(ControlClientError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)
        defer { buffer.deallocate() }
        while !parser.isComplete {
            switch socket.read(into: buffer) {
            case .bytes(let count):
                do throws(ResponseError) {
                    _ = try parser.receive(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]))
                } catch {
                    throw .malformed
                }
            case .end: throw .inDoubt("the server ended before it answered")
            case .wouldBlock: throw .inDoubt("the server did not answer in \(ControlClient.timeoutSeconds) seconds")
            // A Unix socket that was closed with bytes in it that nobody had read says so: it was not taken whole.
            case .failed(ECONNRESET): throw .notTaken
            case .failed(let code): throw .inDoubt(SystemError("recv", code: code).description)
            }
        }
    }

    private func reply() throws(ControlClientError) -> ControlReply {
        var json: JSONValue?
        if !parser.body.isEmpty {
            do throws(JSONError) { json = try JSONValue(parsing: parser.body) } catch { throw .malformed }
        }
        return ControlReply(
            status: Int(parser.status), body: parser.body,
            retryAfterSeconds: parser.field("retry-after").flatMap { Int($0) }, json: json)
    }
}
