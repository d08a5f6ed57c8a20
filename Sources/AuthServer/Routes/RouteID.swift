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
    case adminUsers
    case adminUser
    case adminUserSessions
    case adminUserLock
    case adminUserPassword
    case adminRevocations
    case adminAudit
    case adminKeys
    case adminKeysRotate
    case adminKeysReseal
    case adminTokenInspect

    /// The route's template, as metrics and logs name it.
    var template: String {
        (RouteDeclaration.main + RouteDeclaration.ops + RouteDeclaration.control).first { $0.id == self }?.route.pattern
            .description ?? "none"
    }
}

/// Who may use a route. Declared with the route, enforced before its handler runs; no handler checks a role.
enum Access: Sendable, Equatable {
    /// Anyone; the handler looks at the credentials it is there for itself (a password, a token to verify).
    case open
    /// A good access token, and one of these roles if there are any.
    case token(anyOf: [String])

    static let administrators = Access.token(anyOf: ["admin"])
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
        RouteDeclaration(.adminUsers, [.get, .head, .post], "/api/v1/admin/users", .administrators),
        RouteDeclaration(.adminUser, [.get, .head, .patch, .delete], "/api/v1/admin/users/{id}", .administrators),
        RouteDeclaration(
            .adminUserSessions, [.get, .head, .delete], "/api/v1/admin/users/{id}/sessions", .administrators),
        RouteDeclaration(.adminUserLock, .delete, "/api/v1/admin/users/{id}/lock", .administrators),
        RouteDeclaration(.adminUserPassword, .post, "/api/v1/admin/users/{id}/password", .administrators),
        RouteDeclaration(.adminRevocations, .post, "/api/v1/admin/revocations", .administrators),
        RouteDeclaration(.adminAudit, [.get, .head], "/api/v1/admin/audit", .administrators),
        RouteDeclaration(.adminKeys, [.get, .head], "/api/v1/admin/keys", .administrators),
        RouteDeclaration(.adminKeysRotate, .post, "/api/v1/admin/keys/rotate", .administrators),
    ]

    /// What pages use, with the cookie or an access token: allowed origins may, too (`CrossOrigin`). Not verify, which
    /// proxies and services ask, and nothing that only they or administrators use.
    static let forPages: Set<RouteID> = [.login, .refresh, .logout, .logoutAll, .register, .password, .me]

    /// Every route of the control socket: administration, and what only who owns the machine may ask.
    static let control: [RouteDeclaration] =
        main.filter { $0.access == .administrators } + [
            RouteDeclaration(.adminTokenInspect, .post, "/api/v1/admin/tokens/inspect", .administrators),
            RouteDeclaration(.adminKeysReseal, .post, "/api/v1/admin/keys/reseal", .administrators),
        ]

    /// Every route of the ops port.
    static let ops: [RouteDeclaration] = [
        RouteDeclaration(.live, [.get, .head], "/livez"),
        RouteDeclaration(.ready, [.get, .head], "/readyz"),
        RouteDeclaration(.metrics, [.get, .head], "/metrics"),
    ]
}
