import Auth
import HTTPServer

/// The figures of one loop. Written there, read by the ops thread.
final class WorkerMetrics: Sendable {
    /// Published each second from what only the loop may touch.
    enum Gauge: Int, CaseIterable {
        case cacheHits, cacheMisses, cacheEntries, cacheEvictions, revocationNumber
    }

    let requests = RequestMetrics()
    let gauges = CounterTable(count: Gauge.allCases.count)
    /// Requests refused by the throttle, by rule.
    let throttled = CounterTable(count: ThrottleRule.allCases.count)

    /// On the loop.
    func publish(_ authenticator: TokenAuthenticator) {
        set(.cacheHits, authenticator.hits)
        set(.cacheMisses, authenticator.misses)
        set(.cacheEntries, UInt64(authenticator.cachedCount))
        set(.cacheEvictions, authenticator.evictions)
        set(.revocationNumber, authenticator.revocationNumber)
    }

    private func set(_ gauge: Gauge, _ value: UInt64) { gauges.set(value, at: gauge.rawValue) }

    subscript(gauge: Gauge) -> UInt64 { gauges[gauge.rawValue] }
}

extension CounterTable {
    /// One more refusal by `rule`, in a table with a cell for each.
    func count(_ rule: ThrottleRule) {
        if let index = ThrottleRule.allCases.firstIndex(of: rule) { add(at: index) }
    }
}
