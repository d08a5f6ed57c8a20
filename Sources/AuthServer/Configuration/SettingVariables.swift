import Glibc

/// The environment variables named `PORTCULLIS_…`, as they are: Foundation's reader puts U+FFFD where bytes are not UTF-8,
/// so that a password or a path would be another one without a word.
package struct SettingVariables: Sendable, Equatable {
    private(set) var values: [String: String] = [:]
    /// Names of those that are not UTF-8; in a name that is not itself, such bytes are `\xFF`.
    private(set) var notText: Set<String> = []

    /// Others than ours are left out.
    package init(_ variables: [String: String]) { values = variables.filter { Setting.isName($0.key) } }

    /// From `name=value`, in bytes. Of one name the first counts, as for `getenv`.
    package init(entries: [[UInt8]]) {
        for entry in entries {
            guard let end = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let bytes = entry[..<end]
            let name = String(validating: bytes, as: UTF8.self)
            let shown = name ?? SettingVariables.escaped(bytes)
            guard Setting.isName(shown), values[shown] == nil, !notText.contains(shown) else { continue }
            if name != nil, let value = String(validating: entry[(end + 1)...], as: UTF8.self) {
                values[shown] = value
            } else {
                notText.insert(shown)
            }
        }
    }

    /// Those of this process. Nothing may change them meanwhile.
    package static func ofProcess() -> SettingVariables {
        var entries: [[UInt8]] = []
        var next = environ
        while let entry = next.pointee {
            entries.append(Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry))))
            next += 1
        }
        return SettingVariables(entries: entries)
    }

    /// Puts a value in place of what was there.
    package mutating func set(_ name: String, to value: String) {
        notText.remove(name)
        values[name] = value
    }

    private static func escaped(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { byte in
            if byte < 0x80 { return String(UnicodeScalar(byte)) }
            return "\\x" + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}

extension Setting {
    /// A name that somebody chose, safe to print: what a terminal would obey is escaped.
    static func printable(_ name: String) -> String {
        name.unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: scalar.escaped(asASCII: true)
            default: String(scalar)
            }
        }.joined()
    }
}
