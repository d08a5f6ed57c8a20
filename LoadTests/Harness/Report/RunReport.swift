/// What a run of one or more scenarios came to: the one value that the table, the JSON file, the page, the comparison and
/// the thresholds are made from.
package struct RunReport: Sendable {
    /// The target's URL, or several of one fleet.
    package var targets: [String]
    /// The profile's name.
    package var profile: String
    /// Milliseconds since 1970 at the start.
    package var startedAt: Int64
    /// From the first scenario's start to the last one's end.
    package var seconds: Double
    package var threads: Int
    package var scenarios: [ScenarioResult]
    /// Ended by a signal before its time.
    package var isInterrupted = false

    package init(targets: [String], profile: String, startedAt: Int64, seconds: Double, threads: Int) {
        self.targets = targets
        self.profile = profile
        self.startedAt = startedAt
        self.seconds = seconds
        self.threads = threads
        scenarios = []
    }

    /// False when the generator fell behind in a scenario: its latencies are then the generator's, not the target's.
    package var isValid: Bool { scenarios.allSatisfy(\.isValid) }
}

/// One scenario.
package struct ScenarioResult: Sendable {
    package var name: String
    /// What it was asked for, in words, in the order of the table: ("rate", "1000/s"), ("connections", "64").
    package var settings: [(name: String, value: String)] = []
    /// Without the warm-up.
    package var seconds: Double
    package var operations: [OperationResult] = []
    /// The scoreboard; empty for a scenario that measures no defence.
    package var defence: [Figure] = []
    /// What happened meanwhile: phases of an attack, faults, rotations.
    package var events: [RunEvent] = []
    package var generator = GeneratorResult()

    package init(name: String, seconds: Double) {
        self.name = name
        self.seconds = seconds
    }

    package var isValid: Bool { generator.invalidity == nil }
}

/// How well the generator kept its own pace.
package struct GeneratorResult: Sendable {
    /// How long after its time each request was looked at, before any wait for the target. In nanoseconds.
    package var lag = LatencyHistogram()
    /// CPU of the generator's threads over wall time: 1 is one core.
    package var cores: Double = 0
    /// Requests that could not be kept waiting: more than the bound were outstanding.
    package var shed: UInt64 = 0
    /// Why the run counts for nothing, in one sentence; nil when it counts.
    package var invalidity: String?

    package init() {}
}

/// What one operation came to. Every request that was due ends in exactly one of `ok`, `unexpected`, `timeouts`,
/// `refused`, `broken`, `malformed`, `unfinished`.
package struct OperationResult: Sendable {
    /// As it stands in the table and the files: `login`, `verify`, `real.known`.
    package var name: String
    /// Answered as the profile calls success.
    package var ok: UInt64 = 0
    /// Answered otherwise; by status in `statuses`.
    package var unexpected: UInt64 = 0
    /// Not answered within the timeout, counted from when they should have gone.
    package var timeouts: UInt64 = 0
    /// No connection: refused, unreachable, out of ports.
    package var refused: UInt64 = 0
    /// The connection ended before the answer did.
    package var broken: UInt64 = 0
    /// Answered with what is no HTTP, or without what the profile says is in it.
    package var malformed: UInt64 = 0
    /// Under way, or not begun, when the run was cut off.
    package var unfinished: UInt64 = 0
    /// Answers by status, ascending.
    package var statuses: [(status: UInt16, count: UInt64)] = []
    /// Nanoseconds from when a request should have gone to its answer's last byte (wrk2's clock), of `ok` and, at the age
    /// at which they were given up, of `timeouts`.
    package var latency = LatencyHistogram()
    /// Nanoseconds from when a request went to its answer's last byte, of `ok`.
    package var service = LatencyHistogram()
    /// Second by second, the warm-up included; the first is at `timelineStart`.
    package var timeline: [TimelineSecond] = []
    /// Where the timeline begins, in seconds from the scenario's start; negative for a warm-up before it.
    package var timelineStart = 0

    package init(name: String) { self.name = name }

    /// All that were due.
    package var count: UInt64 { ok + errors }
    package var errors: UInt64 {
        unexpected + timeouts + refused + broken + malformed + unfinished
    }
    /// 0...1; nil when nothing was due.
    package var success: Double? { count == 0 ? nil : Double(ok) / Double(count) }
}

/// One second of an operation, by when the answer came (or the failure was known).
package struct TimelineSecond: Sendable, Equatable {
    package var ok: UInt64 = 0
    package var errors: UInt64 = 0
    /// Microseconds, of `ok` and timeouts; 0 when there were none.
    package var p50: UInt64 = 0
    package var p99: UInt64 = 0
    package var max: UInt64 = 0

    package init() {}
}

/// Something that happened in a run.
package struct RunEvent: Sendable, Equatable {
    /// Seconds from the scenario's start (the end of the warm-up).
    package var at: Double
    package var text: String
    /// Nil while it is a moment; else when it ended.
    package var until: Double?

    package init(at: Double, _ text: String, until: Double? = nil) {
        self.at = at
        self.text = text
        self.until = until
    }
}

/// A row of the scoreboard.
package struct Figure: Sendable {
    package enum Value: Sendable, Equatable {
        case count(UInt64)
        /// 0...1, shown in per cent.
        case share(Double)
        /// A factor, such as a p99 over another.
        case ratio(Double)
        case milliseconds(Double)
        case seconds(Double)
        /// It did not come about within the run, such as a detection.
        case never
        /// The target gives no way to know; why, in a few words.
        case unknown(String)
    }

    /// In the files, such as `compromised`.
    package var name: String
    /// In the table: "planted accounts compromised".
    package var title: String
    package var value: Value

    package init(_ name: String, _ title: String, _ value: Value) {
        self.name = name
        self.title = title
        self.value = value
    }
}
