/// A reply (RESP2), copied out of the reader.
package enum RedisValue: Sendable, Hashable {
    case null
    case integer(Int64)
    /// A simple or a bulk string.
    case bytes([UInt8])
    case array([RedisValue])
    /// An error inside a pipeline or an array; alone it is thrown.
    case error(String)
}

/// A command with its arguments, as bytes.
package struct RedisCommand: Sendable, Hashable {
    package let arguments: [[UInt8]]

    package init(_ arguments: [[UInt8]]) { self.arguments = arguments }

    package init(_ arguments: String...) { self.arguments = arguments.map { Array($0.utf8) } }
}
