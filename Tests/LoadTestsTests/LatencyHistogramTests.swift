import LoadTests
import Testing

@Suite("Latency histogram")
struct LatencyHistogramTests {
    @Test("Quantiles of ten thousand known values are within a thousandth")
    func quantiles() {
        var histogram = LatencyHistogram()
        for value in 1...10_000 { histogram.record(UInt64(value) * 1_000) }
        #expect(histogram.count == 10_000)
        for (percent, expected) in [(50.0, 5_000_000.0), (99, 9_900_000), (99.9, 9_990_000), (100, 10_000_000)] {
            let found = Double(histogram.percentile(percent))
            #expect(abs(found - expected) <= expected / 1_000 + 1)
        }
        #expect(abs(histogram.mean - 5_000_500) < 1)
    }

    @Test("Merging is as if one thread had recorded all")
    func merge() {
        var all = LatencyHistogram()
        var parts = [LatencyHistogram(), LatencyHistogram()]
        for value in 1...5_000 {
            all.record(UInt64(value * value))
            parts[value % 2].record(UInt64(value * value))
        }
        parts[0].merge(parts[1])
        for percent in [1.0, 50, 90, 99, 99.9, 100] {
            #expect(parts[0].percentile(percent) == all.percentile(percent))
        }
        #expect(parts[0].count == all.count)
    }

    @Test("Nothing recorded is zero everywhere, and what is longer than two hours counts as two hours")
    func edges() {
        var histogram = LatencyHistogram()
        #expect(histogram.percentile(99) == 0)
        #expect(histogram.max == 0)
        #expect(histogram.curve().isEmpty)
        histogram.record(.max)
        #expect(histogram.count == 1)
        #expect(histogram.percentile(50) >= 7_190_000_000_000)
        histogram.reset()
        #expect(histogram.isEmpty)
    }
}
