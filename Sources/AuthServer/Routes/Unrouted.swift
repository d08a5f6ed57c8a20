import HTTP

/// The answers to what no route takes.
enum Unrouted {
    static func response(to match: Router.Match, _ requestID: RequestID) -> Response {
        switch match {
        case .options(let methods): return allowing(methods, Response(.noContent))
        case .methodNotAllowed(let methods):
            return allowing(methods, Response.problem(.methodNotAllowed, requestID: requestID))
        case .notImplemented: return Response.problem(.notImplemented, requestID: requestID)
        case .notFound, .found: return Response.problem(.notFound, requestID: requestID)
        }
    }

    private static func allowing(_ methods: MethodSet, _ response: Response) -> Response {
        var response = response
        do throws(InvalidFieldValue) { try response.headers.append("Allow", methods.allowValue) } catch {
            return Response(.internalServerError)
        }
        return response
    }
}
