import HTTP
import HTTPServer
import Reactor

/// `/livez` and `/readyz`, on the main port and on the ops port alike.
struct HealthRoutes: Sendable {
    /// A loop that has not ticked for this long is stuck: it wakes each second when idle.
    private static let stuckNanoseconds: UInt64 = 10_000_000_000

    private let loops: [EventLoop]
    private let readiness: NodeReadiness
    private let balancers: BalancerWatch
    /// Whether a login could be answered: asked by `/readyz?for=login` alone.
    private let canLogIn: @Sendable () -> Bool
    private let up: PreparedResponse
    private let down: PreparedResponse

    init(
        loops: [EventLoop], readiness: NodeReadiness, balancers: BalancerWatch,
        canLogIn: @escaping @Sendable () -> Bool
    ) {
        self.loops = loops
        self.readiness = readiness
        self.balancers = balancers
        self.canLogIn = canLogIn
        up = HealthRoutes.prepared(.ok, "ok\n")
        var response = Response(.serviceUnavailable, contentType: "text/plain", body: Array("unavailable\n".utf8))
        response.headers.append("Cache-Control", constant: "no-store")
        response.headers.append("Retry-After", constant: "1")
        down = PreparedResponse(response)
    }

    private static func prepared(_ status: Status, _ text: String) -> PreparedResponse {
        var response = Response(status, contentType: "text/plain", body: Array(text.utf8))
        response.headers.append("Cache-Control", constant: "no-store")
        return PreparedResponse(response)
    }

    /// 503 when a loop is stuck; 200 when merely busy.
    func live(at now: MonotonicTime) -> PreparedResponse {
        for loop in loops where now.nanoseconds(since: loop.lastTickTime) > HealthRoutes.stuckNanoseconds {
            return down
        }
        return up
    }

    /// 503 until everything is loaded and while draining.
    func ready(_ query: UnsafeRawBufferPointer?, _ exchange: Exchange) -> PreparedResponse {
        let isReady = readiness.isReady
        balancers.asked(by: exchange.client, isReady: isReady)
        guard isReady else { return down }
        if let query, query.elementsEqual("for=login".utf8), !canLogIn() { return down }
        return up
    }
}
