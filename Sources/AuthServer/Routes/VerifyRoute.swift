import Auth
import HTTP
import HTTPServer

/// The hot path: `/api/v1/auth/verify` and the forward-auth routes below it. One per loop. A token seen before costs a
/// cache look-up and two copies; nothing is allocated and nobody is waited for.
final class VerifyRoute {
    /// Which roles a request asks for.
    enum Demand {
        /// `?roles=` of the query, at most once.
        case query(UnsafeRawBufferPointer?)
        /// Forward-auth: the query is the client's and is ignored wholly.
        case anyRole
        /// Forward-auth: a segment of the path, which the integrator wrote.
        case roles(UnsafeRawBufferPointer)
    }

    private let authenticator: TokenAuthenticator
    private var answers = VerifyAnswers()

    init(authenticator: TokenAuthenticator) { self.authenticator = authenticator }

    /// Writes the answer and returns its status, 200, 401 or 403, and the problem that it tells.
    func answer(
        _ demand: Demand, _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, now: Int64,
        _ exchange: Exchange, _ frame: ResponseFrame, _ output: inout OutputBuffer
    ) -> (status: Status, problem: StaticString?) {
        do throws(Refusal) {
            let token = try check(demand, head, bytes, now: now)
            answers.write(token, exchange, frame, to: &output)
            return (.ok, nil)
        } catch {
            var response = error.response(exchange.requestID)
            response.headers.append("X-Auth-Subject", constant: "")
            response.headers.append("X-Auth-Roles", constant: "")
            response.headers.append("X-Auth-Session", constant: "")
            ResponseSerializer.write(
                response, to: &output, date: frame.date, requestID: exchange.requestID, keepAlive: frame.keepAlive,
                headOnly: frame.headOnly)
            return (response.status, response.problem)
        }
    }

    private func check(
        _ demand: Demand, _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, now: Int64
    ) throws(Refusal) -> AccessToken {
        let token: AccessToken
        switch BearerCredential(head, bytes) {
        case .absent:
            if case .query(let query?) = demand, VerifyQuery(query).hasToken { throw VerifyRoute.ambiguous }
            throw Refusal(.missingToken)
        case .invalid: throw VerifyRoute.ambiguous
        case .token(let text):
            do throws(AuthenticationError) { token = try authenticator.authenticate(text, now: now) } catch {
                throw Refusal(.invalidToken, challenge: Challenge.invalidToken)
            }
        }
        switch demand {
        case .anyRole, .query(nil): break
        case .roles(let roles): try VerifyRoute.demand(anyOf: roles, of: token)
        case .query(let text?):
            let query = VerifyQuery(text)
            guard query.isValid else { throw VerifyRoute.ambiguous }
            try query.withRoles { (roles) throws(Refusal) in try VerifyRoute.demand(anyOf: roles, of: token) }
        }
        return token
    }

    private static let ambiguous = Refusal(
        .ambiguousToken, "Send one access token, in one Authorization field, and roles at most once.",
        challenge: Challenge.invalidRequest)

    /// `list` is names between commas; one of them is enough.
    private static func demand(anyOf list: UnsafeRawBufferPointer, of token: AccessToken) throws(Refusal) {
        var start = 0
        while start <= list.count {
            var end = start
            while end < list.count, list[end] != UInt8(ascii: ",") { end += 1 }
            if end > start, token.hasRole(UnsafeRawBufferPointer(rebasing: list[start..<end])) { return }
            start = end + 1
        }
        throw Refusal(.insufficientScope, challenge: Challenge.insufficientScope)
    }
}
