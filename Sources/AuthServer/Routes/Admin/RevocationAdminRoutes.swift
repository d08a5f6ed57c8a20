import Auth
import HTTP
import JSON

/// `POST /api/v1/admin/revocations`
struct RevocationAdminRoutes: Sendable {
    /// A moment further ahead than clocks differ is a mistake: milliseconds for seconds, most of all.
    private static let leewaySeconds: Int64 = 60

    let service: AdministrationService

    func revoke(_ call: AdminCall) async throws(Refusal) -> Response {
        let target = try RevocationAdminRoutes.target(try call.body(), at: call.now)
        let ended = try await call.done { () async throws(AdministrationError) in
            try await service.revoke(target, at: call.now, as: call.authority, from: call.origin)
        }
        return Response.object { json in
            json.key("sessions_ended")
            json.integer(ended)
        }
    }

    private static func target(_ body: JSONBody, at now: UnixTime) throws(Refusal) -> RevocationTarget {
        var targets: [RevocationTarget] = []
        if let token = try body.identifier("jti") { targets.append(.token(token)) }
        if let session = try body.identifier("sid") { targets.append(.session(session)) }
        if let user = try body.identifier("sub") { targets.append(.user(user)) }
        let before = try body.read("sessions_before", "a moment such as 2026-01-02T03:04:05Z, or seconds since 1970") {
            $0.integer.flatMap { $0 >= 0 ? UnixTime(seconds: $0) : nil } ?? $0.string.flatMap { Timestamp.parse($0) }
        }
        if let before {
            guard before <= now.adding(seconds: leewaySeconds) else {
                throw Refusal(.invalidBody, "sessions_before must not lie in the future.")
            }
            targets.append(.sessionsBefore(before))
        }
        guard targets.count == 1 else {
            throw Refusal(.invalidBody, "Send exactly one of jti, sid, sub and sessions_before.")
        }
        return targets[0]
    }
}
