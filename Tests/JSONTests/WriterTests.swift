import JSON
import Testing

@Suite struct WriterTests {
    @Test func `what must be escaped is, and nothing else (RFC 8259 7)`() {
        var json = JSONWriter()
        json.string(String(String.UnicodeScalarView((0..<0x20).compactMap(Unicode.Scalar.init))) + "\"\\/\u{7F}é😀")
        let expected =
            #""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#
            + #"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f"#
            + "\\\"\\\\/\u{7F}é😀\""
        #expect(String(decoding: json.bytes, as: UTF8.self) == expected)
    }

    @Test func `commas stand between members and elements only`() {
        var json = JSONWriter()
        json.beginObject()
        json.key("a")
        json.beginArray()
        json.integer(-1)
        json.beginObject()
        json.endObject()
        json.beginArray()
        json.endArray()
        json.bool(true)
        json.null()
        json.endArray()
        json.key("b\"")
        json.strings(["x", "y"])
        json.key("c")
        json.number(1.5)
        json.key("d")
        json.number(.infinity)
        json.endObject()
        let expected = #"{"a":[-1,{},[],true,null],"b\"":["x","y"],"c":1.5,"d":null}"#
        #expect(String(decoding: json.bytes, as: UTF8.self) == expected)
    }

    @Test(arguments: accepted)
    func `what was read and written reads the same`(input: AcceptedInput) throws {
        let value = try JSONValue(parsing: Array(input.text.utf8))
        var json = JSONWriter()
        json.value(value)
        #expect(try JSONValue(parsing: json.bytes) == value)
    }
}
