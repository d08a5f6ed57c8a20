import JSON
import Testing

/// One input and what both readers must say of it. The categories are those of JSONTestSuite: must be refused (n), must
/// be accepted (y), and what RFC 8259 leaves open (i), where we say which way we went.
struct RefusedInput: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let kind: JSONError.Kind

    init(_ name: String, _ text: String, _ kind: JSONError.Kind) {
        self.init(name, Array(text.utf8), kind)
    }

    init(_ name: String, _ bytes: [UInt8], _ kind: JSONError.Kind) {
        self.name = name
        self.bytes = bytes
        self.kind = kind
    }

    var testDescription: String { name }
}

struct AcceptedInput: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let value: JSONValue

    init(_ name: String, _ text: String, _ value: JSONValue) {
        self.name = name
        self.text = text
        self.value = value
    }

    var testDescription: String { name }
}

func object(_ members: (String, JSONValue)...) -> JSONValue {
    .object(JSONObject(members: members.map { JSONObject.Member(name: $0.0, value: $0.1) }))
}

func string(of bytes: [UInt8]) -> [UInt8] { [0x22] + bytes + [0x22] }

let refusedStructures: [RefusedInput] = [
    .init("nothing", "", .unexpectedEnd),
    .init("only white space", " \t\r\n", .unexpectedEnd),
    .init("a byte order mark", [0xEF, 0xBB, 0xBF] + Array("{}".utf8), .unexpectedByte),
    .init("UTF-16", [0x5B, 0x00, 0x5D, 0x00], .unexpectedByte),
    .init("form feed as white space", "[\u{0C}]", .unexpectedByte),
    .init("no-break space as white space", "[\u{A0}]", .unexpectedByte),
    .init("an open array", "[1", .unexpectedEnd),
    .init("an open object", "{\"a\":1", .unexpectedEnd),
    .init("a comma before the end of an array", "[1,]", .unexpectedByte),
    .init("a comma before the end of an object", "{\"a\":1,}", .unexpectedByte),
    .init("a comma first", "[,1]", .unexpectedByte),
    .init("two commas", "[1,,2]", .unexpectedByte),
    .init("no comma between elements", "[1 2]", .unexpectedByte),
    .init("no comma between members", "{\"a\":1 \"b\":2}", .unexpectedByte),
    .init("a colon in an array", "[\"a\":1]", .unexpectedByte),
    .init("no colon", "{\"a\" 1}", .unexpectedByte),
    .init("no value", "{\"a\":}", .unexpectedByte),
    .init("a comma for a colon", "{\"a\",1}", .unexpectedByte),
    .init("a name without quotes", "{a:1}", .unexpectedByte),
    .init("a name in single quotes", "{'a':1}", .unexpectedByte),
    .init("a number as name", "{1:1}", .unexpectedByte),
    .init("closed with the other bracket", "[1}", .unexpectedByte),
    .init("an object closed as an array", "{\"a\":1]", .unexpectedByte),
    .init("one bracket too many", "[]]", .trailingBytes),
    .init("two values", "{} {}", .trailingBytes),
    .init("text after the value", "{}x", .trailingBytes),
    .init("a NUL after the value", "{}\u{0}", .trailingBytes),
    .init("a comment", "[/* a */]", .unexpectedByte),
    .init("a line comment after the value", "{}//", .trailingBytes),
    .init("a literal in capitals", "TRUE", .unexpectedByte),
    .init("a literal cut short", "tru", .unexpectedEnd),
    .init("a literal misspelt", "nall", .unexpectedByte),
    .init("a literal too long", "nulll", .trailingBytes),
    .init("undefined", "undefined", .unexpectedByte),
    .init("the same name twice", "{\"a\":1,\"a\":1}", .duplicateName),
    .init("the same name twice, once escaped", "{\"a\":1,\"\\u0061\":2}", .duplicateName),
    .init("the same name twice, both escaped", "{\"\\u00e9\":1,\"\\u00E9\":2}", .duplicateName),
    .init("the same name, raw and as a pair", "{\"\u{1F600}\":1,\"\\ud83d\\ude00\":2}", .duplicateName),
    .init("the same name twice, among names told apart late", #"{"ad":1,"bb":2,"ad":3}"#, .duplicateName),
    .init("the same name twice, its second half escaped", #"{"b":1,"ab":2,"a\u0062":3}"#, .duplicateName),
    .init("the same name twice, behind one with an escape", #"{"\u0062":1,"a":2,"b":3}"#, .duplicateName),
    .init("the empty name twice", "{\"\":1,\"\":2}", .duplicateName),
    .init("the same name twice, far apart", "{\"a\":1,\"b\":{\"c\":[]},\"d\":2,\"a\":3}", .duplicateName),
    .init("the same name twice, deeper", "{\"x\":[{\"a\":1,\"b\":2,\"a\":3}]}", .duplicateName),
    .init("nine arrays deep", "[[[[[[[[[]]]]]]]]]", .tooDeep),
    .init("nine deep, mixed", "{\"a\":[{\"a\":[{\"a\":[{\"a\":[{}]}]}]}]}", .tooDeep),
    .init("100,000 open arrays", [UInt8](repeating: 0x5B, count: 100_000), .tooDeep),
    .init("100,000 open objects", Array(String(repeating: "{\"\":", count: 100_000).utf8), .tooDeep),
]

let refusedNumbers: [RefusedInput] = [
    .init("a leading zero", "012", .invalidNumber),
    .init("a negative leading zero", "-012", .invalidNumber),
    .init("two zeros", "00", .invalidNumber),
    .init("a plus sign", "+1", .unexpectedByte),
    .init("two signs", "--1", .invalidNumber),
    .init("only a sign", "[-]", .invalidNumber),
    .init("only a sign, then the end", "-", .unexpectedEnd),
    .init("a point first", ".5", .unexpectedByte),
    .init("a point after the sign", "-.5", .invalidNumber),
    .init("a point last", "[1.]", .invalidNumber),
    .init("a point, then the end", "1.", .unexpectedEnd),
    .init("two points", "1.2.3", .trailingBytes),
    .init("an exponent without digits", "[1e]", .invalidNumber),
    .init("an exponent of a sign only", "[1e+]", .invalidNumber),
    .init("an exponent after a bare point", "1.e1", .invalidNumber),
    .init("two exponents", "1e2e3", .trailingBytes),
    .init("a broken exponent", "1e1.5", .trailingBytes),
    .init("hexadecimal", "0x10", .trailingBytes),
    .init("an underscore", "1_000", .trailingBytes),
    .init("a full-width digit", "\u{FF11}", .unexpectedByte),
    .init("NaN", "NaN", .unexpectedByte),
    .init("Infinity", "-Infinity", .invalidNumber),
    .init("beyond Double (left open by the RFC: refused)", "1e400", .numberOutOfRange),
    .init("below Double (left open by the RFC: refused)", "-1e400", .numberOutOfRange),
    .init("an endless exponent", "1e" + String(repeating: "9", count: 200), .numberOutOfRange),
    .init("257 digits", String(repeating: "1", count: 257), .numberOutOfRange),
    .init("50,000 digits", String(repeating: "9", count: 50_000), .numberOutOfRange),
]

let refusedStrings: [RefusedInput] = [
    .init("an open string", "\"abc", .unexpectedEnd),
    .init("an open string after an escaped quote", "\"abc\\\"", .unexpectedEnd),
    .init("a raw line feed", "\"a\nb\"", .controlCharacter),
    .init("a raw tab", "\"a\tb\"", .controlCharacter),
    .init("a raw NUL", "\"a\u{0}b\"", .controlCharacter),
    .init("a raw 0x1F in a long run", "\"abcdefghijklm\u{1F}nopqrstuvwxyz\"", .controlCharacter),
    .init("an unknown escape", "\"\\a\"", .invalidEscape),
    .init("an escaped single quote", "\"\\'\"", .invalidEscape),
    .init("a hexadecimal escape", "\"\\x41\"", .invalidEscape),
    .init("a capital U escape", "\"\\U0041\"", .invalidEscape),
    .init("an escaped line feed", "\"\\\n\"", .invalidEscape),
    .init("three digits", "\"\\u004\"", .invalidEscape),
    .init("a digit that is none", "\"\\u00G0\"", .invalidEscape),
    .init("a sign for a digit", "\"\\u+041\"", .invalidEscape),
    .init("a lone high surrogate (left open by the RFC: refused)", "\"\\uD800\"", .loneSurrogate),
    .init("a high surrogate before text", "\"\\uD800abc\"", .loneSurrogate),
    .init("a high surrogate before another escape", "\"\\uD800\\n\"", .loneSurrogate),
    .init("a high surrogate before a plain code unit", "\"\\uD800\\u0041\"", .loneSurrogate),
    .init("two high surrogates", "\"\\uD83D\\uD83D\"", .loneSurrogate),
    .init("a lone low surrogate", "\"\\uDC00\"", .loneSurrogate),
    .init("a pair the wrong way round", "\"\\uDE00\\uD83D\"", .loneSurrogate),
    .init("single quotes", "'a'", .unexpectedByte),
    .init("a bare continuation byte", string(of: [0x80]), .invalidUTF8),
    .init("overlong slash in two bytes", string(of: [0xC0, 0xAF]), .invalidUTF8),
    .init("overlong 0xC1", string(of: [0xC1, 0xBF]), .invalidUTF8),
    .init("overlong in three bytes", string(of: [0xE0, 0x9F, 0xBF]), .invalidUTF8),
    .init("overlong in four bytes", string(of: [0xF0, 0x8F, 0xBF, 0xBF]), .invalidUTF8),
    .init("a surrogate in UTF-8", string(of: [0xED, 0xA0, 0x80]), .invalidUTF8),
    .init("beyond U+10FFFF", string(of: [0xF4, 0x90, 0x80, 0x80]), .invalidUTF8),
    .init("0xF5", string(of: [0xF5, 0x80, 0x80, 0x80]), .invalidUTF8),
    .init("0xFF", string(of: [0xFF]), .invalidUTF8),
    .init("two bytes cut short by the quote", string(of: [0xC3]), .invalidUTF8),
    .init("three bytes cut short by the quote", string(of: [0xE2, 0x82]), .invalidUTF8),
    .init("four bytes cut short by the quote", string(of: [0xF0, 0x9F, 0x98]), .invalidUTF8),
    .init("invalid UTF-8 in a name", Array("{".utf8) + string(of: [0xFF]) + Array(":1}".utf8), .invalidUTF8),
    .init("invalid UTF-8 outside strings", [0x5B, 0xFF, 0x5D], .unexpectedByte),
]

let accepted: [AcceptedInput] = [
    .init("null alone", "null", .null),
    .init("true", "true", .bool(true)),
    .init("false in white space", " \t\r\n false \n", .bool(false)),
    .init("an empty array", "[ ]", .array([])),
    .init("an empty object", "{ }", object()),
    .init("eight deep", "[[[[[[[[]]]]]]]]", (0..<7).reduce(.array([])) { inner, _ in .array([inner]) }),
    .init("zero", "0", .integer(0)),
    .init("minus zero", "-0", .integer(0)),
    .init("the largest Int64", "9223372036854775807", .integer(.max)),
    .init("the smallest Int64", "-9223372036854775808", .integer(.min)),
    .init("one beyond Int64", "9223372036854775808", .number(9_223_372_036_854_775_808)),
    .init("one below Int64", "-9223372036854775809", .number(-9_223_372_036_854_775_808)),
    .init("a fraction", "-1.25", .number(-1.25)),
    .init("a whole fraction stays a fraction", "1.0", .number(1)),
    .init("an exponent", "1E+2", .number(100)),
    .init("a negative exponent", "0e-2", .number(0)),
    .init("the largest Double", "1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
    .init("closer to zero than Double can say", "1e-400", .number(0)),
    .init("256 digits", "1" + String(repeating: "0", count: 255), .number(1e255)),
    .init("an empty string", "\"\"", .string("")),
    .init("every short escape", #""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")),
    .init("an escaped NUL", #""\u0000""#, .string("\u{0}")),
    .init(
        "escapes of one to three bytes", #""\u0041\u007f\u0080\u07FF\u0800\uffff""#,
        .string("A\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}")),
    .init("the first and last pair", #""\uD800\uDC00\uDBFF\uDFFF""#, .string("\u{10000}\u{10FFFF}")),
    .init("an escaped byte order mark inside", #""\uFEFF""#, .string("\u{FEFF}")),
    .init("noncharacters", "\"\u{FFFE}\u{10FFFF}\"", .string("\u{FFFE}\u{10FFFF}")),
    .init("raw UTF-8 of every length", "\"é€😀\"", .string("é€😀")),
    .init("DEL is no control here", "\"\u{7F}\"", .string("\u{7F}")),
    .init("line separators", "\"\u{2028}\u{2029}\"", .string("\u{2028}\u{2029}")),
    .init("names that differ only in case", "{\"a\":1,\"A\":2}", object(("a", .integer(1)), ("A", .integer(2)))),
    .init(
        "the same name in two objects", "[{\"a\":1},{\"a\":1}]",
        .array([object(("a", .integer(1))), object(("a", .integer(1)))])),
    .init(
        "the same name one level down", "{\"a\":{\"a\":1},\"b\":2}",
        object(("a", object(("a", .integer(1)))), ("b", .integer(2)))),
    .init(
        "order of members", "{\"b\":1,\"a\":[true,null]}",
        object(("b", .integer(1)), ("a", .array([.bool(true), .null])))),
]
