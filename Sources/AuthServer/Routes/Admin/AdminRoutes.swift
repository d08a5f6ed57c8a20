import Auth
import HTTP

/// One administrator's request on its way: from the main port by an access token, or from the machine's owner.
struct AdminCall: Sendable {
    let request: Request
    /// What stood in place of `{…}` in the route's path.
    let parameters: [String]
    let authority: Authority
    let origin: RequestOrigin
    let now: UnixTime

    /// The first parameter. What is no UUID names nothing: 404.
    func id() throws(Refusal) -> Identifier {
        guard let text = parameters.first, let id = Identifier(text) else { throw Refusal(.notFound) }
        return id
    }

    /// For routes that take no parameters.
    func refuseQuery() throws(Refusal) { _ = try AdminQuery(request) }

    /// Of a route that takes no parameters.
    func body() throws(Refusal) -> JSONBody {
        try refuseQuery()
        return try JSONBody(request)
    }

    /// What a store answered.
    func stored<Value>(
        _ ask: () async throws(StoreError) -> AdminResult<Value>
    ) async throws(Refusal) -> Value {
        let result: AdminResult<Value>
        do throws(StoreError) { result = try await ask() } catch { throw .unavailable }
        return try result.value(at: now)
    }

    /// What the service came to.
    @discardableResult
    func done<Value>(
        _ ask: () async throws(AdministrationError) -> AdminResult<Value>
    ) async throws(Refusal) -> Value {
        let result: AdminResult<Value>
        do throws(AdministrationError) { result = try await ask() } catch { throw Refusal(error) }
        return try result.value(at: now)
    }
}

/// Everything below `/api/v1/admin`. Knows no loop: the port's workers and the control socket call it alike. Whether the
/// token, if any, allows it was asked before; whether the account still does is asked by the store.
struct AdminRoutes: Sendable {
    private let users: UserAdminRoutes
    private let access: AccessAdminRoutes
    private let revocations: RevocationAdminRoutes
    private let audit: AuditAdminRoutes
    private let tokens: TokenInspection
    private let keys: KeyAdminRoutes
    private let clock: NodeClock

    init(
        store: any AdministrationStore, service: AdministrationService, attempts: AttemptCaps, tokens: TokenInspection,
        keys: KeyHub, clock: NodeClock
    ) {
        users = UserAdminRoutes(store: store, service: service, attempts: attempts)
        access = AccessAdminRoutes(store: store, service: service)
        revocations = RevocationAdminRoutes(service: service)
        audit = AuditAdminRoutes(store: store)
        self.tokens = tokens
        self.keys = KeyAdminRoutes(hub: keys)
        self.clock = clock
    }

    /// `lookup` never rotates.
    init(
        _ configuration: Configuration, _ backend: Backend, _ hub: RevocationHub, _ keyHub: KeyHub, lookup: LookupKeys
    ) {
        self.init(
            store: backend.storage.store,
            service: AdministrationService(
                store: backend.storage.store, hasher: backend.hashPool, throttle: backend.storage.throttle,
                publisher: hub,
                lookup: lookup, policy: configuration.passwordPolicy,
                oneTimeSeconds: Int64(configuration.oneTimePasswordSeconds)),
            attempts: configuration.attemptCaps,
            tokens: TokenInspection(
                issuer: configuration.issuer, audience: configuration.audience, keys: { keyHub.snapshot },
                revocations: { hub.snapshot }), keys: keyHub, clock: backend.clock)
    }

    /// `parameters` as `Request.parameters` gives them.
    func respond(
        to request: Request, on route: RouteID, parameters: [String], as authority: Authority,
        from origin: RequestOrigin
    ) async throws(Refusal) -> Response {
        let call = AdminCall(
            request: request, parameters: parameters, authority: authority, origin: origin, now: clock.now)
        switch (route, request.method) {
        case (.adminUsers, .post): return try await users.create(call)
        case (.adminUsers, _): return try await users.page(call)
        case (.adminUser, .patch): return try await users.update(call)
        case (.adminUser, .delete): return try await users.delete(call)
        case (.adminUser, _): return try await users.show(call)
        case (.adminUserSessions, .delete): return try await access.endSessions(call)
        case (.adminUserSessions, _): return try await access.sessions(call)
        case (.adminUserLock, _): return try await access.unlock(call)
        case (.adminUserPassword, _): return try await access.resetPassword(call)
        case (.adminRevocations, _): return try await revocations.revoke(call)
        case (.adminAudit, _): return try await audit.page(call)
        case (.adminTokenInspect, _): return try tokens.respond(call)
        case (.adminKeys, _): return try await keys.list(call)
        case (.adminKeysRotate, _): return try await keys.rotate(call)
        case (.adminKeysReseal, _): return try await keys.reseal(call)
        default: throw .unavailable
        }
    }
}

extension Request {
    /// What stood in place of `{…}`, raw: a path that needs decoding is another path.
    func parameters(_ matched: Router.Parameters) -> [String] {
        guard let first = matched.first else { return [] }
        return withBytes(of: head.path) { path in
            [first, matched.second].compactMap { $0.map { String(decoding: $0.of(path), as: UTF8.self) } }
        }
    }
}
