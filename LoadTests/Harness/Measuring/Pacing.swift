/// When requests are due, whatever becomes of them: the open loop. Pure; times are nanoseconds from the start of the
/// measured time, and the warm-up lies before it, at the rate with which the pacing begins.
package struct Pacing: Sendable, Equatable {
    package enum Shape: Sendable, Equatable {
        /// Requests a second.
        case constant(Double)
        /// From one rate to another, evenly over the whole time.
        case ramp(from: Double, to: Double)
        /// One rate after the other, each for an equal part of the time.
        case steps([Double])
        /// So many at once, every so many seconds.
        case burst(Int, every: Double)
        /// No pace: as many as the connections carry, each sent when the one before is answered. A closed loop, which
        /// finds out the capacity; its latencies say nothing about users, who do not wait for each other.
        case saturate
    }

    package let shape: Shape

    package init(_ shape: Shape) { self.shape = shape }

    package static func constant(_ rate: Double) -> Pacing { Pacing(.constant(rate)) }

    /// The highest rate that is taken, in requests a second: far beyond what one machine generates.
    package static let highestRate = 10_000_000.0

    /// `1000` or `1000/s`; `0..2000` (ramp); `100,200,400` (steps); `500@5s` (burst); `max` (saturate).
    package init(_ text: String) throws(UsageError) {
        let wrong = UsageError(
            "`\(text)` is no rate: write 1000 (a second), 0..2000 (a ramp), 100,200,400 (steps), 500@5s (bursts) or max."
        )
        func rate(_ text: Substring) throws(UsageError) -> Double {
            var text = text
            if text.hasSuffix("/s") { text = text.dropLast(2) }
            guard let value = Double(text), value.isFinite, value >= 0, value <= Pacing.highestRate else { throw wrong }
            return value
        }
        if text == "max" {
            shape = .saturate
        } else if let dots = text.firstRange(of: "..") {
            let (from, to) = (try rate(text[..<dots.lowerBound]), try rate(text[dots.upperBound...]))
            guard from + to > 0 else { throw wrong }
            shape = .ramp(from: from, to: to)
        } else if let at = text.firstIndex(of: "@") {
            guard let count = Int(text[..<at]), (1...10_000_000).contains(count),
                let every = Duration.seconds(parsing: String(text[text.index(after: at)...])), every >= 0.001
            else { throw wrong }
            shape = .burst(count, every: every)
        } else if text.contains(",") {
            var rates: [Double] = []
            for part in text.split(separator: ",", omittingEmptySubsequences: false) { rates.append(try rate(part)) }
            guard rates.count <= 1_000, rates.contains(where: { $0 > 0 }) else { throw wrong }
            shape = .steps(rates)
        } else {
            let value = try rate(text[...])
            guard value > 0 else { throw wrong }
            shape = .constant(value)
        }
    }

    /// As it would be written.
    package var description: String {
        func number(_ value: Double) -> String {
            value == value.rounded() && value < 1e9 ? String(Int(value)) : String(((value * 10).rounded()) / 10)
        }
        switch shape {
        case .constant(let rate): return "\(number(rate))/s"
        case .ramp(let from, let to): return "\(number(from))..\(number(to))/s"
        case .steps(let rates): return rates.map(number).joined(separator: ",") + "/s"
        case .burst(let count, let every): return "\(count)@\(number(every))s"
        case .saturate: return "max"
        }
    }

    /// The rate of the warm-up.
    var initialRate: Double {
        switch shape {
        case .constant(let rate): rate
        case .ramp(let from, let to): from > 0 ? from : to / 10
        case .steps(let rates): rates.first(where: { $0 > 0 }) ?? 0
        case .burst(let count, let every): Double(count) / every
        case .saturate: 0
        }
    }

    /// Seconds from the start to the `index`th request (from 0) of a pacing that lasts `duration` seconds; nil when it
    /// has no such request.
    package func time(of index: Int, duration: Double) -> Double? {
        let count = Double(index)
        let time: Double
        switch shape {
        case .constant(let rate): time = count / rate
        case .ramp(let from, let to):
            // from t + (to - from) t^2 / 2 duration = index, in the form that loses no digits when both are alike.
            let slope = (to - from) / duration
            let under = from * from + 2 * slope * count
            guard under >= 0 else { return nil }
            let divisor = from + under.squareRoot()
            time = index == 0 && divisor == 0 ? 0 : 2 * count / divisor
        case .steps(let rates):
            guard let found = Pacing.step(count, rates, duration / Double(rates.count)) else { return nil }
            time = found
        case .burst(let burst, let every): time = Double(index / burst) * every
        case .saturate: return nil
        }
        return time < duration ? time : nil
    }

    private static func step(_ count: Double, _ rates: [Double], _ length: Double) -> Double? {
        var before = 0.0
        for (number, rate) in rates.enumerated() {
            let here = rate * length
            if count < before + here { return Double(number) * length + (count - before) / rate }
            before += here
        }
        return nil
    }
}

/// What somebody typed or wrote that cannot be; the message is one sentence for them.
package struct UsageError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

extension Duration {
    /// `300us`, `20ms`, `1.5s`, `2m`, `1h`, or seconds without a unit; nil for anything else, negative, or beyond a
    /// day.
    package static func seconds(parsing text: String) -> Double? {
        let units: [(String, Double)] = [("us", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("h", 3600)]
        for (unit, factor) in units where text.hasSuffix(unit) {
            return seconds(number: text.dropLast(unit.count), factor)
        }
        return seconds(number: text[...], 1)
    }

    private static func seconds(number: Substring, _ factor: Double) -> Double? {
        guard number.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let value = Double(number) else {
            return nil
        }
        let seconds = value * factor
        return seconds.isFinite && seconds <= 86_400 ? seconds : nil
    }
}
