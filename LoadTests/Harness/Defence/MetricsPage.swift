/// Why a page of metrics tells nothing.
package enum MetricsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The page's size in bytes.
    case tooLong(Int)
    /// It has lines, and none is a sample.
    case nothing

    package var description: String {
        switch self {
        case .tooLong(let bytes):
            "the page of metrics has \(bytes) bytes, \(MetricsPage.longest) are read at most"
        case .nothing: "the page of metrics holds no sample in the Prometheus text format"
        }
    }
}

/// What a target counts of itself: a page in the Prometheus text format (0.0.4), as it was at one moment.
///
/// Comments, times and exemplars are passed over. A line that is none, and a series that was there before, is skipped and
/// counted: a target that is half wrong still says the other half.
package struct MetricsPage: Sendable, Equatable {
    /// Bytes of a page.
    package static let longest = 4 << 20

    struct Series: Hashable, Sendable {
        let name: String
        let labels: [String: String]

        func matches(_ name: String, _ wanted: [String: String]) -> Bool {
            self.name == name && wanted.allSatisfy { labels[$0.key] == $0.value }
        }
    }

    private(set) var samples: [Series: Double] = [:]
    /// Lines that were skipped.
    package private(set) var malformed = 0

    package init(_ bytes: [UInt8]) throws(MetricsError) {
        guard bytes.count <= MetricsPage.longest else { throw .tooLong(bytes.count) }
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            var reader = MetricsLine(line)
            guard !reader.isBlank else { continue }
            guard let (series, value) = reader.sample(), samples[series] == nil else {
                malformed += 1
                continue
            }
            samples[series] = value
        }
        if samples.isEmpty && malformed > 0 { throw .nothing }
    }

    /// The sum over all series of this name that have these labels (and maybe others); nil when there is none. What is
    /// not a number is left out.
    package func value(of name: String, labels: [String: String] = [:]) -> Double? {
        var sum: Double?
        for (series, value) in samples where !value.isNaN && series.matches(name, labels) {
            sum = (sum ?? 0) + value
        }
        return sum
    }
}

/// How far a counter went between two pages of one process.
package struct CounterIncrease: Sendable, Equatable {
    package var amount: Double
    /// Series that began anew in between, as those of a restarted process do. What they had counted since the earlier
    /// page is lost: the amount is then a floor.
    package var resets: Int

    package init(amount: Double, resets: Int) {
        self.amount = amount
        self.resets = resets
    }
}

extension MetricsPage {
    /// How far the counter went since `earlier`, over all its series with these labels; nil when neither page has it. A
    /// series counts from zero when it was not there before. One that is lower than before, or gone, began anew, and
    /// what it has now came since.
    package func increase(
        of name: String, labels: [String: String] = [:], since earlier: MetricsPage
    ) -> CounterIncrease? {
        var result = CounterIncrease(amount: 0, resets: 0)
        var isThere = false
        for (series, value) in samples where value.isFinite && series.matches(name, labels) {
            isThere = true
            let before = earlier.samples[series].flatMap { $0.isFinite ? $0 : nil } ?? 0
            if value < before {
                result.resets += 1
                result.amount += value
            } else {
                result.amount += value - before
            }
        }
        for (series, value) in earlier.samples where value.isFinite && series.matches(name, labels) {
            isThere = true
            if samples[series] == nil { result.resets += 1 }
        }
        return isThere ? result : nil
    }
}
