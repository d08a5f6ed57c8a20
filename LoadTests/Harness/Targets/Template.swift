/// A text with places for variables, cut into parts once, so that filling it in costs little more than copying.
///
/// `{name}` is a variable, `{name?}` one that may be absent: then the whole header, form field or JSON member that it
/// stands in is left out. `{{` is a brace. Names are `[a-z][a-z0-9_]*`, at most 32 characters.
struct Template: Sendable {
    /// How text is written where the template stands.
    enum Escaping: Sendable {
        /// Path, query and form: all but unreserved characters (RFC 3986 section 2.3) percent-encoded.
        case percent
        /// Within the quotes of a JSON string.
        case json
        /// A header's value: nothing can be escaped there, so that controls are refused.
        case field
        /// A body of one's own: as it is.
        case none
    }

    enum Part: Sendable {
        case literal([UInt8])
        case variable(String, isOptional: Bool)
    }

    static let longestName = 32

    let escaping: Escaping
    private(set) var parts: [Part] = []

    /// A path that is `/` alone.
    var isRoot: Bool {
        if parts.count == 1, case .literal(let bytes) = parts[0] { bytes == [UInt8(ascii: "/")] } else { false }
    }

    /// `escapesLiterals`: the text between the variables is written as values are. Not for paths, which come encoded.
    init(_ text: String, at place: String, _ escaping: Escaping, escapesLiterals: Bool = true) throws(ProfileError) {
        self.escaping = escaping
        var literal: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "{") else {
                if escapesLiterals { try append(byte, to: &literal, at: place) } else { literal.append(byte) }
                continue
            }
            if rest.first == UInt8(ascii: "{") {
                rest.removeFirst()
                if escapesLiterals { try append(byte, to: &literal, at: place) } else { literal.append(byte) }
                continue
            }
            guard let end = rest.firstIndex(of: UInt8(ascii: "}")) else {
                throw ProfileError(at: place, "a brace is opened and not closed (a brace itself is written {{)")
            }
            if !literal.isEmpty { parts.append(.literal(literal)) }
            literal = []
            parts.append(try Self.variable(rest[..<end], at: place))
            rest = rest[(end + 1)...]
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
    }

    var variables: [(name: String, isOptional: Bool)] {
        parts.compactMap { part in
            if case .variable(let name, let isOptional) = part { (name, isOptional) } else { nil }
        }
    }

    var hasOptional: Bool { variables.contains { $0.isOptional } }

    /// Whether what it stands in is to be left out.
    func isAbsent(_ variables: Variables) -> Bool {
        for case .variable(let name, isOptional: true) in parts where variables[name] == nil { return true }
        return false
    }

    /// Writes it with the variables' values. Throws when one is missing, or cannot stand where it is to stand.
    func write(_ variables: Variables, to output: inout [UInt8]) throws(TemplateError) {
        for part in parts {
            switch part {
            case .literal(let bytes): output.append(contentsOf: bytes)
            case .variable(let name, _):
                guard let value = variables[name] else { throw TemplateError("nothing has given {\(name)} yet") }
                for byte in value.utf8 where !escaping.append(byte, to: &output) {
                    throw TemplateError("{\(name)} holds a control character, which no header may")
                }
            }
        }
    }

    private func append(_ byte: UInt8, to literal: inout [UInt8], at place: String) throws(ProfileError) {
        guard escaping.append(byte, to: &literal) else {
            throw ProfileError(at: place, "a header's value must hold no control character")
        }
    }

    private static func variable(_ text: ArraySlice<UInt8>, at place: String) throws(ProfileError) -> Part {
        let isOptional = text.last == UInt8(ascii: "?")
        let name = String(decoding: isOptional ? text.dropLast() : text, as: UTF8.self)
        guard isVariableName(name) else {
            throw ProfileError(
                at: place,
                "a variable's name must be 1 to \(longestName) lower-case letters, digits and _, a letter first "
                    + "(a brace itself is written {{)")
        }
        return .variable(name, isOptional: isOptional)
    }

    static func isVariableName(_ name: String) -> Bool {
        let bytes = name.utf8
        guard let first = bytes.first, bytes.count <= longestName else { return false }
        func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
        func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        return isLetter(first) && bytes.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
    }
}

extension Template.Escaping {
    /// False for a byte that cannot stand there at all.
    fileprivate func append(_ byte: UInt8, to output: inout [UInt8]) -> Bool {
        switch self {
        case .none: output.append(byte)
        case .field:
            // RFC 9110 section 5.5; a tab is allowed there, but nobody means one.
            guard byte >= 0x20, byte != 0x7F else { return false }
            output.append(byte)
        case .percent: appendPercent(byte, to: &output)
        case .json: appendJSON(byte, to: &output)
        }
        return true
    }

    private func appendPercent(_ byte: UInt8, to output: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            output.append(byte)
        default:
            output.append(UInt8(ascii: "%"))
            output.append(Self.digit(byte >> 4))
            output.append(Self.digit(byte & 15))
        }
    }

    /// RFC 8259 section 7.
    private func appendJSON(_ byte: UInt8, to output: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            output.append(UInt8(ascii: "\\"))
            output.append(byte)
        case ..<0x20:
            output.append(contentsOf: "\\u00".utf8)
            output.append(Self.digit(byte >> 4))
            output.append(Self.digit(byte & 15))
        default: output.append(byte)
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "A") &+ (value &- 10)
    }
}
