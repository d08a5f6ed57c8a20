import Auth
import HTTP
import HTTPServer
import Reactor

/// Answers on the control socket. There are no tokens here: the kernel says whose process asks.
final class ControlHandler: RequestHandler {
    private static let router = Router(RouteDeclaration.control.map(\.route))

    private let admin: AdminRoutes
    private let bodyLimit: Int

    init(_ admin: AdminRoutes, bodyLimit: Int) {
        self.admin = admin
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
        guard case .found(let id, let parameters) = match, let route = RouteID(rawValue: id) else {
            return Unrouted.response(to: match, exchange.requestID)
        }
        do throws(Refusal) {
            return try await admin.respond(
                to: request, on: route, parameters: request.parameters(parameters), as: .localOperator,
                from: RequestOrigin(address: nil, requestID: exchange.requestID.description))
        } catch {
            return error.response(exchange.requestID)
        }
    }

    func refused(_ status: Status, _ exchange: Exchange) {}
}
