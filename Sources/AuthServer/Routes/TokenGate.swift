import Auth
import HTTP
import HTTPServer

/// What a request's access token opens: asked before any handler runs. One per loop.
struct TokenGate {
    let authenticator: TokenAuthenticator
    let audit: AuditWriter
    let clock: NodeClock

    /// Whose the request is; nil on an open route. Who is known and has none of the roles is told to the audit.
    func enforce(
        _ access: Access, _ request: Request, on route: RouteID, _ exchange: Exchange
    ) throws(Refusal) -> RevocationSubject? {
        guard case .token(let roles) = access else { return nil }
        try refuseTokenInQuery(request)
        return try request.headBytes.span.bytes.withUnsafeBytes { (bytes) throws(Refusal) -> RevocationSubject in
            switch BearerCredential(request.head, bytes) {
            case .absent: throw Refusal(.missingToken)
            case .invalid: throw Refusal(.ambiguousToken, challenge: Challenge.invalidRequest)
            case .token(let text):
                let token: AccessToken
                do throws(AuthenticationError) {
                    token = try authenticator.authenticate(text, now: clock.now.seconds)
                } catch {
                    throw Refusal.invalidToken(error)
                }
                guard roles.isEmpty || roles.contains(where: { hasRole(token, $0) }) else {
                    audit.record(
                        AuditEntry(
                            at: clock.now, event: .administrationRefused, actor: .user(token.subject.user),
                            origin: exchange.origin, session: token.subject.session, detail: route.template))
                    throw Refusal(.insufficientScope, challenge: Challenge.insufficientScope)
                }
                return token.subject
            }
        }
    }

    /// Also beside a good one: a token in a query ends up in logs.
    private func refuseTokenInQuery(_ request: Request) throws(Refusal) {
        guard let range = request.head.query else { return }
        if request.withBytes(of: range, { VerifyQuery($0).hasToken }) {
            throw Refusal(.ambiguousToken, challenge: Challenge.invalidRequest)
        }
    }

    private func hasRole(_ token: AccessToken, _ role: String) -> Bool {
        Array(role.utf8).withUnsafeBytes { token.hasRole($0) }
    }

    /// A token that was revoked still says which session its owner wants to end: logging out twice is no error.
    func logoutSubject(_ request: Request) throws(Refusal) -> RevocationSubject? {
        try refuseTokenInQuery(request)
        return try request.headBytes.span.bytes.withUnsafeBytes { (bytes) throws(Refusal) -> RevocationSubject? in
            switch BearerCredential(request.head, bytes) {
            case .absent: return nil
            case .invalid: throw Refusal(.ambiguousToken, challenge: Challenge.invalidRequest)
            case .token(let text):
                do throws(AuthenticationError) {
                    return try authenticator.authenticate(text, now: clock.now.seconds).subject
                } catch {
                    if case .revoked(let subject) = error { return subject }
                    throw Refusal.invalidToken(error)
                }
            }
        }
    }
}
