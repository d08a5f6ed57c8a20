extension JSONValue {
    /// Reads exactly one value (RFC 8259), white space around it allowed.
    ///
    /// Stricter than the RFC asks: repeated names (after unescaping), invalid UTF-8, lone surrogates, a byte order mark
    /// and numbers that no finite Double can hold are refused. `[[]]` has depth 2.
    package init(parsing bytes: RawSpan, maximumDepth: Int = 8) throws(JSONError) {
        self = try bytes.withUnsafeBytes { (bytes) throws(JSONError) -> JSONValue in
            var parser = JSONParser(bytes, maximumDepth: maximumDepth)
            return try parser.parse()
        }
    }

    package init(parsing bytes: [UInt8], maximumDepth: Int = 8) throws(JSONError) {
        try self.init(parsing: bytes.span.bytes, maximumDepth: maximumDepth)
    }

    /// Reads on at a repeated name: its later values are left out, and it is in `duplicates`, in the order of the bytes.
    /// For what a person wrote and wants to hear all of at once; what others send is refused whole.
    package static func parse(
        namingDuplicatesOf bytes: [UInt8], maximumDepth: Int = 8
    ) throws(JSONError) -> (value: JSONValue, duplicates: [JSONError]) {
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(JSONError) in
            var parser = JSONParser(bytes, maximumDepth: maximumDepth)
            parser.stopsAtDuplicates = false
            let value = try parser.parse()
            return (value, parser.duplicates)
        }
    }
}

/// Builds the tree by recursive descent; the depth limit bounds the stack.
private struct JSONParser {
    private var lexer: JSONLexer
    private let maximumDepth: Int
    var stopsAtDuplicates = true
    private(set) var duplicates: [JSONError] = []

    init(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int) {
        lexer = JSONLexer(bytes)
        self.maximumDepth = maximumDepth
    }

    mutating func parse() throws(JSONError) -> JSONValue {
        let value = try value(depth: 0)
        try lexer.expectEnd()
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        switch try lexer.peek() {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try lexer.string().string)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            switch try lexer.number() {
            case .integer(let value): return .integer(value)
            case .double(let value): return .number(value)
            }
        case UInt8(ascii: "t"):
            try lexer.literal("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try lexer.literal("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try lexer.literal("null")
            return .null
        default: throw lexer.error(.unexpectedByte)
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= maximumDepth else { throw lexer.error(.tooDeep) }
        try lexer.expect(UInt8(ascii: "["))
        var elements: [JSONValue] = []
        while try !lexer.take(UInt8(ascii: "]")) {
            if !elements.isEmpty { try lexer.expect(UInt8(ascii: ",")) }
            elements.append(try value(depth: depth))
        }
        return .array(elements)
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        guard depth <= maximumDepth else { throw lexer.error(.tooDeep) }
        try lexer.expect(UInt8(ascii: "{"))
        var members: [JSONObject.Member] = []
        var names: Set<[UInt8]> = []
        while try !lexer.take(UInt8(ascii: "}")) {
            if !members.isEmpty { try lexer.expect(UInt8(ascii: ",")) }
            guard try lexer.peek() == UInt8(ascii: "\"") else { throw lexer.error(.unexpectedByte) }
            let offset = lexer.position
            let name = try lexer.string().string
            let isFirst = names.insert(Array(name.utf8)).inserted
            if !isFirst {
                let duplicate = JSONError(kind: .duplicateName, offset: offset)
                if stopsAtDuplicates { throw duplicate }
                duplicates.append(duplicate)
            }
            try lexer.expect(UInt8(ascii: ":"))
            let value = try value(depth: depth)
            if isFirst { members.append(JSONObject.Member(name: name, value: value)) }
        }
        return .object(JSONObject(members: members))
    }
}
