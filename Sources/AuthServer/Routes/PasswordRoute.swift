import Auth
import HTTP
import HTTPServer
import Passwords

/// `POST /api/v1/auth/password`: one's own password, with an access token and the old one; the reply has a new pair.
struct PasswordRoute: Sendable {
    let service: PasswordService
    let cookie: RefreshCookie
    /// Counts refusals by rule.
    let throttled: CounterTable

    func respond(
        to request: Request, by subject: RevocationSubject, _ exchange: Exchange
    ) async throws(Refusal) -> Response {
        let fields = try RequestFields(request)
        let delivery = try TokenDelivery(fields)
        if delivery == .cookie { try cookie.checkSite(of: request) }
        let device = try PresentedDevice(request, fields, cookie)
        let change = PasswordRequest(
            oldPassword: try fields.requiredString("old_password"),
            newPassword: try fields.requiredString("new_password"), subject: subject,
            address: exchange.client.clientAddress, deviceCredential: device.text,
            requestID: exchange.requestID.description)
        switch await service.change(change) {
        case .changed(let tokens):
            var response = try TokenReply.response(tokens, delivery, cookie, device)
            // What the browser has is a token of before: shown again, it would be taken for a stolen one.
            if delivery == .body, cookie.isCarried(by: request) { try cookie.clear(on: &response) }
            return response
        case .wrongPassword: throw Refusal(.wrongPassword, "old_password is not the account's password.")
        case .oldPasswordTooLong:
            throw Refusal(.invalidBody, "old_password must be at most \(PasswordPolicy.maximumBytes) bytes.")
        case .unchanged: throw Refusal(.invalidBody, "new_password must not be the old one.")
        case .passwordRefused(let problem): throw Refusal(.invalidBody, "new_password \(problem.requirement).")
        case .gone: throw Refusal(.invalidToken, challenge: Challenge.invalidToken)
        case .stale: throw Refusal(.passwordChanged, "Another change of the password came first.")
        case .throttled(let rule, let wait):
            throttled.count(rule)
            throw .throttled(milliseconds: wait)
        case .overloaded(let wait): throw .overloaded(milliseconds: wait)
        case .unavailable: throw .unavailable
        }
    }
}
