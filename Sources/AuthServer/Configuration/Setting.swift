import HTTPServer
import JSON
import Reactor

/// Where a setting's value is kept.
package typealias SettingField<Value> = any WritableKeyPath<Configuration, Value> & Sendable

/// One knob, declared once, in `Setting.all`. Nothing else reads the environment or the configuration file.
package struct Setting: Sendable {
    /// How a value is written.
    enum Form: Sendable {
        /// A JSON string in the file.
        case text
        /// A JSON number without fraction and exponent in the file.
        case integer
        /// A JSON array of strings in the file, one text with commas in the environment.
        case list
    }

    /// A value as a source gave it.
    enum Given: Sendable {
        case text(String)
        case integer(Int)
        case list([String])
    }

    private static let prefix = "PORTCULLIS_"

    /// The environment variable: `PORTCULLIS_…`.
    package let name: String
    /// The member of the configuration file: the same words in lower case, `access_token_seconds`.
    package var key: String { Setting.key(of: name) }
    /// Completes "must be …"; of a list, what each element is.
    package let expectation: String
    /// What it does, in one line.
    package let summary: String
    /// A secret's value is in no message and no report.
    package let isSecret: Bool
    let form: Form
    /// False, and nothing changed, when the value is not what `expectation` says.
    let set: @Sendable (Given, inout Configuration) -> Bool
    /// Null when there is none.
    let get: @Sendable (Configuration) -> JSONValue

    /// What it must be, as it is written there.
    package func expectation(from origin: SettingOrigin) -> String {
        guard form == .list else { return expectation }
        return origin == .file ? "an array of \(expectation)" : "\(expectation), separated by commas"
    }

    /// `PORTCULLIS_LOOPS` is `loops` in the file.
    static func key(of name: String) -> String { name.dropFirst(prefix.count).lowercased() }

    static func isName(_ name: String) -> Bool { name.hasPrefix(prefix) }
}

// One for each kind of value.
extension Setting {
    static func integer(
        _ name: String, _ range: ClosedRange<Int>, _ field: SettingField<Int>, _ summary: String
    ) -> Setting {
        Setting(
            name: name, expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)", summary: summary,
            isSecret: false, form: .integer,
            set: { given, configuration in
                guard case .integer(let value) = given, range.contains(value) else { return false }
                configuration[keyPath: field] = value
                return true
            }, get: { .integer(Int64($0[keyPath: field])) })
    }

    /// A text that always has a value.
    static func text(
        _ name: String, _ field: SettingField<String>, maximumBytes: Int = 1024, _ summary: String
    ) -> Setting {
        Setting(
            name: name, expectation: textExpectation(maximumBytes), summary: summary, isSecret: false, form: .text,
            set: { given, configuration in
                guard case .text(let text) = given, isText(text, maximumBytes) else { return false }
                configuration[keyPath: field] = text
                return true
            }, get: { .string($0[keyPath: field]) })
    }

    /// A text that may be left out.
    static func text(
        _ name: String, optional field: SettingField<String?>, bytes range: ClosedRange<Int> = 1...1024,
        isSecret: Bool = false, _ summary: String
    ) -> Setting {
        Setting(
            name: name, expectation: textExpectation(range.upperBound, minimumBytes: range.lowerBound),
            summary: summary, isSecret: isSecret, form: .text,
            set: { given, configuration in
                guard case .text(let text) = given, isText(text, range.upperBound, minimumBytes: range.lowerBound)
                else { return false }
                configuration[keyPath: field] = text
                return true
            }, get: { $0[keyPath: field].map { .string($0) } ?? .null })
    }

    static func address(_ name: String, _ field: SettingField<SocketAddress>, _ summary: String) -> Setting {
        Setting(
            name: name, expectation: "an IP address with a port, such as 127.0.0.1:8080 or [::1]:8080",
            summary: summary, isSecret: false, form: .text,
            set: { given, configuration in
                guard case .text(let text) = given, let address = SocketAddress(text) else { return false }
                configuration[keyPath: field] = address
                return true
            }, get: { .string($0[keyPath: field].description) })
    }

    /// One of a few words.
    static func choice<Value: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ field: SettingField<Value>, _ summary: String
    ) -> Setting {
        let words = Value.allCases.map(\.rawValue).joined(separator: ", ")
        return Setting(
            name: name, expectation: "one of \(words)", summary: summary, isSecret: false, form: .text,
            set: { given, configuration in
                guard case .text(let text) = given, let value = Value(rawValue: text) else { return false }
                configuration[keyPath: field] = value
                return true
            }, get: { .string($0[keyPath: field].rawValue) })
    }

    /// Texts that each are good.
    static func list(
        _ name: String, _ field: SettingField<[String]>, _ expectation: String,
        each isGood: @escaping @Sendable (String) -> Bool, _ summary: String
    ) -> Setting {
        Setting(
            name: name, expectation: expectation, summary: summary, isSecret: false, form: .list,
            set: { given, configuration in
                guard case .list(let values) = given, values.allSatisfy(isGood) else { return false }
                configuration[keyPath: field] = values
                return true
            }, get: { .array($0[keyPath: field].map { .string($0) }) })
    }

    /// CIDR blocks and addresses.
    static func networks(_ name: String, _ field: SettingField<TrustedProxies>, _ summary: String) -> Setting {
        Setting(
            name: name,
            expectation: "at most \(TrustedProxies.limit) networks or addresses, such as 10.0.0.0/8 or 2001:db8::1 "
                + "(all bits behind the prefix zero)",
            summary: summary, isSecret: false, form: .list,
            set: { given, configuration in
                guard case .list(let texts) = given, let proxies = TrustedProxies(texts) else { return false }
                configuration[keyPath: field] = proxies
                return true
            }, get: { .array($0[keyPath: field].texts.map { .string($0) }) })
    }

    private static func textExpectation(_ maximumBytes: Int, minimumBytes: Int = 1) -> String {
        "text of \(minimumBytes) to \(maximumBytes) bytes without control characters"
    }

    static func isText(_ text: String, _ maximumBytes: Int, minimumBytes: Int = 1) -> Bool {
        let bytes = text.utf8
        return bytes.count >= minimumBytes && bytes.count <= maximumBytes
            && bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}
