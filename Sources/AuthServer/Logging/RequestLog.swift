import Auth
import HTTP
import HTTPServer
import JSON
import Logging
import Reactor

/// One line a request. A line has no path, no query, no name and no field of the request: a secret in any of them goes
/// nowhere. Of a peer without an address, on the control socket, `client_network` is "local".
///
/// It writes its lines itself, not by way of swift-log: no dictionary a request, and members in an order of their own.
struct RequestLog: Sendable {
    /// A neighbourhood, not a person: the size that a provider hands to a customer or a street.
    private static let ipv4Prefix = 24
    private static let ipv6Prefix = 48
    private static let templates = RouteID.allCases.map(\.template)

    private let queue: LogQueue
    private let level: LogLevel

    init(queue: LogQueue, level: LogLevel) {
        self.queue = queue
        self.level = level
    }

    /// With the time until now.
    func write(_ route: RouteID, _ status: Status, _ problem: StaticString?, _ exchange: Exchange) {
        let nanoseconds = MonotonicTime.now.nanoseconds(since: exchange.firstByte)
        write(route, status, problem, nanoseconds: nanoseconds, exchange)
    }

    /// When a request was answered; `problem` is the end of the problem's type, nil when it was none. It is the one of
    /// `sample` that is written.
    func write(
        _ route: RouteID, _ status: Status, _ problem: StaticString?, nanoseconds: UInt64, _ exchange: Exchange,
        sample: Int = 1
    ) {
        let severity = RequestLog.severity(status)
        guard level.includes(severity) else { return }
        var writer = LogLine.begin(severity, at: systemTime())
        writer.key("message")
        writer.string("request")
        writer.key("request_id")
        writer.string(exchange.requestID.description)
        writer.key("method")
        if let method = exchange.method {
            writer.string(method == .other ? "other" : method.name.description)
        } else {
            writer.null()
        }
        writer.key("route")
        writer.string(RequestLog.templates[route.rawValue])
        writer.key("status")
        writer.integer(status.code)
        writer.key("outcome")
        writer.string((problem ?? "ok").description)
        writer.key("latency_us")
        writer.integer(nanoseconds / 1000)
        writer.key("client_network")
        writer.string(exchange.client == .none ? "local" : RequestLog.network(exchange.client.clientAddress))
        if sample > 1 {
            writer.key("sampled_one_in")
            writer.integer(sample)
        }
        writer.endObject()
        queue.append(writer.bytes)
    }

    static func network(_ address: ClientAddress) -> String {
        let prefix = address.family == .ipv4 ? ipv4Prefix : ipv6Prefix
        return "\(address.network(prefix: prefix))/\(prefix)"
    }

    /// An overload is expected and passes; anything else that is our fault is not.
    private static func severity(_ status: Status) -> Logger.Level {
        switch status.code {
        case ..<500: .info
        case 501, 503, 505: .warning
        default: .error
        }
    }
}
