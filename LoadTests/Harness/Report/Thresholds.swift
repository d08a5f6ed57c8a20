/// Why a threshold given on the command line was refused, in one sentence.
package struct ThresholdError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
}

/// A bound that decides a run's exit code: `--max login.p99=300ms`, `--min real.success=99%`.
///
/// The name is an operation's and a metric (`p50 p90 p95 p99 p999 max mean rate count errors success`), or a figure's of
/// the scoreboard. The scenario's name may stand before either. An operation's name also stands for the group that it
/// begins (`real` for `real.known` and `real.new`); in the name of a figure a dot and an underscore are one.
package struct Threshold: Sendable, Equatable {
    package enum Direction: String, Sendable { case min, max }

    enum Bound: Sendable, Equatable {
        case nanoseconds(Double)
        case number(Double)
        /// 0...1.
        case share(Double)
    }

    enum Metric: Sendable, Equatable {
        case latency(Quantile)
        case rate, count, errors, success

        init?(_ name: String) {
            switch name {
            case "rate": self = .rate
            case "count": self = .count
            case "errors": self = .errors
            case "success": self = .success
            default:
                guard let quantile = Quantile(rawValue: name) else { return nil }
                self = .latency(quantile)
            }
        }
    }

    package let direction: Direction
    /// Before the equals sign.
    package let name: String
    let bound: Bound
    /// As it was written.
    private let text: String

    /// As on the command line.
    package var words: String { "--\(direction.rawValue) \(text)" }

    /// The operation's part of the name and the metric; nil when it can only be a figure's.
    var operation: (name: String, metric: Metric)? {
        guard let dot = name.lastIndex(of: "."), let metric = Metric(String(name[name.index(after: dot)...])) else {
            return nil
        }
        return (String(name[..<dot]), metric)
    }

    /// Reads `NAME=VALUE`. Durations have a unit (us, ms, s); a success is a percentage or 0...1; all else are plain
    /// numbers from 0.
    package static func parse(_ text: String, _ direction: Direction) throws(ThresholdError) -> Threshold {
        let option = "--\(direction.rawValue) \(Wording.plain(text))"
        guard let equals = text.lastIndex(of: "=") else {
            throw ThresholdError(description: "\(option): a threshold is NAME=VALUE, such as login.p99=300ms.")
        }
        let name = String(text[..<equals])
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw ThresholdError(description: "\(option): no name of an operation or a figure stands before `=`.")
        }
        guard let bound = Bound(text[text.index(after: equals)...]) else {
            throw ThresholdError(
                description: "\(option): the value is a number from 0, alone or with one of us, ms, s, %.")
        }
        let threshold = Threshold(direction: direction, name: name, bound: bound, text: text)
        if let (_, metric) = threshold.operation, threshold.comparable(to: metric) == nil {
            throw ThresholdError(description: "\(option): \(metric.expectation).")
        }
        return threshold
    }

    /// Whether it can ever apply in a run of these: a typo is found before the run, not after it.
    package func mayConcern(scenarioNames: [String], operationNames: [String], figureNames: [String]) -> Bool {
        scenarioNames.contains { scenario in
            figureNames.contains { isNamed(figure: $0, of: [scenario]) }
                || operationNames.contains { isNamed(operation: $0, of: [scenario]) != nil }
        }
    }

    /// What to say of one that `mayConcern` refuses.
    package var concernsNothing: String { "\(words): this run measures nothing of that name." }
}

// MARK: - Values

extension Threshold.Bound {
    /// A decimal number of at most 15 digits and a unit.
    init?(_ text: Substring) {
        let digits = text.prefix { ("0"..."9").contains($0) || $0 == "." }
        guard digits.utf8.count <= 16, digits.utf8.first != UInt8(ascii: "."), digits.utf8.last != UInt8(ascii: "."),
            let value = Double(digits)
        else { return nil }
        switch text[digits.endIndex...] {
        case "us": self = .nanoseconds(value * 1e3)
        case "ms": self = .nanoseconds(value * 1e6)
        case "s": self = .nanoseconds(value * 1e9)
        case "%": self = .share(value / 100)
        case "": self = .number(value)
        default: return nil
        }
    }
}

extension Threshold.Metric {
    /// How its bounds are written.
    fileprivate var expectation: String {
        switch self {
        case .latency: "a latency is bounded by a duration from 0 with its unit, such as 300ms"
        case .success: "a success is bounded by a percentage up to 100% or by a number from 0 to 1"
        case .rate, .count, .errors: "it is bounded by a plain number, without a unit"
        }
    }
}

extension Threshold {
    /// The bound in the metric's own unit; nil when it is of another kind.
    func comparable(to metric: Metric) -> Double? {
        switch (metric, bound) {
        case (.latency, .nanoseconds(let value)): value
        case (.success, .share(let value)), (.success, .number(let value)): value <= 1 ? value : nil
        case (.rate, .number(let value)), (.count, .number(let value)), (.errors, .number(let value)): value
        default: nil
        }
    }

    /// Whether the name is this figure's in a scenario of one of these names.
    func isNamed(figure: String, of scenarios: [String]) -> Bool {
        let wanted = Threshold.flat(name)
        return wanted == Threshold.flat(figure) || scenarios.contains { wanted == Threshold.flat("\($0).\(figure)") }
    }

    enum Match { case itself, group }

    /// Whether the name is this operation's in a scenario of one of these names.
    func isNamed(operation: String, of scenarios: [String]) -> Match? {
        guard let (wanted, _) = self.operation else { return nil }
        let spellings = [operation] + scenarios.map { "\($0).\(operation)" }
        if spellings.contains(wanted) { return .itself }
        // A scenario's own name is no group: its attackers would be in it.
        let isGroup = !scenarios.contains(wanted) && spellings.contains { $0.hasPrefix("\(wanted).") }
        return isGroup ? .group : nil
    }

    private static func flat(_ name: String) -> [UInt8] {
        name.utf8.map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "_") : $0 }
    }
}
