import HTTP
import HTTPServer
import Reactor

/// The ops port: `/livez`, `/readyz` and `/metrics` on a loop of its own, which answers whatever the others do.
final class OpsHandler: RequestHandler {
    private static let router = Router(RouteDeclaration.ops.map(\.route))

    private let health: HealthRoutes
    private let page: @Sendable () -> [UInt8]

    init(health: HealthRoutes, page: @escaping @Sendable () -> [UInt8]) {
        self.health = health
        self.page = page
    }

    func begin(
        _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, _ exchange: Exchange, _ frame: ResponseFrame,
        _ output: inout OutputBuffer
    ) -> Reply {
        let match = OpsHandler.router.match(head.method, head.path.of(bytes))
        guard case .found(let id, _) = match else {
            write(Unrouted.response(to: match, exchange.requestID), exchange, frame, &output)
            return .answered
        }
        switch RouteID(rawValue: id) {
        case .live: write(health.live(at: exchange.firstByte), exchange, frame, &output)
        case .ready: write(health.ready(head.query?.of(bytes)), exchange, frame, &output)
        default:
            let response = Response(.ok, contentType: "text/plain; version=0.0.4; charset=utf-8", body: page())
            write(response, exchange, frame, &output)
        }
        return .answered
    }

    private func write(
        _ response: PreparedResponse, _ exchange: Exchange, _ frame: ResponseFrame, _ output: inout OutputBuffer
    ) {
        ResponseSerializer.write(
            response, to: &output, date: frame.date, requestID: exchange.requestID, keepAlive: frame.keepAlive,
            headOnly: frame.headOnly)
    }

    private func write(
        _ response: Response, _ exchange: Exchange, _ frame: ResponseFrame, _ output: inout OutputBuffer
    ) {
        write(PreparedResponse(response), exchange, frame, &output)
    }

    /// `begin` answers everything.
    func respond(to request: Request, _ exchange: Exchange) async -> Response {
        Response.problem(.notFound, requestID: exchange.requestID)
    }

    func refused(_ status: Status, _ exchange: Exchange) {}
}
