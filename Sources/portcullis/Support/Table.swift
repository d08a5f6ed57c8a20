/// Rows for people: columns aligned by their longest entry, names above them.
struct Table {
    private let names: [String]
    private var rows: [[String]] = []

    init(_ names: [String]) { self.names = names }

    mutating func append(_ row: [String]) { rows.append(row.map(Table.printable)) }

    var lines: [String] {
        let all = [names] + rows
        let widths = names.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            var line = cells.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }

    func print() throws {
        for line in lines { try StandardOutput.line(line) }
    }

    /// One thing with its properties, a line each.
    static func print(_ properties: [(name: String, value: String)]) throws {
        let width = properties.map(\.name.count).max() ?? 0
        for (name, value) in properties {
            let padding = String(repeating: " ", count: width - name.count)
            try StandardOutput.line("\(name)\(padding)  \(printable(value))")
        }
    }

    /// Nothing that a terminal would obey.
    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }
}
