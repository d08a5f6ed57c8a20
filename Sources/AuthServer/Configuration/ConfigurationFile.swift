import Configuration
import Glibc
import JSON

/// The file given with `--config`: one JSON object, a member a setting, named as the environment variable without
/// `PORTCULLIS_` and in lower case.
///
/// Our own parser looks at it first, since the library's takes the last of two equal keys, `true` for 1 and `9e2` for 900.
struct ConfigurationFile {
    /// A page a setting and more.
    private static let maximumBytes = 256 * 1024

    let object: JSONObject
    let isReadableByOthers: Bool
    private let source: any ConfigSnapshot

    /// The members by key, each with the environment variable that it stands for.
    var names: [(key: String, name: String)] {
        object.members.map { ($0.name, Setting.isKey($0.name) ? "PORTCULLIS_\($0.name.uppercased())" : "") }
    }

    /// Blocks.
    static func read(_ path: String) throws(ConfigurationError) -> ConfigurationFile {
        let file: SmallFile
        do throws(SmallFile.Failure) { file = try SmallFile.read(path, maximumBytes: maximumBytes) } catch {
            throw ConfigurationError(problems: ["The configuration file \(path) \(error.description)"])
        }
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: file.bytes) } catch {
            throw ConfigurationError(problems: ["The configuration file \(path) \(explain(error, file.bytes))"])
        }
        guard let object = value.object else {
            throw ConfigurationError(problems: ["The configuration file \(path) must be one JSON object"])
        }
        do {
            let source = try JSONSnapshot(
                data: file.bytes.span.bytes, providerName: "file", parsingOptions: .default)
            return ConfigurationFile(object: object, isReadableByOthers: file.isReadableByOthers, source: source)
        } catch {
            // What the library has no form for is none of a setting's either: nested arrays, nulls among texts.
            throw ConfigurationError(problems: [
                "The configuration file \(path) must hold texts, whole numbers and lists of texts alone"
            ])
        }
    }

    /// Nil when the member is not of the setting's type.
    func value(of setting: Setting, _ member: JSONValue) -> Setting.Given? {
        let key = AbsoluteConfigKey([setting.key])
        do {
            switch (setting.form, member) {
            case (.text, .string):
                guard case .string(let text) = try source.value(forKey: key, type: .string).value?.content
                else { return nil }
                return .text(text)
            case (.integer, .integer):
                guard case .int(let value) = try source.value(forKey: key, type: .int).value?.content
                else { return nil }
                return .integer(value)
            case (.list, .array):
                guard case .stringArray(let values) = try source.value(forKey: key, type: .stringArray).value?.content
                else { return nil }
                return .list(values)
            default: return nil
            }
        } catch {
            return nil
        }
    }

    private static func explain(_ error: JSONError, _ bytes: [UInt8]) -> String {
        let line = 1 + bytes.prefix(error.offset).count { $0 == UInt8(ascii: "\n") }
        guard error.kind == .duplicateName else { return "is not valid JSON, line \(line)" }
        let name = bytes.dropFirst(error.offset + 1).prefix { $0 != UInt8(ascii: "\"") }
        return "has the key \(shown(String(decoding: name, as: UTF8.self))) twice, line \(line)"
    }

    /// A key from the file, safe to print.
    static func shown(_ key: String) -> String {
        guard !key.isEmpty, Setting.isText(key, 128) else { return "A key of other characters than a setting has" }
        return key
    }
}

extension Setting {
    /// Whether it could be a key: lower case, digits and underscores.
    static func isKey(_ text: String) -> Bool {
        text.utf8.allSatisfy {
            $0 == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
    }
}
