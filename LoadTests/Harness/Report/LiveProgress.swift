/// How a run goes at one moment.
package struct ProgressSnapshot: Sendable {
    package struct Operation: Sendable {
        package var name: String
        /// Answers in the last second.
        package var rate: Double
        /// Nanoseconds, of the last second; nil when nothing was answered.
        package var p99: UInt64?
        /// In the last second.
        package var errors: UInt64

        package init(name: String, rate: Double, p99: UInt64?, errors: UInt64) {
            self.name = name
            self.rate = rate
            self.p99 = p99
            self.errors = errors
        }
    }

    package var scenario: String
    /// Seconds since the measuring began; negative in the warm-up.
    package var elapsed: Double
    /// Seconds that are measured.
    package var total: Double
    package var operations: [Operation]
    /// Why the run already counts for nothing.
    package var invalidity: String?

    package init(
        scenario: String, elapsed: Double, total: Double, operations: [Operation], invalidity: String? = nil
    ) {
        self.scenario = scenario
        self.elapsed = elapsed
        self.total = total
        self.operations = operations
        self.invalidity = invalidity
    }
}

/// What a terminal, or a log, is shown while a run goes on. Gives text; whoever has the descriptor writes it.
package struct LiveProgress: Sendable {
    /// Seconds between two lines where nothing can be redrawn.
    package static let interval = 5.0

    private let isTerminal: Bool
    private var last: (scenario: String, elapsed: Double)?

    package init(isTerminal: Bool) { self.isTerminal = isTerminal }

    /// What to write now. On a terminal of `width` columns the one line that is drawn again; elsewhere a line each
    /// `interval`, and the empty text between.
    package mutating func text(for snapshot: ProgressSnapshot, width: Int = TextColumns.width) -> String {
        let line = LiveProgress.line(snapshot)
        // The last column stays free: some terminals wrap when it is filled.
        if isTerminal { return "\r" + TextColumns.cut(line, max(1, width - 1)) + "\u{1B}[K" }
        if let last, last.scenario == snapshot.scenario, snapshot.elapsed >= last.elapsed,
            snapshot.elapsed - last.elapsed < LiveProgress.interval
        {
            return ""
        }
        last = (snapshot.scenario, snapshot.elapsed)
        return line + "\n"
    }

    /// Removes the line that is redrawn, so that what follows begins on an empty one.
    package var end: String { isTerminal ? "\r\u{1B}[K" : "" }

    /// The line itself: scenario, time, time left, then each operation.
    package static func line(_ snapshot: ProgressSnapshot) -> String {
        let time: String
        if snapshot.elapsed < 0 {
            time = "warm-up, \(Wording.span(seconds: (-snapshot.elapsed).rounded(.up))) to go"
        } else {
            let left = max(0, snapshot.total - snapshot.elapsed).rounded(.up)
            time =
                "\(Wording.clock(seconds: snapshot.elapsed)) of \(Wording.clock(seconds: snapshot.total)), "
                + "\(Wording.span(seconds: left)) left"
        }
        let operations = snapshot.operations.map { operation in
            let p99 = operation.p99.map { "p99 \(Wording.duration(nanoseconds: Double($0)))" } ?? "no answer"
            let errors = operation.errors == 1 ? "1 error" : "\(Wording.count(operation.errors)) errors"
            return "\(Wording.plain(operation.name)) \(Wording.significant(operation.rate))/s \(p99)"
                + (operation.errors > 0 ? " \(errors)" : "")
        }
        let invalidity = snapshot.invalidity.map { ["INVALID: \(Wording.plain($0))"] } ?? []
        return ([Wording.plain(snapshot.scenario) + " " + time] + invalidity + operations).joined(separator: " | ")
    }
}
