import Auth
import HTTP
import JSON

/// `GET /api/v1/me`
struct MeRoute: Sendable {
    let users: any UserStore

    func respond(to user: Identifier) async throws(Refusal) -> Response {
        let found: User?
        do throws(StoreError) { found = try await users.user(user) } catch { throw .unavailable }
        guard let found, found.isEnabled else { throw Refusal(.invalidToken, challenge: Challenge.invalidToken) }
        var json = JSONWriter()
        json.beginObject()
        json.key("id")
        json.string(found.id.description)
        json.key("username")
        json.string(found.username.text)
        json.key("roles")
        json.strings(found.roles.map(\.name))
        json.endObject()
        var response = Response.json(.ok, json.bytes)
        response.headers.append("Cache-Control", constant: "no-store")
        return response
    }
}
