import HTTP
import HTTPServer
import JSON
import Reactor
import TestSupport
import Testing

/// A login server in memory, which can be told to answer otherwise, or not at all.
final class SmallTarget: RequestHandler, @unchecked Sendable {
    // @unchecked: what it holds is locked.
    struct State {
        var passwords: [String: String] = [:]
        var refreshTokens: [String: String] = [:]
        var issued = 0
        /// Requests by path.
        var counts: [String: Int] = [:]
        /// Instead of what a path would answer.
        var answers: [String: Response] = [:]
        /// How often `answers` are given; then they are forgotten.
        var answersLeft = Int.max
        /// Paths that are answered only when the peer is gone.
        var silent: Set<String> = []
    }

    let state = Lock(State())

    func count(_ path: String) -> Int { state.withLock { $0.counts[path] ?? 0 } }

    func answer(_ path: String, _ code: UInt16, _ body: String = "{}", times: Int = .max) {
        state.withLock {
            $0.answers[path] = Response(
                Status(code, "Said"), contentType: "application/json", body: Array(body.utf8))
            $0.answersLeft = times
        }
    }

    func begin(
        _ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer, _ exchange: Exchange, _ frame: ResponseFrame,
        _ output: inout OutputBuffer
    ) -> Reply { .collect(bodyLimit: 4_096) }

    func respond(to request: Request, _ exchange: Exchange) async -> Response {
        let isSilent = state.withLock { state in
            state.counts[request.path, default: 0] += 1
            return state.silent.contains(request.path)
        }
        if isSilent { while !Task.isCancelled { await Task.yield() } }
        return state.withLock { SmallTarget.answer(request, &$0) }
    }

    func refused(_ status: Status, _ exchange: Exchange) {}

    private static func answer(_ request: Request, _ state: inout State) -> Response {
        if let told = state.answers[request.path] {
            state.answersLeft -= 1
            if state.answersLeft == 0 { state.answers = [:] }
            return told
        }
        let members = members(request.body)
        let (name, password) = (members?["username"]?.string ?? "", members?["password"]?.string ?? "")
        switch request.path {
        case "/plant":
            guard state.passwords.updateValue(password, forKey: name) == nil else { return Response(.conflict) }
            return Response(.created)
        case "/login":
            guard state.passwords[name] == password, !password.isEmpty else { return Response(.unauthorized) }
            return tokens(of: name, &state)
        case "/refresh":
            let token = members?["refresh_token"]?.string ?? ""
            guard let name = state.refreshTokens.removeValue(forKey: token) else { return Response(.unauthorized) }
            return tokens(of: name, &state)
        case "/verify":
            let isGood = request.field("authorization")?.hasPrefix("Bearer good-") ?? false
            return Response(isGood ? .ok : .unauthorized)
        case "/logout":
            let token = members?["refresh_token"]?.string ?? ""
            return Response(state.refreshTokens.removeValue(forKey: token) == nil ? .unauthorized : .noContent)
        default: return Response(.notFound)
        }
    }

    private static func members(_ body: [UInt8]) -> JSONObject? {
        do { return try JSONValue(parsing: body).object } catch { return nil }
    }

    private static func tokens(of name: String, _ state: inout State) -> Response {
        state.issued += 1
        let refresh = "again-\(state.issued)"
        state.refreshTokens[refresh] = name
        let body = #"{"access_token": "good-\#(state.issued)", "refresh_token": "\#(refresh)"}"#
        return .json(.ok, Array(body.utf8))
    }

    /// How a run speaks to it.
    static let profile = """
        {"name": "small", "operations": {
          "plant": {"method": "POST", "path": "/plant",
            "json": {"username": "{username}", "password": "{password}"}, "success": {"status": [201]},
            "refused": [409], "throttled": [429], "unavailable": [503]},
          "login": {"method": "POST", "path": "/login",
            "json": {"username": "{username}", "password": "{password}"}, "success": {"status": [200]},
            "refused": [401], "throttled": [429], "unavailable": [503],
            "capture": {"access_token": "/access_token", "refresh_token": "/refresh_token"}},
          "refresh": {"method": "POST", "path": "/refresh", "json": {"refresh_token": "{refresh_token}"},
            "success": {"status": [200]}, "refused": [401], "throttled": [429], "unavailable": [503],
            "capture": {"access_token": "/access_token", "refresh_token": "/refresh_token"}},
          "logout": {"method": "POST", "path": "/logout", "json": {"refresh_token": "{refresh_token}"},
            "success": {"status": [204]}, "refused": [401], "unavailable": [503]},
          "verify": {"method": "GET", "path": "/verify", "headers": {"Authorization": "Bearer {access_token}"},
            "success": {"status": [200]}, "refused": [401], "unavailable": [503]}
        }}
        """

    /// Serves one on a port of its own while `body` runs.
    static func run(_ body: (SmallTarget, UInt16) async throws -> Void) async throws {
        let group = try EventLoopGroup(count: 1, name: "small")
        let target = SmallTarget()
        let host = ConnectionHost(
            loop: group.loops[0], limits: Limits(), deadlines: Deadlines(), maximumConnections: 1_000, handler: target)
        let server = try await Server.start(on: SocketAddress("127.0.0.1:0") ?? .none, hosts: [host])
        defer { group.stopAndJoin() }
        try await body(target, server.address.port)
        // Nobody listens any more behind it.
        server.drain()
        await until { !server.isListening }
        server.closeAll()
        await until { server.isDrained }
    }
}
