import HTTP

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
    case register
    case password

    /// The route's template, as metrics and logs name it.
    var template: String {
        (RouteDeclaration.main + RouteDeclaration.ops).first { $0.id == self }?.route.pattern.description ?? "none"
    }
}

/// Who may use a route. Declared with the route, enforced before its handler runs; no handler checks a role.
enum Access: Sendable, Equatable {
    /// Anyone; the handler looks at the credentials it is there for itself (a password, a token to verify).
    case open
    /// A good access token, and one of these roles if there are any.
    case token(anyOf: [String])
}

/// A route as declared.
struct RouteDeclaration: Sendable {
    let id: RouteID
    let route: Route
    let access: Access

    init(_ id: RouteID, _ methods: MethodSet, _ pattern: StaticString, _ access: Access = .open) {
        self.id = id
        route = Route(methods, pattern, id: id.rawValue)
        self.access = access
    }

    /// Every route of the main port, in one place.
    static let main: [RouteDeclaration] = [
        RouteDeclaration(.verify, [.get, .head], "/api/v1/auth/verify"),
        RouteDeclaration(.verifyAny, .any, "/api/v1/auth/verify/any/…"),
        RouteDeclaration(.verifyRoles, .any, "/api/v1/auth/verify/roles/{roles}/…"),
        // Names no role, which nobody has: an answer of verify, not a 404.
        RouteDeclaration(.verifyRoles, .any, "/api/v1/auth/verify/roles/…"),
        RouteDeclaration(.login, .post, "/api/v1/auth/login"),
        RouteDeclaration(.refresh, .post, "/api/v1/auth/refresh"),
        RouteDeclaration(.logout, .post, "/api/v1/auth/logout"),
        RouteDeclaration(.logoutAll, .post, "/api/v1/auth/logout-all", .token(anyOf: [])),
        RouteDeclaration(.register, .post, "/api/v1/auth/register"),
        RouteDeclaration(.password, .post, "/api/v1/auth/password", .token(anyOf: [])),
        RouteDeclaration(.me, [.get, .head], "/api/v1/me", .token(anyOf: [])),
        RouteDeclaration(.keys, [.get, .head], "/.well-known/jwks.json"),
        RouteDeclaration(.live, [.get, .head], "/livez"),
        RouteDeclaration(.ready, [.get, .head], "/readyz"),
    ]

    /// What pages use, with the cookie or an access token: allowed origins may, too (`CrossOrigin`). Not verify, which
    /// proxies and services ask, and nothing that only they or administrators use.
    static let forPages: Set<RouteID> = [.login, .refresh, .logout, .logoutAll, .register, .password, .me]

    /// Every route of the ops port.
    static let ops: [RouteDeclaration] = [
        RouteDeclaration(.live, [.get, .head], "/livez"),
        RouteDeclaration(.ready, [.get, .head], "/readyz"),
        RouteDeclaration(.metrics, [.get, .head], "/metrics"),
    ]
}
