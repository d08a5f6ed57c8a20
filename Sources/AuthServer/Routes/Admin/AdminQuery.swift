import Auth
import HTTP

/// The query of an administrator's request. A misspelt filter would show, or end, more than was meant: parameters that a
/// route does not know, and repeated ones, are refused by name.
struct AdminQuery {
    private let values: [(name: String, value: String)]

    init(_ request: Request, knowing names: [String] = []) throws(Refusal) {
        guard let range = request.head.query else {
            values = []
            return
        }
        values = try request.withBytes(of: range) { (query) throws(Refusal) in try AdminQuery.read(query, names) }
    }

    private static func read(
        _ query: UnsafeRawBufferPointer, _ names: [String]
    ) throws(Refusal) -> [(name: String, value: String)] {
        var values: [(name: String, value: String)] = []
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let form: Form
            do throws(FormError) { form = try Form(UnsafeRawBufferPointer(rebasing: pair)) } catch {
                throw Refusal(.invalidParameter, "The query is not UTF-8 in correct percent encoding.")
            }
            for field in form.fields {
                guard let name = names.first(where: { $0.utf8.elementsEqual(field.name.utf8) }) else {
                    throw Refusal(.invalidParameter, "The query has a parameter that is not known here.")
                }
                guard !values.contains(where: { $0.name == name }) else {
                    throw Refusal(.invalidParameter, "\(name) is there twice.")
                }
                values.append((name, field.value))
            }
        }
        return values
    }

    subscript(_ name: String) -> String? { values.first { $0.name == name }?.value }

    /// The value as `read` takes it; nil when it is absent, refused when `read` answers nil.
    func value<Value>(_ name: String, _ expectation: String, _ read: (String) -> Value?) throws(Refusal) -> Value? {
        guard let text = self[name] else { return nil }
        guard let value = read(text) else { throw Refusal(.invalidParameter, "\(name) must be \(expectation).") }
        return value
    }

    /// 1 to 200, 50 unless told.
    func limit() throws(Refusal) -> Int {
        try value("limit", "a whole number from 1 to 200") { text in
            guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
            return Int(text).flatMap { (1...200).contains($0) ? $0 : nil }
        } ?? 50
    }

    func cursor<Position: CursorPosition>() throws(Refusal) -> Position? {
        try value("cursor", "what an earlier page gave as next") { Cursor.position($0) }
    }

    /// RFC 3339 or whole seconds since 1970.
    func time(_ name: String) throws(Refusal) -> UnixTime? {
        try value(name, "a moment such as 2026-01-02T03:04:05Z, or seconds since 1970") { text in
            Timestamp.parse(text) ?? Timestamp.seconds(text)
        }
    }
}

extension Timestamp {
    /// From decimal digits.
    static func seconds(_ text: String) -> UnixTime? {
        guard (1...12).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int64(text).map { UnixTime(seconds: $0) }
    }
}
