/// A statement with its parameters, `$1` first.
package struct Query: Sendable {
    let statement: Statement
    let parameters: [Value]

    package init(_ statement: Statement, _ parameters: [Value]) {
        self.statement = statement
        self.parameters = parameters
    }
}

/// What a statement came to.
package struct QueryResult: Sendable {
    package let rows: [Row]
    /// Rows inserted, changed or removed; of a SELECT those returned.
    package let affected: Int
}
