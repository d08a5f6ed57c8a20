import Auth
import JSON
import TestSupport
import Testing

/// An administrator at one connection.
struct Administrator {
    let client: RawClient
    let token: String

    init(_ client: RawClient, token: String) {
        self.client = client
        self.token = token
    }

    init(_ server: APIServer) throws {
        client = try server.client()
        token = try client.loginAsAdmin().access
    }

    /// `path` is what follows `/api/v1/admin/`.
    func ask(
        _ method: String, _ path: String, _ json: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> RawClient.Reply {
        try ask(method, path, body: json.map { Array($0.utf8) }, sourceLocation: sourceLocation)
    }

    func ask(
        _ method: String, _ path: String, body: [UInt8]?, type: String = "application/json",
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> RawClient.Reply {
        let fields = ["Authorization: Bearer \(token)"] + (body == nil ? [] : ["Content-Type: \(type)"])
        let reply = try client.exchange(
            method, "/api/v1/admin/\(path)", fields, body: body, sourceLocation: sourceLocation)
        if ![404, 405, 413].contains(reply.status) {
            #expect(reply.field("cache-control") == "no-store", sourceLocation: sourceLocation)
        }
        return reply
    }

    func get(_ path: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> RawClient.Reply {
        try ask("GET", path, sourceLocation: sourceLocation)
    }

    /// Makes a user with the password of all test users.
    func create(
        _ name: String, roles: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        let list = roles.map { "\"\($0)\"" }.joined(separator: ",")
        let reply = try ask(
            "POST", "users", #"{"username":"\#(name)","password":"\#(APIServer.password)","roles":[\#(list)]}"#,
            sourceLocation: sourceLocation)
        guard reply.status == 201, let id = reply["id"] else {
            throw UnexpectedReply("no user but \(reply.status) \(reply.text)")
        }
        return id
    }

    /// Every item of a list, page by page; `between` runs after each page but the last.
    func all(_ path: String, limit: Int, between: (Int) throws -> Void = { _ in }) throws -> [JSONObject] {
        var items: [JSONObject] = []
        var cursor: String?
        for number in 0..<1000 {
            let mark = path.contains("?") ? "&" : "?"
            let page = try get("\(path)\(mark)limit=\(limit)" + (cursor.map { "&cursor=\($0)" } ?? ""))
            guard page.status == 200 else { throw UnexpectedReply("no page but \(page.status) \(page.text)") }
            let found = page.items
            #expect(found.count <= limit)
            items += found
            guard let next = page["next"] else { return items }
            cursor = next
            try between(number)
        }
        throw UnexpectedReply("pages without end")
    }
}

extension RawClient.Reply {
    var items: [JSONObject] { object?["items"]?.array?.compactMap(\.object) ?? [] }

    var detail: String { self["detail"] ?? "" }

    var roles: [String] { object?["roles"]?.array?.compactMap(\.string) ?? [] }
}

extension String {
    /// Of a user or a session in a test that would stop without one.
    func identifier() throws -> Identifier {
        guard let id = Identifier(self) else { throw UnexpectedReply("no id: \(self)") }
        return id
    }
}
