import Auth
import HTTP
import HTTPServer
import JSON
import Passwords

/// `POST /api/v1/auth/register`: an account without roles for whoever asks, where registration is open.
struct RegisterRoute: Sendable {
    let service: RegistrationService
    /// Counts refusals by rule.
    let throttled: CounterTable

    func respond(to request: Request, from origin: RequestOrigin) async throws(Refusal) -> Response {
        let fields = try RequestFields(request)
        let registration = RegistrationRequest(
            username: try fields.requiredString("username"), password: try fields.requiredString("password"),
            origin: origin)
        switch await service.register(registration) {
        case .registered(let id, let username): return RegisterRoute.created(id, username)
        case .usernameTaken: throw Refusal(.usernameTaken, "Choose another username.")
        case .invalidUsername:
            throw Refusal(
                .invalidBody,
                "username must be 1 to \(Username.maximumBytes) bytes, without white space at either end and without "
                    + "control or invisible characters.")
        case .passwordRefused(let problem): throw Refusal(.invalidBody, "password \(problem.requirement).")
        case .throttled(let rule, let wait):
            throttled.count(rule)
            throw .throttled(milliseconds: wait)
        case .overloaded(let wait): throw .overloaded(milliseconds: wait)
        case .unavailable: throw .unavailable
        }
    }

    private static func created(_ id: Identifier, _ username: Username) -> Response {
        var json = JSONWriter()
        json.beginObject()
        json.key("id")
        json.string(id.description)
        json.key("username")
        json.string(username.text)
        json.endObject()
        var response = Response.json(.created, json.bytes)
        response.headers.append("Cache-Control", constant: "no-store")
        return response
    }
}
