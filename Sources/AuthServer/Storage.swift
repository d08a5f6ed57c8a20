import Auth

/// What a node keeps its state in and counts with: the embedded store of one node, or Postgres and Redis, which a fleet
/// shares.
protocol Storage: Sendable {
    /// For what belongs to no loop: the upkeep, the audit, administrators.
    var store: any Stores { get }
    var throttle: any LoginThrottle { get }
    /// For the worker of that loop, which asks on it.
    func store(forLoop index: Int) -> any Stores
    func throttle(forLoop index: Int) -> any LoginThrottle
    /// Whether a login could be answered now: `/readyz?for=login`. Any thread may ask.
    var canLogIn: Bool { get }
    /// Whether other nodes write to it, too.
    var isShared: Bool { get }
    /// Whether it is known to be out of reach, so that asking it would only cost time. Any thread may ask.
    var isAway: Bool { get }
    /// Each minute, before the upkeep.
    func maintain() async throws(StoreError)
    /// For the metrics. Any thread may ask.
    var figures: [Figure] { get }
    /// On a loop, when nobody asks any more.
    func end() async
    /// After `end`. Blocks.
    func close() throws(StoreError)
}

/// One metric with its samples, without the server's prefix.
struct Figure: Sendable {
    struct Sample: Sendable {
        /// Behind the metric's name: `_bucket`, `_sum` and `_count` of a histogram.
        var suffix = ""
        /// As Prometheus wants them between the braces.
        var labels = ""
        let value: String
    }

    enum MetricType: String {
        case counter, gauge, histogram
    }

    let name: String
    let type: MetricType
    let help: String
    let samples: [Sample]

    static func counter(_ name: String, _ help: String, _ value: some CustomStringConvertible) -> Figure {
        Figure(name: name, type: .counter, help: help, samples: [Sample(value: value.description)])
    }

    static func gauge(_ name: String, _ help: String, _ value: some CustomStringConvertible) -> Figure {
        Figure(name: name, type: .gauge, help: help, samples: [Sample(value: value.description)])
    }
}
