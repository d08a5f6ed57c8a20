import Histogram

/// Durations in nanoseconds, kept with three significant digits from 1 ns to two hours (HdrHistogram). Longer ones
/// count as two hours.
package struct LatencyHistogram: Sendable {
    private static let longest: UInt64 = 7_200_000_000_000

    /// How finely values are told apart.
    package enum Resolution: Sendable {
        /// Three significant digits: for what is reported.
        case fine
        /// Two: for the seconds of a timeline, of which there are many.
        case coarse
    }

    private var histogram: Histogram<UInt64>
    private var sum: Double = 0

    package init(_ resolution: Resolution = .fine) {
        // Grows with what it is given: most hold microseconds to seconds.
        histogram = Histogram(
            lowestDiscernibleValue: 1, highestTrackableValue: 1_000_000,
            numberOfSignificantValueDigits: resolution == .fine ? .three : .two)
        histogram.autoResize = true
    }

    package var count: UInt64 { histogram.totalCount }
    package var isEmpty: Bool { count == 0 }

    package mutating func record(_ nanoseconds: UInt64) {
        let value = Swift.min(nanoseconds, LatencyHistogram.longest)
        histogram.record(value)
        sum += Double(value)
    }

    /// Adds what another thread recorded, in the same resolution.
    package mutating func merge(_ other: LatencyHistogram) {
        guard !other.isEmpty else { return }
        histogram.add(other.histogram)
        sum += other.sum
    }

    /// Forgets all and keeps the memory.
    package mutating func reset() {
        histogram.reset()
        sum = 0
    }

    /// Nanoseconds that `percent` (0...100) of all are at most, rounded up to the resolution; 0 when there are none.
    package func percentile(_ percent: Double) -> UInt64 {
        isEmpty ? 0 : Swift.min(histogram.valueAtPercentile(percent), max)
    }

    /// Rounded up to the resolution; 0 when there are none.
    package var max: UInt64 { isEmpty ? 0 : histogram.max }
    package var min: UInt64 { isEmpty ? 0 : histogram.min }
    /// Nanoseconds, exact; 0 when there are none.
    package var mean: Double { isEmpty ? 0 : sum / Double(count) }

    /// Points of the curve "latency by percentile", dense near 100 as HdrHistogram's own reports are: (percent, ns).
    package func curve() -> [(percent: Double, nanoseconds: UInt64)] {
        guard !isEmpty else { return [] }
        var points: [(percent: Double, nanoseconds: UInt64)] = []
        var missing = 100.0
        while missing * Double(count) > 50 {
            for step in 0..<10 {
                let percent = 100 - missing + missing * 0.05 * Double(step)
                points.append((percent, percentile(percent)))
            }
            missing /= 2
        }
        points.append((100, max))
        return points
    }
}
