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
    /// Keys that are there twice; of each the first value is taken.
    let problems: [String]
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
        let duplicates: [JSONError]
        do throws(JSONError) { (value, duplicates) = try JSONValue.parse(namingDuplicatesOf: file.bytes) } catch {
            var lines = Lines(file.bytes)
            let line = lines.number(at: error.offset)
            throw ConfigurationError(problems: ["The configuration file \(path) is not valid JSON, line \(line)"])
        }
        guard let object = value.object else {
            throw ConfigurationError(problems: ["The configuration file \(path) must be one JSON object"])
        }
        var lines = Lines(file.bytes)
        let problems = duplicates.map { error in
            let name = file.bytes.dropFirst(error.offset + 1).prefix { $0 != UInt8(ascii: "\"") }
            return "The configuration file \(path) has the key \(shown(String(decoding: name, as: UTF8.self))) twice, "
                + "line \(lines.number(at: error.offset))"
        }
        do {
            return ConfigurationFile(
                object: object, isReadableByOthers: file.isReadableByOthers, problems: problems,
                source: try source(of: object))
        } catch {
            throw ConfigurationError(problems: ["The configuration file \(path) cannot be taken: \(error)"])
        }
    }

    /// Of the members that have their setting's form: the library refuses a whole file for one value that it has no form
    /// for, a null among texts or a number beyond Int64, and does not name its key.
    private static func source(of object: JSONObject) throws -> any ConfigSnapshot {
        var writer = JSONWriter(reservingCapacity: 1024)
        writer.beginObject()
        for setting in Setting.all {
            guard let member = object[setting.key], setting.form.fits(member) else { continue }
            writer.key(setting.key)
            writer.value(member)
        }
        writer.endObject()
        return try JSONSnapshot(
            data: writer.bytes.span.bytes, providerName: "file", parsingOptions: .default)
    }

    /// Nil when the member is not of the setting's type.
    func value(of setting: Setting, _ member: JSONValue) -> Setting.Given? {
        let key = AbsoluteConfigKey([setting.key])
        do {
            guard setting.form.fits(member) else { return nil }
            switch setting.form {
            case .text:
                guard case .string(let text) = try source.value(forKey: key, type: .string).value?.content
                else { return nil }
                return .text(text)
            case .integer:
                guard case .int(let value) = try source.value(forKey: key, type: .int).value?.content
                else { return nil }
                return .integer(value)
            case .list:
                guard case .stringArray(let values) = try source.value(forKey: key, type: .stringArray).value?.content
                else { return nil }
                return .list(values)
            }
        } catch {
            return nil
        }
    }

    /// A key from the file, safe to print.
    static func shown(_ key: String) -> String {
        guard !key.isEmpty, key.utf8.count <= 128, Setting.printable(key) == key else {
            return "A key of other characters than a setting has"
        }
        return key
    }
}

/// Counts lines once, however many places are asked for, from the first to the last.
private struct Lines {
    private let bytes: [UInt8]
    private var offset = 0
    private var line = 1

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func number(at place: Int) -> Int {
        while offset < min(place, bytes.count) {
            if bytes[offset] == UInt8(ascii: "\n") { line += 1 }
            offset += 1
        }
        return line
    }
}

extension Setting.Form {
    /// Whether the file's value is of the form, whatever it says.
    fileprivate func fits(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.text, .string), (.integer, .integer): true
        case (.list, .array(let elements)): elements.allSatisfy { $0.string != nil }
        default: false
        }
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
