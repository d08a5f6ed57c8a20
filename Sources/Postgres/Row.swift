/// One row of an answer. Columns are counted from 0; a column that is missing, null where a value is wanted, or of another
/// type throws `malformed`.
package struct Row: Sendable {
    /// Binary, as it came; nil for NULL.
    let columns: [[UInt8]?]

    init(columns: [[UInt8]?]) { self.columns = columns }

    /// Whether the column is NULL, or missing.
    package func isNull(_ column: Int) -> Bool { !columns.indices.contains(column) || columns[column] == nil }

    /// boolean
    package func bool(_ column: Int) throws(PostgresError) -> Bool {
        try required(try optionalBool(column), column)
    }

    /// smallint, integer, bigint, oid, xid8: signed, so that an xid8 beyond 2^63 would be refused.
    package func integer(_ column: Int) throws(PostgresError) -> Int64 {
        try required(try optionalInteger(column), column)
    }

    /// text, varchar, name, enums
    package func text(_ column: Int) throws(PostgresError) -> String {
        try required(try optionalText(column), column)
    }

    /// bytea: whatever there is
    package func bytes(_ column: Int) throws(PostgresError) -> [UInt8] {
        try required(try optionalBytes(column), column)
    }

    /// uuid: sixteen bytes
    package func uuid(_ column: Int) throws(PostgresError) -> [UInt8] {
        try required(try optionalUUID(column), column)
    }

    /// text[]
    package func texts(_ column: Int) throws(PostgresError) -> [String] {
        var texts: [String] = []
        for element in try elements(column) { texts.append(try Row.text(element, column)) }
        return texts
    }

    /// uuid[]
    package func uuids(_ column: Int) throws(PostgresError) -> [[UInt8]] {
        let uuids = try elements(column)
        guard uuids.allSatisfy({ $0.count == 16 }) else { throw Row.malformed(column, "no array of uuid") }
        return uuids
    }

    /// bytea[]
    package func byteArrays(_ column: Int) throws(PostgresError) -> [[UInt8]] { try elements(column) }

    /// bigint[], integer[]
    package func integers(_ column: Int) throws(PostgresError) -> [Int64] {
        var integers: [Int64] = []
        for element in try elements(column) { integers.append(try Row.integer(element, column)) }
        return integers
    }

    // MARK: NULL is nil

    package func optionalBool(_ column: Int) throws(PostgresError) -> Bool? {
        guard let bytes = try optionalBytes(column) else { return nil }
        guard bytes.count == 1, bytes[0] <= 1 else { throw Row.malformed(column, "no boolean") }
        return bytes[0] == 1
    }

    package func optionalInteger(_ column: Int) throws(PostgresError) -> Int64? {
        guard let bytes = try optionalBytes(column) else { return nil }
        return try Row.integer(bytes, column)
    }

    package func optionalText(_ column: Int) throws(PostgresError) -> String? {
        guard let bytes = try optionalBytes(column) else { return nil }
        return try Row.text(bytes, column)
    }

    package func optionalBytes(_ column: Int) throws(PostgresError) -> [UInt8]? {
        guard columns.indices.contains(column) else { throw Row.malformed(column, "it is missing") }
        return columns[column]
    }

    package func optionalUUID(_ column: Int) throws(PostgresError) -> [UInt8]? {
        guard let bytes = try optionalBytes(column) else { return nil }
        guard bytes.count == 16 else { throw Row.malformed(column, "no uuid") }
        return bytes
    }

    // MARK: Decoding

    private func required<Result>(_ value: Result?, _ column: Int) throws(PostgresError) -> Result {
        guard let value else { throw Row.malformed(column, "it is null") }
        return value
    }

    /// The elements of an array of at most one dimension, none of them NULL.
    private func elements(_ column: Int) throws(PostgresError) -> [[UInt8]] {
        let bytes = try bytes(column)
        guard let elements = ArrayReader.elements(of: bytes) else { throw Row.malformed(column, "no array") }
        return elements
    }

    private static func integer(_ bytes: [UInt8], _ column: Int) throws(PostgresError) -> Int64 {
        switch bytes.count {
        case 8: return Int64(truncatingIfNeeded: bigEndian(bytes[...]))
        case 4: return Int64(Int32(truncatingIfNeeded: bigEndian(bytes[...])))
        case 2: return Int64(Int16(truncatingIfNeeded: bigEndian(bytes[...])))
        default: throw malformed(column, "no integer")
        }
    }

    private static func text(_ bytes: [UInt8], _ column: Int) throws(PostgresError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw malformed(column, "no UTF-8") }
        return text
    }

    private static func malformed(_ column: Int, _ what: String) -> PostgresError {
        PostgresError(.malformed, "column \(column): \(what)")
    }

    fileprivate static func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// Reads an array's binary form (src/backend/utils/adt/arrayfuncs.c, `array_send`).
private enum ArrayReader {
    /// Nil for what is none, for more than one dimension, and for NULL among the elements.
    static func elements(of bytes: [UInt8]) -> [[UInt8]]? {
        var rest = bytes[...]
        guard let dimensions = integer(&rest), integer(&rest) != nil, integer(&rest) != nil else { return nil }
        if dimensions == 0 { return rest.isEmpty ? [] : nil }
        guard dimensions == 1, let count = integer(&rest), integer(&rest) != nil else { return nil }
        var elements: [[UInt8]] = []
        // Nothing is allocated by a count that was only announced.
        while elements.count < count {
            guard let length = integer(&rest), length >= 0, length <= rest.count else { return nil }
            elements.append(Array(rest.prefix(Int(length))))
            rest = rest.dropFirst(Int(length))
        }
        return rest.isEmpty && count >= 0 ? elements : nil
    }

    private static func integer(_ rest: inout ArraySlice<UInt8>) -> Int32? {
        guard rest.count >= 4 else { return nil }
        defer { rest = rest.dropFirst(4) }
        return Int32(truncatingIfNeeded: Row.bigEndian(rest.prefix(4)))
    }
}
