/// The metrics of all nodes of a target at two moments, such as the begin and the end of an attack.
package struct MetricsWindow: Sendable {
    /// One for each `--metrics` URL, in their order; nil where the node did not answer with a page.
    package var before: [MetricsPage?]
    package var after: [MetricsPage?]

    package init(before: [MetricsPage?], after: [MetricsPage?]) {
        self.before = before
        self.after = after
    }

    /// How far a counter went on all nodes together. `name` is what the profile calls it, nil when it has no name for it.
    /// Unknown as soon as one node is: a sum of some nodes would look like a good defence.
    package func increase(of name: String?, labels: [String: String] = [:]) -> Known<CounterIncrease> {
        guard let name else { return .unknown("the profile names no such metric") }
        guard !before.isEmpty else { return .unknown("no metrics URL was given") }
        var sum = CounterIncrease(amount: 0, resets: 0)
        for (index, earlier) in before.enumerated() {
            guard let earlier, index < after.count, let later = after[index] else {
                return .unknown("the metrics of node \(index + 1) of \(before.count) could not be read")
            }
            guard let increase = later.increase(of: name, labels: labels, since: earlier) else {
                return .unknown("node \(index + 1) of \(before.count) has no metric \(name)")
            }
            sum.amount += increase.amount
            sum.resets += increase.resets
        }
        return .known(sum)
    }
}
