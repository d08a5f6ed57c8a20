import HTTP
import JSON

/// What an answer means to the harness.
package enum Verdict: Sendable, Equatable, CaseIterable {
    case success
    /// It was looked at, or may have been, and was wrong: of a guess, that it cost a password check.
    case refused
    /// Turned away for coming too often.
    case throttled
    /// "I do not know": overloaded, or a store is away.
    case unavailable
    /// None of what the profile knows.
    case unexpected
}

/// How an operation's answers are told apart, and what is taken out of them.
struct ReplyRules: Sendable {
    /// Levels of an answer's JSON: other servers nest deeper than ours.
    static let maximumDepth = 32

    struct Condition: Sendable {
        let pointer: JSONPointer
        /// No array and no object.
        let expected: JSONValue
    }

    struct Capture: Sendable {
        enum Source: Sendable {
            case json(JSONPointer)
            case cookie(String)
            /// The field's name, in lower case.
            case header(StaticString)
        }

        let variable: String
        /// An answer without it is a good one.
        let isOptional: Bool
        let source: Source
    }

    var success: [UInt16] = []
    /// All must hold of a success.
    var conditions: [Condition] = []
    var refused: [UInt16] = []
    var throttled: [UInt16] = []
    var unavailable: [UInt16] = []
    var captures: [Capture] = []

    func judge(_ reply: borrowing ResponseParser) -> Verdict {
        let status = reply.status
        if success.contains(status), conditions.isEmpty || hold(in: reply.body) { return .success }
        if refused.contains(status) { return .refused }
        if throttled.contains(status) { return .throttled }
        if unavailable.contains(status) { return .unavailable }
        return .unexpected
    }

    /// Everything or nothing: when it throws, `variables` are as they were.
    func capture(
        from reply: borrowing ResponseParser, of operation: String, into variables: inout Variables
    ) throws(CaptureError) {
        guard !captures.isEmpty else { return }
        var changed = variables
        let document = needsJSON ? Self.document(reply.body) : nil
        if needsJSON && document == nil && captures.contains(where: { !$0.isOptional && $0.source.isJSON }) {
            throw CaptureError("The answer to \(operation) (status \(reply.status)) holds no JSON.")
        }
        for capture in captures {
            if let value = Self.value(capture.source, reply, document) {
                changed[capture.variable] = value
            } else if !capture.isOptional {
                throw CaptureError(
                    "The answer to \(operation) (status \(reply.status)) has no \(capture.source.place) to take "
                        + "{\(capture.variable)} from.")
            }
        }
        variables = changed
    }

    private var needsJSON: Bool { captures.contains { $0.source.isJSON } }

    private func hold(in body: [UInt8]) -> Bool {
        guard let document = Self.document(body) else { return false }
        return conditions.allSatisfy { $0.pointer.value(in: document) == $0.expected }
    }

    /// Nil when it is no JSON: what that means is the caller's to say.
    private static func document(_ body: [UInt8]) -> JSONValue? {
        do throws(JSONError) { return try JSONValue(parsing: body, maximumDepth: maximumDepth) } catch { return nil }
    }

    /// Not empty; nil when there is none.
    private static func value(
        _ source: Capture.Source, _ reply: borrowing ResponseParser, _ document: JSONValue?
    ) -> String? {
        let value: String?
        switch source {
        case .json(let pointer):
            switch document.flatMap({ pointer.value(in: $0) }) {
            case .string(let text): value = text
            case .integer(let number): value = String(number)
            default: value = nil
            }
        case .cookie(let name): value = cookie(name, in: reply.values("set-cookie"))
        case .header(let name): value = reply.field(name)
        }
        return value?.isEmpty == false ? value : nil
    }

    /// Of several the last counts, as it does for a browser (RFC 6265 section 5.3).
    private static func cookie(_ name: String, in fields: [String]) -> String? {
        for field in fields.reversed() {
            let pair = field.utf8.prefix { $0 != UInt8(ascii: ";") }
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { continue }
            func trimmed(_ text: Substring.UTF8View) -> String {
                String(Substring(text).trimmingBlanks)
            }
            if trimmed(pair[..<equals]) == name { return trimmed(pair[pair.index(after: equals)...]) }
        }
        return nil
    }
}

extension ReplyRules.Capture.Source {
    fileprivate var isJSON: Bool { if case .json = self { true } else { false } }

    /// In words, for a sentence with "no" before it.
    fileprivate var place: String {
        switch self {
        case .json(let pointer): "string or whole number at \(pointer.text)"
        case .cookie(let name): "cookie \(name)"
        case .header(let name): "field \(name)"
        }
    }
}

extension Substring {
    fileprivate var trimmingBlanks: Substring {
        var text = self
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
