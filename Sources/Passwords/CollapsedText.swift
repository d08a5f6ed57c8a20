/// Symbols with every run of equal ones made one, knowing where each came from: "passsword" reads as "pasword", and so
/// does "password".
struct CollapsedText {
    private(set) var symbols: [UInt32] = []
    /// Where each symbol's run begins, and after them the length of the text.
    private var starts: [Int] = []

    init(_ text: [UInt32]) {
        for (index, symbol) in text.enumerated() where symbols.last != symbol {
            symbols.append(symbol)
            starts.append(index)
        }
        starts.append(text.count)
    }

    /// The part of the text that a range of `symbols` stands for.
    func origin(of range: Range<Int>) -> Range<Int> {
        starts[range.lowerBound]..<starts[range.upperBound]
    }

    /// What each run has after its first symbol.
    var repetitions: [Range<Int>] {
        symbols.indices.map { (starts[$0] + 1)..<starts[$0 + 1] }
    }
}

/// A set of words, found wherever they are in a text.
struct WordTree: Sendable {
    private struct Node {
        var next: [UInt32: Int] = [:]
        var endsWord = false
    }

    private var nodes = [Node()]

    mutating func insert(_ word: [UInt32]) {
        var node = 0
        for symbol in word {
            if let next = nodes[node].next[symbol] {
                node = next
            } else {
                nodes.append(Node())
                nodes[node].next[symbol] = nodes.count - 1
                node = nodes.count - 1
            }
        }
        nodes[node].endsWord = true
    }

    /// The longest word from each place on where one begins. They may overlap.
    func ranges(in text: [UInt32]) -> [Range<Int>] {
        text.indices.compactMap { start in
            var node = 0
            var longest: Range<Int>?
            for index in start..<text.count {
                guard let next = nodes[node].next[text[index]] else { break }
                node = next
                if nodes[node].endsWord { longest = start..<(index + 1) }
            }
            return longest
        }
    }
}
