import Glibc

/// Bytes on their way out: appended at the end, taken from the front. Grows by doubling and gives memory back on demand.
package struct OutputBuffer: ~Copyable {
    private var storage: UnsafeMutableRawPointer?
    private var capacity = 0
    private var start = 0
    private var end = 0

    package init() {}

    deinit { free(storage) }

    package var count: Int { end - start }
    package var isEmpty: Bool { end == start }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count).copyMemory(from: source, byteCount: bytes.count)
        end += bytes.count
    }

    package mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    package mutating func append(decimal value: Int) {
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var first = 20
        var rest = value.magnitude
        repeat {
            first -= 1
            digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        if value < 0 { append("-") }
        digits.span.withUnsafeBytes { append(UnsafeRawBufferPointer(rebasing: $0[first...])) }
    }

    /// The bytes not yet sent.
    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let storage else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return try body(UnsafeRawBufferPointer(start: storage + start, count: end - start))
    }

    /// Forgets the first `count` bytes, at most all: they were sent.
    package mutating func removeFirst(_ count: Int) {
        start += min(max(0, count), end - start)
        if start == end { (start, end) = (0, 0) }
    }

    package mutating func removeAll() { (start, end) = (0, 0) }

    /// Gives the memory back when the buffer is empty and holds more than `bound` bytes: one large answer does not stay
    /// with an idle connection.
    package mutating func releaseMemory(above bound: Int) {
        guard isEmpty, capacity > bound else { return }
        free(storage)
        (storage, capacity, start, end) = (nil, 0, 0, 0)
    }

    /// Room for `count` more bytes, behind the last one.
    private mutating func reserve(_ count: Int) -> UnsafeMutableRawPointer {
        if let storage, capacity - end >= count { return storage + end }
        return grow(count)
    }

    private mutating func grow(_ count: Int) -> UnsafeMutableRawPointer {
        let used = end - start
        if let storage, start > 0, capacity - used >= count, start >= used {
            memcpy(storage, storage + start, used)
            (start, end) = (0, used)
            return storage + end
        }
        let newCapacity = max(512, capacity * 2, used + count)
        guard let larger = malloc(newCapacity) else { fatalError("out of memory") }
        if let storage {
            memcpy(larger, storage + start, used)
            free(storage)
        }
        (storage, capacity, start, end) = (larger, newCapacity, 0, used)
        return larger + used
    }
}
