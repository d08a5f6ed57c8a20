import Auth
import HTTP

/// `POST /api/v1/auth/refresh`
struct RefreshRoute: Sendable {
    let service: RefreshService
    let cookie: RefreshCookie
    /// Counts refusals by rule.
    let throttled: CounterTable

    func respond(to request: Request, from origin: RequestOrigin) async throws(Refusal) -> Response {
        let credential = try RefreshCredential(request, cookie)
        guard let credential else { throw Refusal(.invalidBody, "refresh_token is required.") }
        switch await service.refresh(credential.token, from: origin) {
        case .granted(let tokens): return try TokenReply.response(tokens, credential.delivery, cookie)
        // The cookie stays: by the time this arrives it may be that of a new login.
        case .refused: throw Refusal(.invalidGrant, "The refresh token is not valid or no longer is.")
        case .throttled(let rule, let wait):
            throttled.count(rule)
            throw .throttled(milliseconds: wait)
        case .unavailable: throw .unavailable
        }
    }
}

/// A refresh token from the body or the cookie, never from both.
struct RefreshCredential: Sendable {
    let token: String
    let delivery: TokenDelivery

    /// Nil when there is neither.
    init?(_ request: Request, _ cookie: RefreshCookie) throws(Refusal) {
        let fromBody = try RequestFields(request).string("refresh_token")
        let fromCookie = try cookie.token(of: request)
        switch (fromBody, fromCookie) {
        case (nil, nil): return nil
        case (let token?, nil): (self.token, delivery) = (token, .body)
        case (nil, let token?):
            try cookie.checkSite(of: request)
            (self.token, delivery) = (token, .cookie)
        case (_?, _?):
            throw Refusal(.malformedRequest, "Send the refresh token in the body or in the cookie, not both.")
        }
    }
}

/// `POST /api/v1/auth/logout` and `/logout-all`
struct LogoutRoute: Sendable {
    let service: LogoutService
    let cookie: RefreshCookie

    /// `access` is whose the access token of the request is, also if it was revoked; nil without one.
    func respond(
        to request: Request, access: RevocationSubject?, from origin: RequestOrigin
    ) async throws(Refusal) -> Response {
        if let access { return try await respond(to: request, session: access.session, from: origin) }
        guard let credential = try RefreshCredential(request, cookie) else {
            throw Refusal(.missingToken, "Send a refresh token or an access token.")
        }
        var reply = await service.logout(refreshToken: credential.token, from: origin)
        // A cookie that is none of ours, or no longer, names no session that could be left; it must not stay there.
        if reply == .refused, credential.delivery == .cookie { reply = .done }
        return try respond(reply, clearsCookie: credential.delivery == .cookie)
    }

    /// By the access token. A cookie beside it is no second credential, since the browser adds it unasked: what a page that
    /// may use it signs out of is then the browser, so that the cookie's session ends as well. From any other page the
    /// cookie is passed over.
    private func respond(
        to request: Request, session: Identifier, from origin: RequestOrigin
    ) async throws(Refusal) -> Response {
        guard try RequestFields(request).string("refresh_token") == nil else {
            throw Refusal(.malformedRequest, "Send one token, not two.")
        }
        let fromCookie = cookie.isOfOwnSite(request) ? try cookie.token(of: request) : nil
        var reply = await service.logout(session: session, from: origin)
        if let fromCookie, reply == .done {
            reply = await service.logout(refreshToken: fromCookie, from: origin)
            // One that is none of ours names no session that could be left.
            if reply == .refused { reply = .done }
        }
        return try respond(reply, clearsCookie: fromCookie != nil)
    }

    /// By the access token. The browser's cookie goes, too: whatever its session was, nobody stays signed in there.
    func respondToAll(
        to request: Request, subject: RevocationSubject, from origin: RequestOrigin
    ) async throws(Refusal) -> Response {
        let reply = await service.logoutAll(user: subject.user, version: subject.userVersion, from: origin)
        return try respond(reply, clearsCookie: cookie.isCarried(by: request))
    }

    private func respond(_ reply: LogoutReply, clearsCookie: Bool) throws(Refusal) -> Response {
        switch reply {
        case .done:
            var response = Response(.noContent)
            if clearsCookie { try cookie.clear(on: &response) }
            return response
        case .refused: throw Refusal(.invalidGrant, "The refresh token is none of ours.")
        case .unavailable: throw .unavailable
        }
    }
}
