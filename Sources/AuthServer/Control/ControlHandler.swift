import Auth
import HTTP
import HTTPServer
import Reactor

/// Answers on the control socket. There are no tokens here: the kernel says whose process asks.
final class ControlHandler: RequestHandler {
    private static let router = Router(RouteDeclaration.control.map(\.route))

    private let admin: AdminRoutes
    private let bodyLimit: Int
    private let log: RequestLog?

    init(_ admin: AdminRoutes, bodyLimit: Int, log: RequestLog?) {
        self.admin = admin
        self.log = log
        self.bodyLimit = bodyLimit
    }

    func begin(
        _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, _ exchange: Exchange, _ frame: ResponseFrame,
        _ output: inout OutputBuffer
    ) -> Reply {
        .collect(bodyLimit: bodyLimit)
    }

    func respond(to request: Request, _ exchange: Exchange) async -> Response {
        let match = request.withBytes(of: request.head.path) { ControlHandler.router.match(request.method, $0) }
        let route: RouteID
        let response: Response
        if case .found(let id, let parameters) = match, let found = RouteID(rawValue: id) {
            route = found
            do throws(Refusal) {
                response = try await admin.respond(
                    to: request, on: route, parameters: request.parameters(parameters), as: .localOperator,
                    from: RequestOrigin(address: nil, requestID: exchange.requestID.description))
            } catch {
                response = error.response(exchange.requestID)
            }
        } else {
            route = .none
            response = Unrouted.response(to: match, exchange.requestID)
        }
        log?.write(route, response.status, response.problem, exchange)
        return response
    }

    func refused(_ status: Status, _ exchange: Exchange) {
        log?.write(.none, status, Problem(RequestError(status, "")).slug, exchange)
    }
}
