import Foundation
import Glibc
import JSON
import TestSupport
import Testing

/// What a login or a refresh gave.
struct Tokens: Sendable, Equatable {
    let access: String
    let refresh: String

    /// Nil unless it is the answer to a login or refresh that was granted.
    init?(_ reply: RawClient.Reply?) {
        guard let reply, reply.status == 200, let value = try? JSONValue(parsing: reply.body.span.bytes),
            let access = value.object?["access_token"]?.string, let refresh = value.object?["refresh_token"]?.string
        else { return nil }
        self.access = access
        self.refresh = refresh
    }
}

/// The requests of the API, over a connection that is kept.
extension RawClient {
    static let get = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"

    /// Unlike `/livez` always 200, even of a server that was frozen for long.
    static let keys = "GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n"

    static func verify(_ access: String) -> String {
        "GET /api/v1/auth/verify HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(access)\r\n\r\n"
    }

    /// Values of letters, digits and what a form does not escape alone.
    static func form(_ path: String, _ body: String) -> String {
        "POST /api/v1/auth/\(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static func login(_ password: String = Installation.password) -> String {
        form("login", "username=admin&password=\(password)")
    }

    func live() -> Int? { request(RawClient.get)?.status }
    func status(_ path: String) -> Int? { request("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")?.status }
    func verify(_ access: String) -> Int? { request(RawClient.verify(access))?.status }
    func login(_ password: String = Installation.password) -> Reply? { ask(RawClient.login(password)) }
    func login(_ name: String, _ password: String) -> Reply? {
        ask(RawClient.form("login", "username=\(name)&password=\(password)"))
    }
    func refresh(_ token: String) -> Reply? { ask(RawClient.form("refresh", "refresh_token=\(token)")) }
    func logout(_ token: String) -> Int? { ask(RawClient.form("logout", "refresh_token=\(token)"))?.status }

    /// A disk that is kept busy by others makes a change wait too long: 503 says that it was not made, and when to ask
    /// again.
    private func ask(_ text: String) -> Reply? {
        var reply = request(text)
        for _ in 0..<4 where reply?.status == 503 {
            #expect(reply?.field("retry-after") != nil)
            reply = request(text)
        }
        return reply
    }

    /// Keys in the JWKS.
    func publishedKeys() -> Int? {
        request("GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\n\r\n")?.text.split(separator: "\"kid\"")
            .count.advanced(by: -1)
    }

    /// The sum of a figure's samples.
    func metric(_ name: String) throws -> Double {
        let page = try #require(request("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        let lines = page.text.split(separator: "\n").filter { line in
            line.hasPrefix("portcullis_\(name) ") || line.hasPrefix("portcullis_\(name){")
        }
        try #require(!lines.isEmpty, "no figure \(name)")
        return lines.reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? 0) }
    }
}

/// Runs `body` on that many threads, each a client of its own, and comes back when all are done.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) async throws {
    let results = await withTaskGroup(of: Result<Void, any Error>.self) { group in
        for index in 0..<count {
            group.addTask {
                await withCheckedContinuation { continuation in
                    Thread.detachNewThread { continuation.resume(returning: Result { try body(index) }) }
                }
            }
        }
        return await group.reduce(into: []) { $0.append($1) }
    }
    for result in results { try result.get() }
}
