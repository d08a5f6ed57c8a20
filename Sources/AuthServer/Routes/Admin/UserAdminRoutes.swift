import Auth
import HTTP
import JSON

/// `/api/v1/admin/users` and `/api/v1/admin/users/{id}`
struct UserAdminRoutes: Sendable {
    let store: any AdministrationStore
    let service: AdministrationService
    /// To tell a locked account.
    let attempts: AttemptCaps

    func page(_ call: AdminCall) async throws(Refusal) -> Response {
        let query = try AdminQuery(call.request, knowing: ["limit", "cursor", "username"])
        let (limit, after): (Int, Identifier?) = (try query.limit(), try query.cursor())
        let name = try query.value("username", "a name that an account can have") { Username($0) }
        let page = try await call.stored { () async throws(StoreError) in
            try await store.users(
                UserFilter(username: name), after: after, limit: limit, at: call.now, as: call.authority,
                from: call.origin)
        }
        return Response.page(page.items, next: page.next.map { Cursor.text($0) }) { user, json in
            json.members(of: user)
        }
    }

    /// 201, with the password when the server made it up.
    func create(_ call: AdminCall) async throws(Refusal) -> Response {
        let body = try call.body()
        guard let name = try body.string("username") else { throw Refusal(.invalidBody, "username is required.") }
        guard let username = Username(name) else {
            throw Refusal(
                .invalidBody,
                "username must be 1 to \(Username.maximumBytes) bytes, without white space at its ends and without "
                    + "characters that nobody can see.")
        }
        let (wanted, roles) = (try WantedPassword(body), try body.roles() ?? [])
        let issued = try await call.done { () async throws(AdministrationError) in
            try await service.create(
                username, roles: roles, password: wanted, at: call.now, as: call.authority, from: call.origin)
        }
        var response = Response.object(.created) { json in
            json.members(of: issued.user)
            json.members(of: issued)
        }
        do throws(InvalidFieldValue) {
            try response.headers.append("Location", "/api/v1/admin/users/\(issued.user.id)")
        } catch {
            throw .unavailable
        }
        return response
    }

    /// With how many attempts are counted against it, and whether they lock it.
    func show(_ call: AdminCall) async throws(Refusal) -> Response {
        let id = try call.id()
        try call.refuseQuery()
        let user = try await call.stored { () async throws(StoreError) in
            try await store.user(id, at: call.now, as: call.authority, from: call.origin)
        }
        let start = call.now.adding(milliseconds: -attempts.windowMilliseconds)
        let failed = try await call.done { () async throws(AdministrationError) in
            try await service.attempts(of: user, since: start, at: call.now, as: call.authority, from: call.origin)
        }
        return Response.object { json in
            json.members(of: user)
            json.key("failed_attempts")
            json.integer(failed)
            json.key("locked")
            json.bool(failed >= attempts.unknownDevices)
        }
    }

    func update(_ call: AdminCall) async throws(Refusal) -> Response {
        let id = try call.id()
        let body = try call.body()
        let change = UserChange(roles: try body.roles(), isEnabled: try body.bool("enabled"))
        guard change != UserChange() else { throw Refusal(.invalidBody, "Send roles, enabled or both.") }
        let user = try await call.done { () async throws(AdministrationError) in
            try await service.update(id, change, at: call.now, as: call.authority, from: call.origin)
        }
        return Response.object { json in json.members(of: user) }
    }

    func delete(_ call: AdminCall) async throws(Refusal) -> Response {
        let id = try call.id()
        try call.refuseQuery()
        try await call.done { () async throws(AdministrationError) in
            try await service.delete(id, at: call.now, as: call.authority, from: call.origin)
        }
        return .noContent
    }
}

extension WantedPassword {
    init(_ body: JSONBody) throws(Refusal) {
        self.init(text: try body.string("password"), isOneTime: try body.bool("one_time"))
    }
}

extension JSONWriter {
    /// What an administrator is told once.
    mutating func members(of issued: IssuedPassword) {
        if let password = issued.madeUp { member("password", password) }
        if let end = issued.expiresAt { member("password_expires_at", Timestamp.text(end)) }
    }
}
