/// Straight walks over a US keyboard and sequences of the alphabet and of digits, in both directions, and two of them
/// interleaved ("q1w2e3", "1a2b3c").
enum KeyboardWalk {
    /// How one character follows another.
    private struct Step: OptionSet {
        let rawValue: UInt8
        static let ascending = Step(rawValue: 1)
        static let descending = Step(rawValue: 2)
        static let right = Step(rawValue: 4)
        static let left = Step(rawValue: 8)
        static let down = Step(rawValue: 16)
        static let up = Step(rawValue: 32)
        static let same = Step(rawValue: 64)
        static let all = Step(rawValue: 127)
        static let vertical: Step = [.down, .up]
    }

    /// Case-folded symbols, no two neighbours equal. Of a walk at least four symbols, of a column of keys three (there
    /// are no more than four), of two interleaved walks three each.
    static func ranges(in symbols: [UInt32]) -> [Range<Int>] {
        [1, 2].flatMap { stride in
            var found: [Range<Int>] = []
            var start = 0
            while start + stride < symbols.count {
                let (end, steps) = walk(in: symbols, from: start, stride: stride)
                let least = stride == 2 ? 6 : steps.isDisjoint(with: .vertical) ? 4 : 3
                if end - start >= least { found.append(start..<end) }
                // The last step of one walk may be the first of the next.
                start = max(start + 1, end - stride)
            }
            return found
        }
    }

    /// Where the walk ends that begins at `start`, every `stride`th symbol being of one walk, and the ways that the
    /// first of them goes.
    private static func walk(in symbols: [UInt32], from start: Int, stride: Int) -> (end: Int, steps: Step) {
        var ways = [Step](repeating: .all, count: stride)
        var end = start + stride
        while end < symbols.count {
            let lane = (end - start) % stride
            let common = ways[lane].intersection(step(from: symbols[end - stride], to: symbols[end]))
            if common.isEmpty { break }
            ways[lane] = common
            end += 1
        }
        return (end, ways[0])
    }

    private static func step(from first: UInt32, to second: UInt32) -> Step {
        var steps: Step = []
        switch Int64(second) - Int64(first) {
        case 0: steps.insert(.same)
        case 1: steps.insert(.ascending)
        case -1: steps.insert(.descending)
        default: break
        }
        guard let from = keys[first], let to = keys[second] else { return steps }
        switch (to.row - from.row, to.column - from.column) {
        case (0, 1): steps.insert(.right)
        case (0, -1): steps.insert(.left)
        case (1, 0): steps.insert(.down)
        case (-1, 0): steps.insert(.up)
        default: break
        }
        return steps
    }

    /// Each key without and with shift. Those that only separate words are not looked at.
    private static let keys: [UInt32: (row: Int, column: Int)] = {
        let rows = [
            ["1234567890-=", "!@#$%^&*()_+"], ["qwertyuiop[]", "qwertyuiop{}"], ["asdfghjkl;'", "asdfghjkl:\""],
            ["zxcvbnm,./", "zxcvbnm<>?"],
        ]
        var keys: [UInt32: (row: Int, column: Int)] = [:]
        for (row, shifts) in rows.enumerated() {
            for shift in shifts {
                for (column, key) in shift.unicodeScalars.enumerated() { keys[key.value] = (row, column) }
            }
        }
        return keys
    }()
}
