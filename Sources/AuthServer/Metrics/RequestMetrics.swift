import HTTP

/// Requests by route and status, and their latency, of one loop.
final class RequestMetrics: Sendable {
    /// Every status a route can answer; the last cell takes what is not listed.
    static let statuses: [UInt16] = [
        200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 414, 415, 417, 429, 431, 500, 501, 503, 505,
    ]
    /// Upper bounds of the latency buckets, in microseconds; one more counts what is above.
    static let bucketsInMicroseconds: [UInt64] = [
        50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000,
    ]
    private static let statusCells = statuses.count + 1
    private static let bucketCells = bucketsInMicroseconds.count + 2

    private let requests = CounterTable(count: RouteID.allCases.count * RequestMetrics.statusCells)
    private let latencies = CounterTable(count: RouteID.allCases.count * RequestMetrics.bucketCells)
    private let statusIndex: [UInt8]

    init() {
        var index = [UInt8](repeating: UInt8(RequestMetrics.statuses.count), count: 600)
        for (position, status) in RequestMetrics.statuses.enumerated() { index[Int(status)] = UInt8(position) }
        statusIndex = index
    }

    /// On the loop.
    func count(_ route: RouteID, status: UInt16, nanoseconds: UInt64) {
        let position = Int(status) < statusIndex.count ? Int(statusIndex[Int(status)]) : RequestMetrics.statuses.count
        requests.add(at: route.rawValue * RequestMetrics.statusCells + position)
        let base = route.rawValue * RequestMetrics.bucketCells
        let microseconds = nanoseconds / 1000
        var bucket = 0
        while bucket < RequestMetrics.bucketsInMicroseconds.count,
            microseconds > RequestMetrics.bucketsInMicroseconds[bucket]
        {
            bucket += 1
        }
        latencies.add(at: base + bucket)
        latencies.add(nanoseconds, at: base + RequestMetrics.bucketCells - 1)
    }

    func requestCount(_ route: RouteID, statusPosition: Int) -> UInt64 {
        requests[route.rawValue * RequestMetrics.statusCells + statusPosition]
    }

    func bucketCount(_ route: RouteID, _ bucket: Int) -> UInt64 {
        latencies[route.rawValue * RequestMetrics.bucketCells + bucket]
    }

    func totalNanoseconds(_ route: RouteID) -> UInt64 {
        latencies[route.rawValue * RequestMetrics.bucketCells + RequestMetrics.bucketCells - 1]
    }
}
