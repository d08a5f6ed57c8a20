import Auth
import HTTP

/// What lets a user in, below `/api/v1/admin/users/{id}`: `sessions`, `lock` and `password`.
struct AccessAdminRoutes: Sendable {
    let store: any AdministrationStore
    let service: AdministrationService

    /// Those that can still be used: there are few enough for one page.
    func sessions(_ call: AdminCall) async throws(Refusal) -> Response {
        let id = try call.id()
        try call.refuseQuery()
        let sessions = try await call.stored { () async throws(StoreError) in
            try await store.sessions(of: id, at: call.now, as: call.authority, from: call.origin)
        }
        let alive = sessions.filter { call.now < $0.idleExpiresAt && call.now < $0.absoluteExpiresAt }
        return Response.page(alive, next: nil) { session, json in json.members(of: session) }
    }

    func endSessions(_ call: AdminCall) async throws(Refusal) -> Response {
        let id = try call.id()
        try call.refuseQuery()
        try await call.done { () async throws(AdministrationError) in
            try await service.revoke(.user(id), at: call.now, as: call.authority, from: call.origin)
        }
        return .noContent
    }

    func unlock(_ call: AdminCall) async throws(Refusal) -> Response {
        let id = try call.id()
        try call.refuseQuery()
        try await call.done { () async throws(AdministrationError) in
            try await service.unlock(id, at: call.now, as: call.authority, from: call.origin)
        }
        return .noContent
    }

    func resetPassword(_ call: AdminCall) async throws(Refusal) -> Response {
        let id = try call.id()
        let wanted = try WantedPassword(try call.body())
        let issued = try await call.done { () async throws(AdministrationError) in
            try await service.resetPassword(of: id, to: wanted, at: call.now, as: call.authority, from: call.origin)
        }
        return Response.object { json in
            json.member("id", issued.user.id.description)
            json.member("username", issued.user.username.text)
            json.members(of: issued)
        }
    }
}
