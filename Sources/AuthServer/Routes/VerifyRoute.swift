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

        /// Of one of the verify routes; `segment` is the path's parameter.
        init(
            _ route: RouteID, _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer,
            _ segment: UnsafeRawBufferPointer?
        ) {
            switch route {
            case .verifyAny: self = .anyRole
            case .verifyRoles: self = .roles(segment ?? UnsafeRawBufferPointer(start: nil, count: 0))
            default: self = .query(head.query?.of(bytes))
            }
        }
    }

    private let authenticator: TokenAuthenticator
    /// Whether another node may have made keys that this one has not seen yet.
    private let asksForKeys: Bool
    private var answers = VerifyAnswers()

    init(authenticator: TokenAuthenticator, asksForKeys: Bool) {
        self.authenticator = authenticator
        self.asksForKeys = asksForKeys
    }

    /// Writes the answer and returns its status, 200, 401 or 403, and the problem that it tells. Nil, and nothing
    /// written, when the key ring is to be looked at first.
    func answer(
        _ demand: Demand, _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, now: Int64,
        _ exchange: Exchange, _ frame: ResponseFrame, _ output: inout OutputBuffer
    ) -> (status: Status, problem: StaticString?)? {
        do throws(Refusal) {
            let token = try check(demand, head, bytes, now: now)
            answers.write(token, exchange, frame, to: &output)
            return (.ok, nil)
        } catch {
            if error.isUnknownKey, asksForKeys { return nil }
            let response = VerifyRoute.response(to: error, exchange.requestID)
            ResponseSerializer.write(
                response, to: &output, date: frame.date, requestID: exchange.requestID, keepAlive: frame.keepAlive,
                headOnly: frame.headOnly)
            return (response.status, response.problem)
        }
    }

    /// The answer away from the hot path, when the set of revocations may not be complete or the key ring was looked at
    /// anew. What would be 200 is 503 when nobody can say whether the token was revoked; what is refused is refused in any
    /// case. A token of an unknown key is answered with `unknownKey`; without one it comes to nil.
    func response(
        _ demand: Demand, _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, now: Int64,
        _ standing: RevocationFreshness.Standing, unknownKey: Refusal?, _ requestID: RequestID
    ) -> Response? {
        var response: Response
        do throws(Refusal) {
            let token = try check(demand, head, bytes, now: now)
            switch standing {
            case .lost, .resuming: throw Refusal.unavailable
            case .confirmed, .aged: response = try VerifyAnswers.response(token)
            }
        } catch {
            if error.isUnknownKey, asksForKeys {
                guard let unknownKey else { return nil }
                response = VerifyRoute.response(to: unknownKey, requestID)
            } else {
                response = VerifyRoute.response(to: error, requestID)
            }
        }
        if case .aged(let seconds) = standing { response.headers.append("X-Revocation-Age", decimal: seconds) }
        return response
    }

    /// 503 when the request cannot wait for what it would have to.
    static func unavailable(_ requestID: RequestID) -> Response { response(to: .unavailable, requestID) }

    private static func response(to refusal: Refusal, _ requestID: RequestID) -> Response {
        var response = refusal.response(requestID)
        response.headers.append("X-Auth-Subject", constant: "")
        response.headers.append("X-Auth-Roles", constant: "")
        response.headers.append("X-Auth-Session", constant: "")
        return response
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
                throw Refusal.invalidToken(error)
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
