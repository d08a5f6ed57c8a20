/// One line of a page of metrics, read from left to right:
///
///     http_requests_total{route="/a \"b\"",status="200"} 1027 1395066363000 # {trace_id="x"} 0.67
struct MetricsLine {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(_ line: ArraySlice<UInt8>) {
        // A page that was written with CR LF.
        bytes = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        position = bytes.startIndex
        skipBlanks()
    }

    /// Nothing, or a comment.
    var isBlank: Bool { next == nil || next == UInt8(ascii: "#") }

    /// Nil when the line is no sample.
    mutating func sample() -> (MetricsPage.Series, Double)? {
        guard let name = name(allowsColon: true) else { return nil }
        skipBlanks()
        var labels: [String: String] = [:]
        if skip(UInt8(ascii: "{")) {
            guard let found = self.labels() else { return nil }
            labels = found
            skipBlanks()
        }
        guard let value = Double(word()), endsAfterTime() else { return nil }
        return (MetricsPage.Series(name: name, labels: labels), value)
    }

    /// After the opening brace, to the closing one.
    private mutating func labels() -> [String: String]? {
        var labels: [String: String] = [:]
        while true {
            skipBlanks()
            if skip(UInt8(ascii: "}")) { return labels }
            guard let name = name(allowsColon: false) else { return nil }
            skipBlanks()
            guard skip(UInt8(ascii: "=")) else { return nil }
            skipBlanks()
            guard let value = quoted(), labels.updateValue(value, forKey: name) == nil else { return nil }
            skipBlanks()
            // The last may be followed by a comma, too.
            guard skip(UInt8(ascii: ",")) || next == UInt8(ascii: "}") else { return nil }
        }
    }

    private mutating func name(allowsColon: Bool) -> String? {
        let start = position
        while let byte = next {
            let isLetter = (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
            let isDigit = byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
            let isOther = byte == UInt8(ascii: "_") || allowsColon && byte == UInt8(ascii: ":")
            guard isLetter || isOther || isDigit && position > start else { break }
            position += 1
        }
        return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
    }

    /// A label's value. Of escapes there are three; a backslash before anything else is a mistake.
    private mutating func quoted() -> String? {
        guard skip(UInt8(ascii: "\"")) else { return nil }
        var value: [UInt8] = []
        while let byte = next {
            position += 1
            if byte == UInt8(ascii: "\"") { return String(validating: value, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                value.append(byte)
                continue
            }
            guard let escaped = next else { return nil }
            position += 1
            switch escaped {
            case UInt8(ascii: "n"): value.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): value.append(escaped)
            default: return nil
            }
        }
        return nil
    }

    /// Up to a blank; empty at the end.
    private mutating func word() -> String {
        let start = position
        while let byte = next, !MetricsLine.isBlank(byte) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// Whether nothing is left but a time, of milliseconds or (OpenMetrics) seconds, and an exemplar.
    private mutating func endsAfterTime() -> Bool {
        skipBlanks()
        if isBlank { return true }
        guard Double(word()) != nil else { return false }
        skipBlanks()
        return isBlank
    }

    private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = next, MetricsLine.isBlank(byte) { position += 1 }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
