/// Rows of a text table, aligned: the first `leading` columns to the left, the others to the right.
struct TextColumns {
    private var rows: [[String]] = []
    private let leading: Int
    /// Lines that stand below a row as they are, by the row's index.
    private var notes: [Int: [String]] = [:]

    init(leading: Int = 1, _ header: [String]) {
        self.leading = leading
        rows.append(header)
    }

    mutating func add(_ row: [String]) { rows.append(row) }

    /// Below the last row.
    mutating func note(_ line: String) { notes[rows.count - 1, default: []].append(line) }

    /// Lines without a newline at their ends, `indent` spaces before each, none longer than `width`.
    func lines(indent: Int = 2, width: Int = TextColumns.width) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        let margin = String(repeating: " ", count: indent)
        // Closer together before a column is cut off.
        let isWide = indent + widths.reduce(0, +) + 2 * max(0, columns - 1) > width
        var lines: [String] = []
        for (index, row) in rows.enumerated() {
            let cells = row.enumerated().map { column, cell in
                TextColumns.pad(cell, widths[column], left: column >= leading)
            }
            lines.append(
                TextColumns.cut(TextColumns.trimmed(margin + cells.joined(separator: isWide ? " " : "  ")), width))
            for note in notes[index] ?? [] { lines += TextColumns.wrapped(note, indent: indent + 2, width: width) }
        }
        return lines
    }

    /// Of a table, in characters.
    static let width = 120

    static func pad(_ text: String, _ width: Int, left: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, width - text.count))
        return left ? space + text : text + space
    }

    static func cut(_ text: String, _ width: Int) -> String {
        text.count <= width ? text : String(text.prefix(max(0, width - 1))) + "…"
    }

    /// Broken at spaces; a word that is too long for a line is cut.
    static func wrapped(_ text: String, indent: Int, width: Int = TextColumns.width) -> [String] {
        let margin = String(repeating: " ", count: indent)
        var lines: [String] = []
        var line = margin
        for word in text.split(separator: " ") {
            if line.count > indent && line.count + 1 + word.count > width {
                lines.append(line)
                line = margin + "  "
            }
            line += (line.allSatisfy { $0 == " " } ? "" : " ") + word
        }
        lines.append(line)
        return lines.map { cut($0, width) }
    }

    private static func trimmed(_ text: String) -> String {
        var end = text.endIndex
        while end > text.startIndex, text[text.index(before: end)] == " " { end = text.index(before: end) }
        return String(text[..<end])
    }
}
