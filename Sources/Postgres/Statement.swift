/// A statement that every connection prepares once, when it first runs it. Declared as a constant: `name` is its identity,
/// so two statements never share one.
package struct Statement: Sendable {
    /// At most 63 bytes.
    package let name: StaticString
    package let sql: String

    package init(_ name: StaticString, _ sql: String) {
        self.name = name
        self.sql = sql
    }
}

/// A parameter, sent in binary. SQL NULL is `.null`.
package enum Value: Sendable, Hashable {
    case null
    /// boolean
    case bool(Bool)
    /// bigint
    case integer(Int64)
    /// text
    case text(String)
    /// bytea
    case bytes([UInt8])
    /// uuid: sixteen bytes
    case uuid([UInt8])
    /// text[]
    case texts([String])
    /// bytea[]
    case byteArrays([[UInt8]])
    /// uuid[]: sixteen bytes each
    case uuids([[UInt8]])
    /// bigint[]
    case integers([Int64])
}

/// One row of an answer. Columns are counted from 0; a column that is missing, null where a value is wanted, or of another
/// type throws `malformed`.
package struct Row: Sendable {
    /// Binary, as it came; nil for NULL.
    let columns: [[UInt8]?]

    init(columns: [[UInt8]?]) { self.columns = columns }
}
