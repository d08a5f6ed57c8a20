/// Bytes that wait for the socket: appended behind, taken in front.
struct ByteQueue {
    private var bytes: [UInt8] = []
    /// Bytes before this one are taken.
    private var first = 0

    /// Memory kept while there is nothing to send.
    private static let idleBytes = 64 * 1024

    var count: Int { bytes.count - first }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }

    /// Appends a command as Redis reads it: an array of bulk strings.
    mutating func append(_ command: RedisCommand) {
        append("*", command.arguments.count)
        for argument in command.arguments {
            append("$", argument.count)
            bytes.append(contentsOf: argument)
            bytes.append(0x0D)
            bytes.append(0x0A)
        }
    }

    func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try bytes.span.bytes.extracting(droppingFirst: first).withUnsafeBytes(body)
    }

    mutating func removeFirst(_ count: Int) {
        first += count
        if first == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= ByteQueue.idleBytes)
            first = 0
        } else if first > bytes.count / 2 {
            bytes.removeFirst(first)
            first = 0
        }
    }

    /// A line of a mark and a count.
    private mutating func append(_ mark: Unicode.Scalar, _ count: Int) {
        bytes.append(UInt8(truncatingIfNeeded: mark.value))
        if count < 10 {
            bytes.append(0x30 + UInt8(truncatingIfNeeded: count))
        } else {
            bytes.append(contentsOf: String(count).utf8)
        }
        bytes.append(0x0D)
        bytes.append(0x0A)
    }
}

extension RedisCommand {
    /// Bytes on the wire, or a little more: a length takes 15 at most.
    var byteCount: Int { arguments.reduce(16) { $0 + $1.count + 16 } }
}
