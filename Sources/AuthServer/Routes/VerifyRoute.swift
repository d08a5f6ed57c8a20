import Auth
import HTTP
import HTTPServer
import JSON

/// The hot path: `/api/v1/auth/verify` and the forward-auth routes below it. One per loop. A token seen before costs a
/// cache look-up and two copies; nothing is allocated and nobody is waited for.
struct VerifyRoute {
    /// Which roles a request asks for.
    enum Demand {
        /// `?roles=` of the query, at most once.
        case query(UnsafeRawBufferPointer?)
        /// Forward-auth: the query is the client's and is ignored wholly.
        case anyRole
        /// Forward-auth: a segment of the path, which the integrator wrote.
        case roles(UnsafeRawBufferPointer)
    }

    let authenticator: TokenAuthenticator

    /// Writes the answer and returns its status: 200, 401 or 403.
    func answer(
        _ demand: Demand, _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, now: Int64,
        _ exchange: Exchange, _ frame: ResponseFrame, _ output: inout OutputBuffer
    ) -> Status {
        do throws(Refusal) {
            let prepared = try check(demand, head, bytes, now: now)
            ResponseSerializer.write(
                prepared.response, to: &output, date: frame.date, requestID: exchange.requestID,
                keepAlive: frame.keepAlive, headOnly: frame.headOnly)
            return .ok
        } catch {
            var response = error.response(exchange.requestID)
            response.headers.append("X-Auth-Subject", constant: "")
            response.headers.append("X-Auth-Roles", constant: "")
            response.headers.append("X-Auth-Session", constant: "")
            ResponseSerializer.write(
                response, to: &output, date: frame.date, requestID: exchange.requestID, keepAlive: frame.keepAlive,
                headOnly: frame.headOnly)
            return response.status
        }
    }

    private func check(
        _ demand: Demand, _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, now: Int64
    ) throws(Refusal) -> PreparedAnswer {
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
        return try PreparedAnswer.of(token)
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

/// The 200 of one token, made at its first use and kept with it.
final class PreparedAnswer {
    let response: PreparedResponse

    private init(_ response: PreparedResponse) { self.response = response }

    static func of(_ token: AccessToken) throws(Refusal) -> PreparedAnswer {
        if let prepared = token.attachment as? PreparedAnswer { return prepared }
        let prepared: PreparedAnswer
        do throws(InvalidFieldValue) { prepared = PreparedAnswer(PreparedResponse(try response(for: token))) } catch {
            // Roles and ids were checked when the token was verified; what cannot be sent is not vouched for.
            throw Refusal(.invalidToken, challenge: Challenge.invalidToken)
        }
        token.attachment = prepared
        return prepared
    }

    private static func response(for token: AccessToken) throws(InvalidFieldValue) -> Response {
        let subject = token.subject.user.description
        let session = token.subject.session.description
        let roles = String(decoding: token.roles, as: UTF8.self)
        var json = JSONWriter()
        json.beginObject()
        json.key("active")
        json.bool(true)
        json.key("sub")
        json.string(subject)
        json.key("roles")
        json.strings(roles.split(separator: ",").map(String.init))
        json.key("sid")
        json.string(session)
        json.key("exp")
        json.integer(token.expiresAt)
        json.endObject()
        var response = Response.json(.ok, json.bytes)
        try response.headers.append("X-Auth-Subject", subject)
        try response.headers.append("X-Auth-Roles", roles)
        try response.headers.append("X-Auth-Session", session)
        return response
    }
}
