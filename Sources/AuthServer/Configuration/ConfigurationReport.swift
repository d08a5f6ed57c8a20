package import JSON

/// Every setting with its value and where that comes from: what `portcullis config check` prints. A secret is shown as
/// being there or not.
package struct ConfigurationReport: Sendable {
    package struct Entry: Sendable {
        package let setting: Setting
        package let origin: SettingOrigin
        /// A string, an integer or an array of strings; null when there is none and for a secret.
        package let value: JSONValue
        /// Whether there is a value, shown or not.
        package let isSet: Bool
    }

    /// The path of the file, if one was given.
    package let file: String?
    /// In the order of the table.
    package let entries: [Entry]

    /// Reads the settings as `serve` would. `cores` decides the number of loops and hash workers where none is set.
    ///
    /// Throws every problem at once; `config check` prints them and ends with 78.
    package init(
        environment: SettingVariables, file: String?, cores: Int = Configuration.cores
    ) throws(ConfigurationError) {
        let reader = try Configuration.read(environment: environment, file: file, cores: cores)
        self.file = file
        entries = Setting.all.map { setting in
            let value = setting.get(reader.configuration)
            return Entry(
                setting: setting, origin: reader.origins[setting.name] ?? .standard,
                value: setting.isSecret ? .null : value, isSet: !value.isNull)
        }
    }

    /// A table for people, with an end of line after each row.
    package var text: String {
        let rows = entries.map { ($0.setting.name, $0.origin.rawValue, ConfigurationReport.shown($0)) }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, origin, value in
            pad(name, to: width) + "  " + pad(origin, to: 11) + "  " + value + "\n"
        }.joined()
    }

    /// `{"file":…,"settings":[{"name","key","origin","value","is_set","is_secret","expectation","summary"}]}`
    package var json: [UInt8] {
        var writer = JSONWriter(reservingCapacity: 8192)
        writer.beginObject()
        writer.key("file")
        if let file { writer.string(file) } else { writer.null() }
        writer.key("settings")
        writer.beginArray()
        for entry in entries { ConfigurationReport.write(entry, to: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ entry: Entry, to writer: inout JSONWriter) {
        writer.beginObject()
        for (key, text) in [
            ("name", entry.setting.name), ("key", entry.setting.key), ("origin", entry.origin.rawValue),
            ("expectation", entry.setting.expectation(from: .environment)), ("summary", entry.setting.summary),
        ] {
            writer.key(key)
            writer.string(text)
        }
        writer.key("value")
        writer.value(entry.value)
        writer.key("is_set")
        writer.bool(entry.isSet)
        writer.key("is_secret")
        writer.bool(entry.setting.isSecret)
        writer.endObject()
    }

    private static func shown(_ entry: Entry) -> String {
        if entry.setting.isSecret { return entry.isSet ? "(set, not shown)" : "(none)" }
        return switch entry.value {
        case .string(let text): text
        case .integer(let number): String(number)
        case .array(let values) where !values.isEmpty: values.compactMap(\.string).joined(separator: ",")
        default: "(none)"
        }
    }

    private func pad(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
