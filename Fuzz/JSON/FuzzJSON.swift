import Driver
import Glibc
import JSON

/// The tree and the pull reader take and refuse the same bytes, and what was read survives being written and read again.
@main
enum FuzzJSON {
    static func main() {
        exit(
            fuzz { input in
                let tree = read(Array(input))
                guard pulls(input) == (tree != nil) else { violated("both readers agree") }
                guard let tree else { return }
                var writer = JSONWriter()
                writer.value(tree)
                guard let again = read(writer.bytes), again == tree else { violated("what is written reads the same") }
            })
    }

    static func read(_ bytes: [UInt8]) -> JSONValue? {
        do { return try JSONValue(parsing: bytes) } catch { return nil }
    }

    static func pulls(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var scanner = JSONScanner(bytes)
        do {
            try walk(&scanner)
            try scanner.finish()
            return true
        } catch {
            return false
        }
    }

    static func walk(_ scanner: inout JSONScanner) throws(JSONError) {
        switch try scanner.kind() {
        case .object:
            try scanner.beginObject()
            while let name = try scanner.nextMember() {
                guard name.string.utf8.count <= name.escaped.count else { violated("unescaping never grows a string") }
                try walk(&scanner)
            }
        case .array:
            try scanner.beginArray()
            while try scanner.nextElement() { try walk(&scanner) }
        case .string: _ = try scanner.string().string
        case .number: _ = try scanner.number()
        case .bool: _ = try scanner.bool()
        case .null: try scanner.null()
        }
    }
}
