import Auth
import HTTP
import HTTPServer
import Reactor

/// Answers on the control socket. There are no tokens here: the kernel says whose process asks.
final class ControlHandler: RequestHandler {
    typealias Respond =
        @Sendable (Request, RouteID, _ parameters: [String], RequestOrigin) async throws(Refusal) -> Response

    private static let router = Router(RouteDeclaration.control.map(\.route))

    private let bodyLimit: Int
    private let respond: Respond

    /// `respond` answers a route of `RouteDeclaration.control` in the name of the local operator.
    init(bodyLimit: Int, respond: @escaping Respond) {
        self.bodyLimit = bodyLimit
        self.respond = respond
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
            return try await respond(
                request, route, request.parameters(parameters),
                RequestOrigin(address: nil, requestID: exchange.requestID.description))
        } catch {
            return error.response(exchange.requestID)
        }
    }

    func refused(_ status: Status, _ exchange: Exchange) {}
}
