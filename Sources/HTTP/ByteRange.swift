/// A part of a request's head, counted from the request's first byte. The bytes are kept by somebody else, and may move.
package struct ByteRange: Sendable, Equatable {
    package var start: UInt32
    package var count: UInt32

    package init(start: UInt32, count: UInt32) {
        self.start = start
        self.count = count
    }

    /// Offsets of a head, which its limit keeps far below 4 GiB.
    @inline(__always)
    init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        count = UInt32(truncatingIfNeeded: end &- start)
    }

    /// The part itself, good as long as `bytes` are. Bytes of another, shorter head stop the process: reading beyond
    /// them would be worse.
    @inline(__always)
    package func of(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let (first, size) = (Int(start), Int(count))
        precondition(first + size <= bytes.count, "a range of another head")
        guard let base = bytes.baseAddress else { return bytes }
        return UnsafeRawBufferPointer(start: base + first, count: size)
    }
}

/// What a head says under one field name: the first value, without the white space around it, and how many there are.
package struct FieldValue: Sendable, Equatable {
    private var first = ByteRange(start: 0, count: 0)
    package private(set) var count: UInt32 = 0

    /// The first value; nil when the field is absent.
    package var range: ByteRange? { count == 0 ? nil : first }

    @inline(__always)
    mutating func add(_ value: ByteRange) {
        if count == 0 { first = value }
        count &+= 1
    }
}
