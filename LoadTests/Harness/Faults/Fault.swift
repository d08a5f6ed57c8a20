/// Why a fault of the command line is none, in one sentence.
package struct FaultError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// Something that the user wants broken at a moment of the run: a command of the shell.
///
///     20s=scripts/rig kill redis          a time, and what to run then
///     1.5m:redis=scripts/rig kill redis   with a name for the report
package struct Fault: Sendable, Equatable {
    /// Of one run.
    package static let most = 64
    /// Characters that a command without a name is known by.
    private static let nameLength = 60

    /// Nanoseconds from the scenario's start; a day at most.
    package let at: UInt64
    /// In the report; the command's begin when the user gave none.
    package let name: String
    package let command: String

    package init(parsing text: String) throws(FaultError) {
        guard let equals = text.firstIndex(of: "=") else {
            throw FaultError(
                "--fault `\(text)` has no command: write TIME=COMMAND, such as 20s='scripts/rig kill redis'.")
        }
        let when = text[..<equals]
        command = String(text[text.index(after: equals)...])
        guard command.contains(where: { !$0.isWhitespace }) else {
            throw FaultError("--fault `\(text)` has an empty command.")
        }
        guard !command.utf8.contains(0) else { throw FaultError("The command of --fault `\(when)` holds a zero byte.") }
        let colon = when.firstIndex(of: ":")
        guard let at = Fault.nanoseconds(when[..<(colon ?? when.endIndex)]) else {
            throw FaultError("--fault `\(text)`: `\(when)` is no time from 0s to 24h, such as 500ms, 20s or 1.5m.")
        }
        self.at = at
        if let colon {
            name = String(when[when.index(after: colon)...])
            guard Fault.isName(name) else {
                throw FaultError("--fault `\(text)`: `\(name)` is no name: letters, digits, `.`, `_`, `-`, 40 at most.")
            }
        } else {
            name = Fault.shortened(command)
        }
    }

    /// All of one run, in the order in which they come; those of one time in the order given.
    package static func schedule(_ texts: [String]) throws(FaultError) -> [Fault] {
        guard texts.count <= most else { throw FaultError("\(texts.count) faults are too many: \(most) at most.") }
        var faults: [Fault] = []
        for text in texts { faults.append(try Fault(parsing: text)) }
        return faults.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 40
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    }

    private static func shortened(_ command: String) -> String {
        let line = String(command.map { $0.isNewline ? " " : $0 })
        return line.count <= nameLength ? line : line.prefix(nameLength - 3) + "..."
    }

    private static func nanoseconds(_ text: Substring) -> UInt64? {
        let units: [(String, Double)] = [("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3_600e9)]
        guard let (unit, factor) = units.first(where: { text.hasSuffix($0.0) }) else { return nil }
        let number = text.dropLast(unit.count)
        guard number.first?.isNumber == true, number.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
            let value = Double(number), value * factor <= 24 * 3_600e9
        else { return nil }
        return UInt64((value * factor).rounded())
    }
}
