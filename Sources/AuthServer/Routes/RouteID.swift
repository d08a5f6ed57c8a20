/// The routes by name; raw values index the metrics.
enum RouteID: Int, CaseIterable, Sendable {
    /// What matched no route, or was no HTTP.
    case none
    case login
    case refresh
    case logout
    case logoutAll
    case me
    case verify
    case verifyAny
    case verifyRoles
    case keys
    case live
    case ready
    case metrics
}

/// Who may use a route. Declared with the route, enforced before its handler runs; no handler checks a role.
enum Access: Sendable, Equatable {
    /// Anyone; the handler looks at the credentials it needs itself (a password, a refresh token).
    case open
    /// A good access token, and one of these roles if there are any.
    case token(anyOf: [String])
}

/// A route as declared.
struct RouteDeclaration: Sendable {
    let id: RouteID
    let methods: Methods
    /// Raw path; `{name}` stands for one segment, `/…` at the end for any rest.
    let path: String
    let access: Access

    enum Methods: Sendable {
        case any
        case only([String])
    }

    /// Every route of the main port, in one place.
    static let main: [RouteDeclaration] = [
        RouteDeclaration(id: .verify, methods: .only(["GET", "HEAD"]), path: "/api/v1/auth/verify", access: .open),
        RouteDeclaration(id: .verifyAny, methods: .any, path: "/api/v1/auth/verify/any/…", access: .open),
        RouteDeclaration(id: .verifyRoles, methods: .any, path: "/api/v1/auth/verify/roles/{roles}/…", access: .open),
        RouteDeclaration(id: .login, methods: .only(["POST"]), path: "/api/v1/auth/login", access: .open),
        RouteDeclaration(id: .refresh, methods: .only(["POST"]), path: "/api/v1/auth/refresh", access: .open),
        RouteDeclaration(id: .logout, methods: .only(["POST"]), path: "/api/v1/auth/logout", access: .open),
        RouteDeclaration(
            id: .logoutAll, methods: .only(["POST"]), path: "/api/v1/auth/logout-all", access: .token(anyOf: [])),
        RouteDeclaration(id: .me, methods: .only(["GET", "HEAD"]), path: "/api/v1/me", access: .token(anyOf: [])),
        RouteDeclaration(id: .keys, methods: .only(["GET", "HEAD"]), path: "/.well-known/jwks.json", access: .open),
        RouteDeclaration(id: .live, methods: .only(["GET", "HEAD"]), path: "/livez", access: .open),
        RouteDeclaration(id: .ready, methods: .only(["GET", "HEAD"]), path: "/readyz", access: .open),
    ]

    /// Every route of the ops port.
    static let ops: [RouteDeclaration] = [
        RouteDeclaration(id: .live, methods: .only(["GET", "HEAD"]), path: "/livez", access: .open),
        RouteDeclaration(id: .ready, methods: .only(["GET", "HEAD"]), path: "/readyz", access: .open),
        RouteDeclaration(id: .metrics, methods: .only(["GET", "HEAD"]), path: "/metrics", access: .open),
    ]
}
