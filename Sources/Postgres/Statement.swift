/// A statement that every connection prepares once, when it first runs it. Declared as a constant: `name` is its identity,
/// so two statements never share one.
package struct Statement: Sendable {
    /// At most 60 bytes (the server keeps 63 of them, and a statement that is prepared for other types gets a suffix).
    package let name: StaticString
    package let sql: String
    /// It changes nothing, and calls nothing that does: when its connection breaks it is repeated.
    package let isReadOnly: Bool

    package init(_ name: StaticString, _ sql: String, isReadOnly: Bool = false) {
        self.name = name
        self.sql = sql
        self.isReadOnly = isReadOnly
    }
}
