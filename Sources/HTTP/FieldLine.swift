/// One field line without its CRLF, split and checked (RFC 9112 section 5).
struct FieldLine {
    let name: ByteRange
    /// Without the white space around it.
    let value: ByteRange

    /// nil when the line is none: the caller asks `refusal` why, off the hot path.
    @inline(__always)
    init?(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) {
        guard let base = bytes.baseAddress, end <= bytes.count else { return nil }
        var position = start
        while position < end, isTokenCharacter(base.load(fromByteOffset: position, as: UInt8.self)) { position &+= 1 }
        guard position > start, position < end,
            base.load(fromByteOffset: position, as: UInt8.self) == UInt8(ascii: ":")
        else { return nil }
        name = ByteRange(start, position)
        var valueStart = position &+ 1
        var valueEnd = end
        while valueStart < valueEnd, isBlank(base.load(fromByteOffset: valueStart, as: UInt8.self)) { valueStart &+= 1 }
        while valueEnd > valueStart, isBlank(base.load(fromByteOffset: valueEnd &- 1, as: UInt8.self)) {
            valueEnd &-= 1
        }
        guard areFieldCharacters(base + valueStart, valueEnd &- valueStart) else { return nil }
        value = ByteRange(valueStart, valueEnd)
    }

    /// What is wrong with a line that was refused.
    static func refusal(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> StaticString {
        let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        guard let first = line.first else { return "a field line is empty" }
        if isBlank(first) { return "a field line is folded" }
        if first == UInt8(ascii: ":") { return "a field has no name" }
        guard let end = line.firstIndex(where: { !isTokenCharacter($0) }) else { return "a field line has no colon" }
        if line[end] == UInt8(ascii: ":") { return "a field value holds a control character" }
        if isBlank(line[end]) { return "white space stands before a field's colon" }
        return "a field name holds a character that is not allowed"
    }
}
