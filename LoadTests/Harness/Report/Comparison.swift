/// Two results side by side: `loadtest compare a.json b.json`. `a` is the one before, `b` the one after.
package struct Comparison: Sendable {
    private let a: ResultSummary
    private let b: ResultSummary

    package init(_ a: ResultSummary, _ b: ResultSummary) {
        self.a = a
        self.b = b
    }

    /// Sentences for what got worse, or cannot be told: an operation whose p99 in b is beyond `factor` (above 0) times
    /// that in a, one that has no p99 any more or is gone, two files with nothing in common, an invalid run.
    package func regressions(worseThan factor: Double) -> [String] {
        var sentences = doubts
        let before = Dictionary(a.operations.map { ($0.name, $0) }) { first, _ in first }
        let after = Dictionary(b.operations.map { ($0.name, $0) }) { first, _ in first }
        for operation in a.operations {
            guard let p99 = before[operation.name]?.quantiles[.p99] else { continue }
            let name = Wording.plain(operation.name)
            guard let other = after[operation.name] else {
                sentences.append("\(name) is gone: b has no such operation.")
                continue
            }
            guard let otherP99 = other.quantiles[.p99] else {
                sentences.append("\(name): not one request succeeded in b.")
                continue
            }
            if otherP99 > p99 * factor {
                let ratio = p99 > 0 ? Wording.decimal(otherP99 / p99, 2) : "many"
                sentences.append(
                    "\(name): p99 went from \(Comparison.duration(p99)) to \(Comparison.duration(otherP99)), "
                        + "\(ratio) times as long; \(Wording.decimal(factor, 2)) is allowed.")
            }
        }
        if Set(before.keys).isDisjoint(with: after.keys) { sentences.append("No operation is in both files.") }
        return sentences
    }

    /// The whole comparison, at most 120 columns, with a newline at the end of each line.
    package var text: String {
        var lines = [Comparison.header("a", a), Comparison.header("b", b)]
        let remarks = doubts + differences
        if !remarks.isEmpty { lines.append("") }
        for remark in remarks { lines += TextColumns.wrapped(remark, indent: 0) }
        lines += [""] + operations
        if !figures.isEmpty { lines += [""] + figures }
        lines += onlyInOne
        return lines.map { $0 + "\n" }.joined()
    }

    private static func header(_ letter: String, _ side: ResultSummary) -> String {
        let targets = side.targets.map(Wording.plain).joined(separator: ", ")
        let line = "\(letter): \(targets)  profile \(Wording.plain(side.profile))  \(Wording.plain(side.startedAt))"
        return TextColumns.cut(line, TextColumns.width)
    }

    private var doubts: [String] {
        [("a", a), ("b", b)].flatMap { letter, side in
            (side.isValid ? [] : ["INVALID: in \(letter) the generator fell behind; its figures are not the target's."])
                + (side.isInterrupted ? ["INTERRUPTED: \(letter) ended before its time."] : [])
        }
    }

    private var differences: [String] {
        var lines: [String] = []
        if a.targets != b.targets { lines.append("The targets differ.") }
        if a.profile != b.profile { lines.append("The profiles differ.") }
        for (scenario, settings) in a.settings {
            guard let other = b.settings.first(where: { $0.scenario == scenario })?.settings, other != settings else {
                continue
            }
            let gone = settings.filter { !other.contains($0) }.joined(separator: ", ")
            let new = other.filter { !settings.contains($0) }.joined(separator: ", ")
            lines.append(
                Wording.plain("\(scenario) had other settings: \(gone.isEmpty ? "none" : gone)")
                    + Wording.plain(" in a, \(new.isEmpty ? "none" : new) in b."))
        }
        return lines
    }

    private var operations: [String] {
        var columns = TextColumns(leading: 2, ["operation", "", "a", "b", "b/a"])
        for before in a.operations {
            guard let after = b.operations.first(where: { $0.name == before.name }) else { continue }
            for quantile in [Quantile.p50, .p95, .p99] {
                columns.add(
                    [quantile == .p50 ? Wording.plain(before.name) : "", quantile.title]
                        + Comparison.cells(before.quantiles[quantile], after.quantiles[quantile], Comparison.duration))
            }
            columns.add(["", "ok/s"] + Comparison.cells(before.rate, after.rate, Wording.significant))
            columns.add(["", "success"] + Comparison.cells(before.success, after.success, Wording.percent))
        }
        return columns.lines(indent: 0)
    }

    private var figures: [String] {
        var columns = TextColumns(leading: 1, ["defence", "a", "b", "b/a"])
        var found = false
        for before in a.figures {
            guard let after = b.figures.first(where: { $0.name == before.name }) else { continue }
            found = true
            let unit = before.unit ?? after.unit
            columns.add(
                [Wording.plain(before.name)]
                    + Comparison.cells(before.value, after.value) { Comparison.words($0, unit: unit) })
        }
        return found ? columns.lines(indent: 0) : []
    }

    private var onlyInOne: [String] {
        let names = [a, b].map { $0.operations.map(\.name) + $0.figures.map(\.name) }
        return [("a", names[0], names[1]), ("b", names[1], names[0])].flatMap { letter, these, others in
            let alone = these.filter { !others.contains($0) }.map(Wording.plain)
            if alone.isEmpty { return [String]() }
            return [""] + TextColumns.wrapped("only in \(letter): " + alone.joined(separator: ", "), indent: 0)
        }
    }

    private static func cells(_ a: Double?, _ b: Double?, _ words: (Double) -> String) -> [String] {
        var ratio = "-"
        if let a, let b, a > 0 { ratio = Wording.decimal(b / a, 2) }
        return [a.map(words) ?? "-", b.map(words) ?? "-", ratio]
    }

    private static func duration(_ microseconds: Double) -> String {
        Wording.duration(nanoseconds: microseconds * 1000)
    }

    private static func words(_ value: Double, unit: String?) -> String {
        switch unit {
        case "share": Wording.percent(value)
        case "ms": Wording.duration(nanoseconds: value * 1e6)
        case "s": Wording.decimal(value, 1) + " s"
        case "ratio": Wording.decimal(value, 2) + " x"
        default: Wording.significant(value)
        }
    }
}
