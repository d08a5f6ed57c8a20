import Foundation
import JSON
import TestSupport
import Testing

struct UnexpectedReply: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// What a login or refresh gave.
struct Tokens: Equatable {
    let access: String
    let refresh: String
}

extension RawClient {
    /// One request and its answer. What holds for every answer of the API is checked here.
    func exchange(
        _ method: String, _ target: String, _ fields: [String] = [], body: [UInt8]? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Reply {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: portcullis\r\n"
        for field in fields { head += field + "\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        send(Array((head + "\r\n").utf8) + (body ?? []))
        guard let reply = receive(headOnly: method == "HEAD") else {
            throw UnexpectedReply("no answer to \(method) \(target)")
        }
        reply.checkIdentity(sourceLocation)
        return reply
    }

    func get(
        _ target: String, token: String? = nil, _ fields: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Reply {
        try exchange("GET", target, fields + bearer(token), sourceLocation: sourceLocation)
    }

    func post(
        _ target: String, form: String, _ fields: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Reply {
        try exchange(
            "POST", target, ["Content-Type: application/x-www-form-urlencoded"] + fields, body: Array(form.utf8),
            sourceLocation: sourceLocation)
    }

    func post(
        _ target: String, json: String, _ fields: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Reply {
        try exchange(
            "POST", target, ["Content-Type: application/json"] + fields, body: Array(json.utf8),
            sourceLocation: sourceLocation)
    }

    func post(
        _ target: String, token: String? = nil, _ fields: [String] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Reply {
        try exchange("POST", target, fields + bearer(token), body: [], sourceLocation: sourceLocation)
    }

    private func bearer(_ token: String?) -> [String] { token.map { ["Authorization: Bearer \($0)"] } ?? [] }

    // MARK: The API

    func tryLogin(
        _ username: String, _ password: String = APIServer.password, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Reply {
        var json = JSONWriter()
        json.beginObject()
        json.key("username")
        json.string(username)
        json.key("password")
        json.string(password)
        json.endObject()
        return try post(
            "/api/v1/auth/login", json: String(decoding: json.bytes, as: UTF8.self), sourceLocation: sourceLocation)
    }

    func login(_ username: String, _ password: String = APIServer.password) throws -> Tokens {
        try tryLogin(username, password).tokens()
    }

    func loginAsAdmin() throws -> Tokens { try login("admin", APIServer.adminPassword) }

    func refresh(_ token: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> Reply {
        try post(
            "/api/v1/auth/refresh", json: #"{"refresh_token":"\#(token)"}"#, sourceLocation: sourceLocation)
    }

    /// The status of a verify.
    func verify(_ token: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> Int {
        try get("/api/v1/auth/verify", token: token, sourceLocation: sourceLocation).status
    }
}

extension RawClient.Reply {
    var object: JSONObject? { try? JSONValue(parsing: body).object }

    subscript(_ name: String) -> String? { object?[name]?.string }

    /// The last part of a problem's type.
    var problem: String? {
        guard field("content-type") == "application/problem+json" else { return nil }
        return self["type"].flatMap { $0.hasPrefix("urn:portcullis:problem:") ? String($0.dropFirst(23)) : nil }
    }

    var challenge: String? { field("www-authenticate") }

    /// Everything but what tells two requests apart: time and id.
    var shape: String {
        let kept = fields.filter { $0.name != "date" && $0.name != "x-request-id" }
        let head = "\(status)\n" + kept.map { "\($0.name): \($0.value)\n" }.joined()
        guard let id = field("x-request-id") else { return head + text }
        return head + text.replacingOccurrences(of: id, with: "(id)")
    }

    func tokens(sourceLocation: SourceLocation = #_sourceLocation) throws -> Tokens {
        guard status == 200, let access = self["access_token"], let refresh = self["refresh_token"] else {
            throw UnexpectedReply("no tokens but \(status) \(text)")
        }
        #expect(self["token_type"] == "bearer", sourceLocation: sourceLocation)
        return Tokens(access: access, refresh: refresh)
    }

    /// Each answer names its request, a problem by the same name, and none is the server's own failure.
    func checkIdentity(_ sourceLocation: SourceLocation) {
        let id = field("x-request-id")
        #expect(id?.isEmpty == false, sourceLocation: sourceLocation)
        #expect(field("date") != nil, sourceLocation: sourceLocation)
        #expect(status != 500, sourceLocation: sourceLocation)
        guard field("content-type") == "application/problem+json", !body.isEmpty else { return }
        #expect(self["request_id"] == id, sourceLocation: sourceLocation)
        #expect(object?["status"]?.integer == Int64(status), sourceLocation: sourceLocation)
        #expect(problem != nil, sourceLocation: sourceLocation)
        if status == 401 { #expect(challenge != nil, "RFC 9110 15.5.2", sourceLocation: sourceLocation) }
        if status == 429 || status == 503 {
            #expect(field("retry-after").flatMap { Int($0) } ?? 0 > 0, sourceLocation: sourceLocation)
        }
    }
}
