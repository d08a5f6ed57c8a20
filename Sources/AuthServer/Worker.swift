import Auth
import HTTP
import HTTPServer
import JWT
import Passwords
import Reactor

/// What all workers of a node are made from.
struct WorkerParts: Sendable {
    let configuration: Configuration
    let clock: NodeClock
    let storage: any Storage
    let hashPool: HashPool
    let hub: RevocationHub
    let audit: AuditWriter
    let registrations: InProcessRegistrations
    let health: HealthRoutes
    let admin: AdminRoutes
    let log: EventLog
    let keyLook: KeyLook?
}

/// All that one loop owns: its view of keys and revocations, its token cache, the services with it, and the routes.
///
/// `@unchecked Sendable`: made before its loop serves, then touched only on that loop.
final class Worker: RequestHandler, @unchecked Sendable {
    private static let router = Router(RouteDeclaration.main.map(\.route))
    private static let routerWithoutRegistration = Router(
        RouteDeclaration.main.filter { $0.id != .register }.map(\.route))
    private static let access: [RouteID: Access] = Dictionary(
        RouteDeclaration.main.map { ($0.id, $0.access) }, uniquingKeysWith: { first, _ in first })

    let metrics = WorkerMetrics()
    /// How sure this loop may be of its revocations.
    let freshness: RevocationFreshness
    private let clock: NodeClock
    private let storage: any Storage
    /// Nil where nobody else makes keys.
    private let keyLook: KeyLook?
    private let router: Router
    private let health: HealthRoutes
    private let bodyLimit: Int
    private let accessLog: AccessLog?
    private let authenticator: TokenAuthenticator
    private let verify: VerifyRoute
    private let gate: TokenGate
    private var keys: KeyRingSnapshot
    private var keysRoute: KeysRoute
    private var keysNumber: UInt64 = 0
    private var revocationNumber: UInt64
    private var login: LoginRoute?
    private var refresh: RefreshRoute?
    private var logout: LogoutRoute?
    /// Nil where registration is closed.
    private var register: RegisterRoute?
    private var password: PasswordRoute?
    private let me: MeRoute
    private let crossOrigin: CrossOrigin
    private let admin: AdminRoutes
    private let audit: AuditWriter

    init(_ parts: WorkerParts, loop: Int, on eventLoop: EventLoop, keys: KeyRingSnapshot) throws {
        let configuration = parts.configuration
        freshness = RevocationFreshness(loop: eventLoop, awaitingFeed: parts.storage.isShared)
        storage = parts.storage
        keyLook = parts.keyLook
        let store = parts.storage.store(forLoop: loop)
        let revocations = parts.hub.snapshot
        router = configuration.registration == .open ? Worker.router : Worker.routerWithoutRegistration
        clock = parts.clock
        health = parts.health
        bodyLimit = configuration.requestBodyBytes
        accessLog = parts.log.accessLog()
        self.keys = keys
        keysRoute = try KeysRoute(keys)
        revocationNumber = revocations.number
        authenticator = try TokenAuthenticator(
            keys: keys.verification, revocations: revocations, issuer: configuration.issuer,
            audience: configuration.audience,
            limits: TokenCacheLimits(
                entries: configuration.tokenCacheEntries,
                bytes: configuration.tokenCacheEntries * configuration.tokenCacheBytesPerEntry))
        verify = VerifyRoute(authenticator: authenticator, asksForKeys: parts.keyLook != nil)
        gate = TokenGate(authenticator: authenticator, audit: parts.audit, clock: parts.clock)
        audit = parts.audit
        me = MeRoute(users: store)
        crossOrigin = try CrossOrigin(allowedOrigins: configuration.allowedOrigins)
        admin = parts.admin
        try makeServices(parts, store, parts.storage.throttle(forLoop: loop))
    }

    private func makeServices(_ parts: WorkerParts, _ store: any Stores, _ throttle: any LoginThrottle) throws {
        let configuration = parts.configuration
        let issuer = TokenIssuer(
            issuer: configuration.issuer, audience: configuration.audience,
            lifetimeSeconds: Int64(configuration.accessTokenSeconds))
        let limits = LoginLimits()
        let cookie = RefreshCookie(
            allowedOrigins: configuration.allowedOrigins, maximumAgeSeconds: limits.idleSeconds)
        let state: @Sendable () -> AuthState = { [unowned self] in self.state }
        let check = try PasswordCheck(
            throttle: throttle, attempts: store, hasher: parts.hashPool, caps: configuration.attemptCaps,
            parameters: configuration.passwordHash, state: state)
        login = LoginRoute(
            service: LoginService(
                check: check, users: store, sessions: store, hasher: parts.hashPool, publisher: parts.hub,
                audit: parts.audit, issuer: issuer, limits: limits, parameters: configuration.passwordHash,
                state: state),
            cookie: cookie, throttled: metrics.throttled)
        password = PasswordRoute(
            service: PasswordService(
                check: check, users: store, passwords: store, hasher: parts.hashPool,
                publisher: parts.hub, audit: parts.audit, issuer: issuer, policy: configuration.passwordPolicy,
                graceSeconds: Int64(configuration.refreshGraceSeconds),
                state: state),
            cookie: cookie, throttled: metrics.throttled)
        if configuration.registration == .open {
            register = RegisterRoute(
                service: RegistrationService(
                    throttle: throttle, desk: parts.registrations, users: store, hasher: parts.hashPool,
                    audit: parts.audit, policy: configuration.passwordPolicy, state: state),
                throttled: metrics.throttled)
        }
        refresh = RefreshRoute(
            service: RefreshService(
                throttle: throttle, sessions: store, publisher: parts.hub, issuer: issuer,
                graceSeconds: Int64(configuration.refreshGraceSeconds), state: state),
            cookie: cookie, throttled: metrics.throttled)
        logout = LogoutRoute(
            service: LogoutService(sessions: store, publisher: parts.hub, state: state), cookie: cookie)
    }

    private var state: AuthState {
        AuthState(now: clock.now, keys: keys, generation: authenticator.generation)
    }

    // MARK: Snapshots, on the loop

    /// Snapshots of several publishers may arrive in another order than they were made.
    func update(_ revocations: RevocationSet) {
        guard revocations.number > revocationNumber else { return }
        revocationNumber = revocations.number
        authenticator.update(revocations: revocations)
    }

    /// False when these keys cannot be used; then those of before stay.
    func update(_ keys: KeyRingSnapshot, _ number: UInt64) -> Bool {
        guard number > keysNumber else { return true }
        do { try use(keys) } catch { return false }
        keysNumber = number
        return true
    }

    private func use(_ keys: KeyRingSnapshot) throws {
        // Unchanged keys would make every cached token be checked anew for nothing.
        if keys.verification.map(\.keyID) != self.keys.verification.map(\.keyID) {
            try authenticator.update(keys: keys.verification)
            keysRoute = try KeysRoute(keys)
        }
        self.keys = keys
    }

    func publishMetrics() { metrics.publish(authenticator) }

    // MARK: Requests

    func begin(
        _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, _ exchange: Exchange, _ frame: ResponseFrame,
        _ output: inout OutputBuffer
    ) -> Reply {
        let path = head.path.of(bytes)
        let match = router.match(head.method, path)
        guard case .found(let id, let parameters) = match, let route = RouteID(rawValue: id) else {
            var response = Unrouted.response(to: match, exchange.requestID)
            response.headers.append(crossOrigin.fields(head, bytes))
            return write(PreparedResponse(response), .none, exchange, frame, &output)
        }
        switch route {
        case .verify, .verifyAny, .verifyRoles:
            let demand = VerifyRoute.Demand(route, head, bytes, parameters.first.map { $0.of(path) })
            return answer(demand, on: route, head, bytes, exchange, frame, &output)
        case .live: return write(health.live(at: exchange.firstByte), route, exchange, frame, &output)
        case .ready: return write(health.ready(head.query?.of(bytes), exchange), route, exchange, frame, &output)
        case .keys: return write(keysRoute.response(head, bytes), route, exchange, frame, &output)
        case .none, .login, .refresh, .logout, .logoutAll, .me, .metrics, .register, .password, .adminUsers,
            .adminUser, .adminUserSessions, .adminUserLock, .adminUserPassword, .adminRevocations, .adminAudit,
            .adminTokenInspect,
            .adminKeys, .adminKeysRotate, .adminKeysReseal:
            return .collect(bodyLimit: bodyLimit, fields: crossOrigin.fields(head, bytes))
        }
    }

    /// The hot path, while the loop is sure of its revocations and has the token's key.
    private func answer(
        _ demand: VerifyRoute.Demand, on route: RouteID, _ head: borrowing RequestHead,
        _ bytes: UnsafeRawBufferPointer, _ exchange: Exchange, _ frame: ResponseFrame, _ output: inout OutputBuffer
    ) -> Reply {
        if freshness.isConfirmed {
            let answer = verify.answer(demand, head, bytes, now: clock.now.seconds, exchange, frame, &output)
            if let answer {
                count(route, answer.status, answer.problem, exchange)
                return .answered
            }
        } else if freshness.standing != .resuming {
            let response = verify.response(
                demand, head, bytes, now: clock.now.seconds, freshness.standing, unknownKey: nil, exchange.requestID)
            if let response { return write(PreparedResponse(response), route, exchange, frame, &output) }
        }
        switch head.body {
        case .length(let length) where length > bodyLimit:
            // It would be waited for, too.
            let response = VerifyRoute.unavailable(exchange.requestID)
            return write(PreparedResponse(response), route, exchange, frame, &output)
        case .chunked:
            let response = VerifyRoute.unavailable(exchange.requestID)
            return write(PreparedResponse(response), route, exchange, frame, &output)
        case .none, .length: return .collect(bodyLimit: bodyLimit)
        }
    }

    /// A verify that had to wait: for the revocations after a pause, or for a look at the key ring.
    private func verifyLater(_ request: Request, on route: RouteID, _ exchange: Exchange) async -> Response {
        await freshness.settle()
        if let response = verifyNow(request, on: route, unknownKey: nil, exchange) { return response }
        let isRingKnown = await keyLook?.look() ?? true
        let refusal = isRingKnown ? Refusal.invalidToken(.invalid(.unknownKey)) : Refusal.unavailable
        return verifyNow(request, on: route, unknownKey: refusal, exchange)
            ?? VerifyRoute.unavailable(exchange.requestID)
    }

    private func verifyNow(
        _ request: Request, on route: RouteID, unknownKey: Refusal?, _ exchange: Exchange
    ) -> Response? {
        request.headBytes.withUnsafeBytes { bytes in
            let path = request.head.path.of(bytes)
            var segment: UnsafeRawBufferPointer?
            if case .found(_, let parameters) = router.match(request.method, path) {
                segment = parameters.first.map { $0.of(path) }
            }
            let demand = VerifyRoute.Demand(route, request.head, bytes, segment)
            return verify.response(
                demand, request.head, bytes, now: clock.now.seconds, freshness.standing, unknownKey: unknownKey,
                exchange.requestID)
        }
    }

    private func write(
        _ response: borrowing PreparedResponse, _ route: RouteID, _ exchange: Exchange, _ frame: ResponseFrame,
        _ output: inout OutputBuffer
    ) -> Reply {
        ResponseSerializer.write(
            response, to: &output, date: frame.date, requestID: exchange.requestID, keepAlive: frame.keepAlive,
            headOnly: frame.headOnly)
        count(route, response.status, response.problem, exchange)
        return .answered
    }

    func respond(to request: Request, _ exchange: Exchange) async -> Response {
        let match = request.withBytes(of: request.head.path) { router.match(request.method, $0) }
        let route: RouteID
        let response: Response
        if case .found(let id, let parameters) = match, let found = RouteID(rawValue: id) {
            route = found
            do throws(Refusal) {
                response = try await respond(to: request, on: route, request.parameters(parameters), exchange)
            } catch {
                if error.isCrossSite {
                    audit.record(
                        AuditEntry(
                            at: clock.now, event: .requestCrossSite, actor: .anonymous, origin: exchange.origin,
                            detail: route.template))
                }
                response = error.response(exchange.requestID)
            }
        } else {
            route = .none
            response = Unrouted.response(to: match, exchange.requestID)
        }
        count(route, response.status, response.problem, exchange)
        return response
    }

    private func respond(
        to request: Request, on route: RouteID, _ parameters: [String], _ exchange: Exchange
    ) async throws(Refusal) -> Response {
        let subject = try await enforce(request, on: route, exchange)
        try checkFleet(for: route)
        switch route {
        case .login where request.head.authorization.count > 1, .refresh where request.head.authorization.count > 1,
            .register where request.head.authorization.count > 1:
            // No access token is looked at here; still nobody can say which of the two was meant.
            throw Refusal(.malformedRequest, "Send one Authorization field, not two.")
        case .login: return try await required(login).respond(to: request, exchange)
        case .refresh: return try await required(refresh).respond(to: request, from: exchange.origin)
        case .logout:
            let access = try await withKeys { () throws(Refusal) in try gate.logoutSubject(request) }
            return try await required(logout).respond(to: request, access: access, from: exchange.origin)
        case .logoutAll:
            return try await required(logout).respondToAll(
                to: request, subject: required(subject), from: exchange.origin)
        case .register:
            return try await required(register).respond(to: request, from: exchange.origin)
        case .password:
            return try await required(password).respond(to: request, by: required(subject), exchange)
        case .me: return try await me.respond(to: required(subject).user)
        case .adminUsers, .adminUser, .adminUserSessions, .adminUserLock, .adminUserPassword, .adminRevocations,
            .adminAudit, .adminKeys, .adminKeysRotate:
            let subject = try required(subject)
            return try await admin.respond(
                to: request, on: route, parameters: parameters,
                as: .user(subject.user, version: subject.userVersion), from: exchange.origin)
        case .verify, .verifyAny, .verifyRoles: return await verifyLater(request, on: route, exchange)
        case .none, .keys, .live, .ready, .metrics, .adminTokenInspect, .adminKeysReseal: throw .unavailable
        }
    }

    /// Whose the request is, once this loop can say so.
    private func enforce(
        _ request: Request, on route: RouteID, _ exchange: Exchange
    ) async throws(Refusal) -> RevocationSubject? {
        let access = Worker.access[route] ?? .token(anyOf: [])
        guard access != .open else { return nil }
        await freshness.settle()
        let subject = try await withKeys { () throws(Refusal) in
            try gate.enforce(access, request, on: route, exchange)
        }
        if freshness.standing == .lost { throw .unavailable }
        return subject
    }

    /// Asks again after a look at the ring when `body` meets a key that it does not have.
    private func withKeys<Value>(_ body: () throws(Refusal) -> Value) async throws(Refusal) -> Value {
        do throws(Refusal) { return try body() } catch {
            guard error.isUnknownKey, let keyLook else { throw error }
            guard await keyLook.look() else { throw .unavailable }
            return try body()
        }
    }

    /// What needs the database, or a time that may be written into a token, is refused before it costs anything: nothing
    /// is hashed and nothing counted, whatever the name.
    private func checkFleet(for route: RouteID) throws(Refusal) {
        switch route {
        case .login, .refresh, .register, .password:
            if storage.isAway || !clock.isTrusted { throw .unavailable }
        default: break
        }
    }

    /// What is there by construction; an answer, not a trap, if it were not.
    private func required<Value>(_ value: Value?) throws(Refusal) -> Value {
        guard let value else { throw .unavailable }
        return value
    }

    func refused(_ status: Status, _ exchange: Exchange) {
        count(.none, status, Problem(RequestError(status, "")).slug, exchange)
    }

    private func count(_ route: RouteID, _ status: Status, _ problem: StaticString?, _ exchange: Exchange) {
        let nanoseconds = MonotonicTime.now.nanoseconds(since: exchange.firstByte)
        metrics.requests.count(route, status: status.code, nanoseconds: nanoseconds)
        accessLog?.note(route, status, problem, nanoseconds: nanoseconds, exchange)
    }
}
