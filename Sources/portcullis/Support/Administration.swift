import Auth
import AuthServer
import HTTP
import JSON

/// The administrators' API, as the commands use it: a refusal is a `CommandFailure`.
struct Administration {
    /// As many as the API gives at once.
    static let pageLimit = 200
    private static let base = "/api/v1/admin"

    let session: ControlSession

    init(_ session: ControlSession) { self.session = session }

    /// `path` is what follows `/api/v1/admin`. `arguments` are the command's by the API's names of them, for refusals
    /// that begin with such a name.
    @discardableResult
    func request(
        _ method: HTTP.Method, _ path: String, _ body: [(name: String, value: JSONValue)]? = nil,
        arguments: [String: String] = [:]
    ) throws -> JSONObject {
        let body = body.map { members in
            JSONValue.object(JSONObject(members: members.map { JSONObject.Member(name: $0.name, value: $0.value) }))
        }
        let reply = try session.request(method, Administration.base + path, body: body)
        guard (200...299).contains(reply.status) else {
            throw CommandFailure(refusal: reply, ofUser: path.hasPrefix("/users"), arguments)
        }
        return reply.json?.object ?? JSONObject(members: [])
    }

    /// All items of a list, page after page.
    func items(_ path: String, query: [(name: String, value: String)] = []) throws -> [JSONObject] {
        var items: [JSONObject] = []
        var cursor: String?
        repeat {
            let limit = [("limit", String(Administration.pageLimit))] + (cursor.map { [("cursor", $0)] } ?? [])
            let page = try request(.get, path + Administration.query(query + limit))
            items += page.objects("items")
            cursor = page["next"]?.string
        } while cursor != nil
        return items
    }

    /// The account of that name or id.
    func user(_ nameOrID: String) throws -> JSONObject {
        if let id = Identifier(nameOrID) {
            do {
                return try request(.get, "/users/\(id)")
            } catch let failure as CommandFailure where failure.code == CommandFailure.Code.noUser.rawValue {}
        }
        // What cannot be a name is nobody's.
        if Username(nameOrID) != nil {
            let page = try request(.get, "/users" + Administration.query([("username", nameOrID)]))
            if let user = page.objects("items").first { return user }
        }
        throw CommandFailure(.noUser, "There is no user \(Table.printable(nameOrID)).")
    }

    func userID(_ nameOrID: String) throws -> String { try user(nameOrID).text("id") }

    /// `?name=value&…`
    static func query(_ values: [(name: String, value: String)]) -> String {
        "?" + values.map { "\($0.name)=\(percentEncoded($0.value))" }.joined(separator: "&")
    }

    /// All but the unreserved characters (RFC 3986 section 2.3).
    private static func percentEncoded(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                return String(UnicodeScalar(byte))
            default: return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}

extension CommandFailure {
    /// From a problem of the API.
    fileprivate init(refusal reply: ControlReply, ofUser: Bool, _ arguments: [String: String]) {
        let problem = reply.json?.object
        let slug = problem?["type"]?.string?.split(separator: ":").last.map(String.init)
        var detail =
            problem?["detail"]?.string ?? (slug == "username-taken" ? "There is an account of that name." : nil)
            ?? problem?["title"]?.string ?? "The server answered \(reply.status)."
        if let name = arguments.first(where: { detail.hasPrefix($0.key + " ") }) {
            detail = name.value + detail.dropFirst(name.key.count)
        }
        let code: Code =
            switch (slug, reply.status) {
            case ("username-taken", _): .cannotCreate
            case ("last-administrator", _), (_, 401), (_, 403): .notPermitted
            case (_, 404): ofUser ? .noUser : .data
            case ("master-key-file", _): .data
            case (_, 409), (_, 429), (_, 503): .temporaryFailure
            case (_, 400...499): .data
            default: .internalFailure
            }
        let wait = reply.retryAfterSeconds.map { " Try again in \($0) seconds." } ?? ""
        self.init(code, code == .temporaryFailure ? detail + wait : detail)
    }
}

extension JSONObject {
    /// A member that is always there, as people read it; "-" for none.
    func text(_ name: String) -> String {
        switch self[name] {
        case .string(let text): text
        case .integer(let number): String(number)
        case .bool(let value): value ? "yes" : "no"
        case .array(let values): values.isEmpty ? "-" : values.compactMap(\.string).joined(separator: ", ")
        default: "-"
        }
    }

    /// A moment, `2026-01-02 03:04:05`, in UTC.
    func time(_ name: String) -> String {
        var text = self.text(name)
        if text.hasSuffix("Z") { text.removeLast() }
        return text.replacing("T", with: " ")
    }

    func objects(_ name: String) -> [JSONObject] { self[name]?.array?.compactMap(\.object) ?? [] }

    var json: [UInt8] { JSONValue.object(self).json }
}

extension JSONValue {
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }
}
