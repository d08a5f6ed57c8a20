import HTTP
import HTTPServer
import Reactor

/// The ops port: `/livez`, `/readyz` and `/metrics` on a loop of its own, which answers whatever the others do.
final class OpsHandler: RequestHandler {
    private static let router = Router(RouteDeclaration.ops.map(\.route))

    private let health: HealthRoutes
    private let log: RequestLog?
    private let page: @Sendable () -> [UInt8]

    init(health: HealthRoutes, log: RequestLog?, page: @escaping @Sendable () -> [UInt8]) {
        self.health = health
        self.log = log
        self.page = page
    }

    func begin(
        _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, _ exchange: Exchange, _ frame: ResponseFrame,
        _ output: inout OutputBuffer
    ) -> Reply {
        let match = OpsHandler.router.match(head.method, head.path.of(bytes))
        guard case .found(let id, _) = match, let route = RouteID(rawValue: id) else {
            write(PreparedResponse(Unrouted.response(to: match, exchange.requestID)), .none, exchange, frame, &output)
            return .answered
        }
        switch route {
        case .live: write(health.live(at: exchange.firstByte), route, exchange, frame, &output)
        case .ready: write(health.ready(head.query?.of(bytes), exchange), route, exchange, frame, &output)
        default:
            let response = Response(.ok, contentType: "text/plain; version=0.0.4; charset=utf-8", body: page())
            write(PreparedResponse(response), route, exchange, frame, &output)
        }
        return .answered
    }

    private func write(
        _ response: borrowing PreparedResponse, _ route: RouteID, _ exchange: Exchange, _ frame: ResponseFrame,
        _ output: inout OutputBuffer
    ) {
        ResponseSerializer.write(
            response, to: &output, date: frame.date, requestID: exchange.requestID, keepAlive: frame.keepAlive,
            headOnly: frame.headOnly)
        log?.write(route, response.status, response.problem, exchange)
    }

    /// `begin` answers everything.
    func respond(to request: Request, _ exchange: Exchange) async -> Response {
        Response.problem(.notFound, requestID: exchange.requestID)
    }

    func refused(_ status: Status, _ exchange: Exchange) {
        log?.write(.none, status, Problem(RequestError(status, "")).slug, exchange)
    }
}
