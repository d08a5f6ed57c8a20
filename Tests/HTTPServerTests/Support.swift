import HTTP
import HTTPServer
import Reactor
import TestSupport

/// Answers by path: `/now` at once, `/now-big` at once with a megabyte, `/echo` with the body from a task, `/wait` when
/// told, `/marked…` with a field of its own, `/big` with four megabytes, `/who` with the client's address.
final class TestHandler: RequestHandler, @unchecked Sendable {
    // @unchecked: one per loop, touched there; the shared parts are behind locks.
    let gate = Lock(false)
    let cancelled = Lock(0)
    let refusals = Lock<[UInt16]>([])
    /// Beginnings of the paths answered at once, in order.
    let answered = Lock<[String]>([])

    func begin(
        _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, _ exchange: Exchange, _ frame: ResponseFrame,
        _ output: inout OutputBuffer
    ) -> Reply {
        let path = String(decoding: head.path.of(bytes), as: UTF8.self)
        guard path.hasPrefix("/now") else {
            var fields = Headers()
            if path.hasPrefix("/marked") { fields.append("X-Mark", constant: "yes") }
            return .collect(bodyLimit: 4096, fields: fields)
        }
        answered.withLock { $0.append(String(path.prefix(8))) }
        let body = path == "/now-big" ? [UInt8](repeating: 0x62, count: 1_000_000) : Array(path.utf8)
        let response = Response(.ok, contentType: "text/plain", body: body)
        ResponseSerializer.write(
            response, to: &output, date: frame.date, requestID: exchange.requestID, keepAlive: frame.keepAlive,
            headOnly: frame.headOnly)
        return .answered
    }

    func respond(to request: Request, _ exchange: Exchange) async -> Response {
        switch request.path {
        case "/wait", "/marked-wait":
            while !gate.withLock({ $0 }), !Task.isCancelled { await Task.yield() }
            if Task.isCancelled { cancelled.withLock { $0 += 1 } }
            return Response(.ok, contentType: "text/plain", body: request.body)
        case "/who": return Response(.ok, contentType: "text/plain", body: Array(exchange.client.host.utf8))
        case "/big": return Response(.ok, contentType: "text/plain", body: [UInt8](repeating: 0x62, count: 4_000_000))
        default: return Response(.ok, contentType: "text/plain", body: request.body)
        }
    }

    func refused(_ status: Status, _ exchange: Exchange) { refusals.withLock { $0.append(status.code) } }
}

/// A server on a port of its own, on `loops` loops.
struct TestServer {
    let group: EventLoopGroup
    let handlers: [TestHandler]
    let server: Server

    var port: UInt16 { server.address.port }
    var handler: TestHandler { handlers[0] }

    func client() throws -> RawClient { try RawClient(port: port) }

    /// Starts one, runs `body`, and checks that nothing is left behind.
    static func run(
        loops: Int = 1, deadlines: Deadlines = Deadlines(), maximumConnections: Int = 1000,
        clients: ClientPolicy = ClientPolicy(),
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let group = try EventLoopGroup(count: loops, name: "http")
        let handlers = (0..<loops).map { _ in TestHandler() }
        let hosts = (0..<loops).map {
            ConnectionHost(
                loop: group.loops[$0], limits: Limits(), deadlines: deadlines, maximumConnections: maximumConnections,
                clients: clients, handler: handlers[$0])
        }
        let address = SocketAddress("127.0.0.1:0")!
        let server = try await Server.start(on: address, hosts: hosts)
        defer { group.stopAndJoin() }
        try await body(TestServer(group: group, handlers: handlers, server: server))
    }
}
