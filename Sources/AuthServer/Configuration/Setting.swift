import Reactor

/// One knob: its name, what it should be, and how its text is read. Everything configurable is a `Setting`; nothing
/// else reads the environment.
struct Setting<Value> {
    let name: String
    /// Completes "must be …".
    let expectation: String
    let parse: (String) -> Value?

    init(_ name: String, _ expectation: String, _ parse: @escaping (String) -> Value?) {
        self.name = name
        self.expectation = expectation
        self.parse = parse
    }
}

/// A wrong setting, named with what it should be. The value itself is not repeated: it may be a secret.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    package let problems: [String]

    package var description: String { problems.joined(separator: "\n") }
}

/// Reads settings from the environment and notes every problem, so that all are told at once.
struct SettingReader {
    private let environment: [String: String]
    private var known: Set<String> = []
    private(set) var problems: [String] = []

    init(_ environment: [String: String]) { self.environment = environment }

    mutating func value<Value>(_ setting: Setting<Value>, default fallback: Value) -> Value {
        optional(setting) ?? fallback
    }

    mutating func optional<Value>(_ setting: Setting<Value>) -> Value? {
        known.insert(setting.name)
        guard let text = environment[setting.name] else { return nil }
        guard let value = setting.parse(text) else {
            problems.append("\(setting.name) must be \(setting.expectation)")
            return nil
        }
        return value
    }

    mutating func reject(_ problem: String) { problems.append(problem) }

    /// A misspelt name must not be silently the default.
    mutating func rejectUnknown() {
        for name in environment.keys.sorted() where name.hasPrefix("PORTCULLIS_") && !known.contains(name) {
            problems.append("\(name) is not a setting of this version")
        }
    }
}

extension Setting where Value == Int {
    static func integer(_ name: String, _ range: ClosedRange<Int>) -> Setting<Int> {
        Setting(name, "a whole number from \(range.lowerBound) to \(range.upperBound)") { text in
            guard let value = Int(text), range.contains(value) else { return nil }
            return value
        }
    }
}

extension Setting where Value == SocketAddress {
    static func address(_ name: String) -> Setting<SocketAddress> {
        Setting(name, "an IP address with a port, such as 127.0.0.1:8080 or [::1]:8080") { SocketAddress($0) }
    }
}

extension Setting where Value == String {
    static func text(_ name: String, maximumBytes: Int = 1024) -> Setting<String> {
        Setting(name, "text of 1 to \(maximumBytes) bytes without control characters") { text in
            let bytes = text.utf8
            guard !bytes.isEmpty, bytes.count <= maximumBytes else { return nil }
            return bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F } ? text : nil
        }
    }
}
