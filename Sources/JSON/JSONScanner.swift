/// Reads JSON value by value, without a tree and without allocating: for the claims of a token.
///
/// As strict as `JSONValue(parsing:)`: everything passed over is checked too, and a repeated member name is refused in
/// every object, known or not, escaped or not. Member values that the caller does not read are skipped. The bytes must
/// outlive the scanner and every `JSONText` it gave.
package struct JSONScanner: ~Copyable {
    package enum Kind: Sendable, Equatable { case object, array, string, number, bool, null }

    /// Names of members in all open objects together: a token of ours has twenty.
    package static let maximumOpenNames = 64
    package static let maximumDepth = 8

    private var lexer: JSONLexer
    private var depth = 0
    /// For each open container, the outermost first.
    private var containers = InlineArray<8, Container>(repeating: Container())
    /// Names of all open objects, stacked; each container knows where its own begin.
    private var names = InlineArray<64, NameRange>(repeating: NameRange())
    private var nameCount = 0

    private struct Container {
        var isObject = false
        var isFirst = true
        /// A member's name was given and its value not read yet.
        var owesValue = false
        var firstName = 0
        /// One bit for each name so far, chosen by `mark`: a name whose bit is not set yet is new.
        var marks: UInt64 = 0
    }

    private struct NameRange {
        var start: UInt32 = 0
        var countAndEscapes: UInt32 = 0
    }

    /// `bytes` beyond 2 GiB are refused as `tooManyMembers` at their first name out of reach.
    package init(_ bytes: UnsafeRawBufferPointer) { lexer = JSONLexer(bytes) }

    /// What comes next, unread.
    @inline(__always)
    package mutating func kind() throws(JSONError) -> Kind {
        switch try lexer.peek() {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        default: throw lexer.error(.unexpectedByte)
        }
    }

    /// Enters an object; go on with `nextMember()` until it gives nil.
    package mutating func beginObject() throws(JSONError) {
        try require(.object)
        try open(isObject: true, UInt8(ascii: "{"))
    }

    /// Enters an array; go on with `nextElement()` until it gives false.
    package mutating func beginArray() throws(JSONError) {
        try require(.array)
        try open(isObject: false, UInt8(ascii: "["))
    }

    /// The name of the next member, whose value is then next; nil once the object has ended.
    package mutating func nextMember() throws(JSONError) -> JSONText? {
        guard depth > 0, containers[depth - 1].isObject else { throw lexer.error(.wrongType) }
        if containers[depth - 1].owesValue { try skip() }
        guard try hasNext(closing: UInt8(ascii: "}")) else { return nil }
        guard try lexer.peek() == UInt8(ascii: "\"") else { throw lexer.error(.unexpectedByte) }
        let offset = lexer.position
        let name = try lexer.string()
        try remember(name, at: offset)
        try lexer.expect(UInt8(ascii: ":"))
        containers[depth - 1].owesValue = true
        return name
    }

    /// Whether another element is next; false once the array has ended. Elements left unread are skipped.
    package mutating func nextElement() throws(JSONError) -> Bool {
        guard depth > 0, !containers[depth - 1].isObject else { throw lexer.error(.wrongType) }
        if containers[depth - 1].owesValue { try skip() }
        guard try hasNext(closing: UInt8(ascii: "]")) else { return false }
        containers[depth - 1].owesValue = true
        return true
    }

    package mutating func string() throws(JSONError) -> JSONText {
        try require(.string)
        let text = try lexer.string()
        valueRead()
        return text
    }

    package mutating func number() throws(JSONError) -> JSONNumber {
        try require(.number)
        let number = try lexer.number()
        valueRead()
        return number
    }

    /// A number without fraction and exponent, within Int64.
    package mutating func integer() throws(JSONError) -> Int64 {
        try require(.number)
        let offset = lexer.position
        guard case .integer(let value) = try number() else {
            throw JSONError(kind: .numberOutOfRange, offset: offset)
        }
        return value
    }

    package mutating func bool() throws(JSONError) -> Bool {
        try require(.bool)
        let isTrue = try lexer.peek() == UInt8(ascii: "t")
        try lexer.literal(isTrue ? "true" : "false")
        valueRead()
        return isTrue
    }

    package mutating func null() throws(JSONError) {
        try require(.null)
        try lexer.literal("null")
        valueRead()
    }

    /// Passes over the next value, whatever it is, with every check.
    package mutating func skip() throws(JSONError) {
        switch try kind() {
        case .object:
            try beginObject()
            while try nextMember() != nil {}
        case .array:
            try beginArray()
            while try nextElement() {}
        case .string: _ = try string()
        case .number: _ = try number()
        case .bool: _ = try bool()
        case .null: try null()
        }
    }

    /// Call after the outermost value: nothing but white space may follow.
    package mutating func finish() throws(JSONError) {
        guard depth == 0 else { throw lexer.error(.unexpectedEnd) }
        try lexer.expectEnd()
    }

    /// Inside a container a value can be read only where one is owed.
    @inline(__always)
    private mutating func require(_ expected: Kind) throws(JSONError) {
        guard depth == 0 || containers[depth - 1].owesValue else { throw lexer.error(.wrongType) }
        guard try kind() == expected else { throw lexer.error(.wrongType) }
    }

    @inline(__always)
    private mutating func valueRead() {
        if depth > 0 { containers[depth - 1].owesValue = false }
    }

    private mutating func open(isObject: Bool, _ bracket: UInt8) throws(JSONError) {
        valueRead()
        guard depth < Self.maximumDepth else { throw lexer.error(.tooDeep) }
        try lexer.expect(bracket)
        containers[depth] = Container(isObject: isObject, firstName: nameCount)
        depth += 1
    }

    /// Consumes the comma before the next item, or the closing bracket.
    private mutating func hasNext(closing: UInt8) throws(JSONError) -> Bool {
        if try lexer.take(closing) {
            nameCount = containers[depth - 1].firstName
            depth -= 1
            return false
        }
        if containers[depth - 1].isFirst {
            containers[depth - 1].isFirst = false
        } else {
            try lexer.expect(UInt8(ascii: ","))
        }
        return true
    }

    private mutating func remember(_ name: JSONText, at offset: Int) throws(JSONError) {
        guard nameCount < Self.maximumOpenNames, let start = UInt32(exactly: offset + 1),
            name.escaped.count <= Int32.max
        else { throw JSONError(kind: .tooManyMembers, offset: offset) }
        let count = UInt32(truncatingIfNeeded: name.escaped.count)
        let range = NameRange(start: start, countAndEscapes: count << 1 | (name.hasEscapes ? 1 : 0))
        let mark = Self.mark(of: name)
        let marks = containers[depth - 1].marks
        containers[depth - 1].marks = marks | mark
        let first = marks & mark == 0 ? nameCount : containers[depth - 1].firstName
        let others = first..<nameCount
        let (bytes, slot) = (lexer.bytes, nameCount)
        // By address: an element read or written through the array's subscript can cost a copy of all of it.
        let isRepeated = withUnsafeMutableBytes(of: &names) { names in
            let stride = MemoryLayout<NameRange>.stride
            for index in others {
                let earlier = names.load(fromByteOffset: index * stride, as: NameRange.self)
                if Self.isSame(earlier, range, name, bytes) { return true }
            }
            names.storeBytes(of: range, toByteOffset: slot * stride, as: NameRange.self)
            return false
        }
        guard !isRepeated else { throw JSONError(kind: .duplicateName, offset: offset) }
        nameCount += 1
    }

    /// The same for names that are the same, and of two others seldom: those of an access token have a bit each. With an
    /// escape in it a name may be any other's equal.
    @inline(__always)
    private static func mark(of name: JSONText) -> UInt64 {
        if name.hasEscapes { return .max }
        guard let first = name.escaped.first, let last = name.escaped.last else { return 1 }
        let sum = UInt64(first) &* 4 &+ UInt64(last) &* 2 &+ UInt64(truncatingIfNeeded: name.escaped.count)
        return 1 &<< sum
    }

    /// Names without escapes must be of one length to be the same.
    @inline(__always)
    private static func isSame(
        _ earlier: NameRange, _ range: NameRange, _ name: JSONText, _ bytes: UnsafeRawBufferPointer
    ) -> Bool {
        let hasEscapes = (earlier.countAndEscapes | range.countAndEscapes) & 1 == 1
        guard hasEscapes || earlier.countAndEscapes == range.countAndEscapes else { return false }
        let first = Int(earlier.start)
        let escaped = bytes[first..<(first + Int(earlier.countAndEscapes >> 1))]
        let isEscaped = earlier.countAndEscapes & 1 == 1
        return JSONText(escaped: UnsafeRawBufferPointer(rebasing: escaped), hasEscapes: isEscaped) == name
    }
}
