import JSON
import Testing

@Suite struct ReadingTests {
    @Test(arguments: accepted)
    func `well-formed JSON gives its value (RFC 8259)`(input: AcceptedInput) throws {
        #expect(try JSONValue(parsing: Array(input.text.utf8)) == input.value)
        #expect(scannerRefusal(of: Array(input.text.utf8)) == nil)
    }

    @Test func `names are compared by code points, not by canonical equivalence (RFC 8259 8.3)`() throws {
        let value = try JSONValue(parsing: Array("{\"\u{E9}\":1,\"e\u{301}\":2}".utf8))
        #expect(value.object?["\u{E9}"] == .integer(1))
        #expect(value.object?["e\u{301}"] == .integer(2))
        #expect(value.object?["e"] == nil)
    }

    @Test func `ten thousand members are read and their names kept apart`() throws {
        let members = (0..<10_000).map { "\"name\($0)\":\($0)" }.joined(separator: ",")
        let value = try JSONValue(parsing: Array("{\(members)}".utf8))
        #expect(value.object?["name9999"] == .integer(9999))
    }

    @Test func `accessors give nil for another type`() throws {
        let value = try JSONValue(parsing: Array(#"{"s":"x","i":1,"b":true,"a":[],"n":null}"#.utf8))
        let object = try #require(value.object)
        #expect(object["s"]?.string == "x" && object["i"]?.integer == 1 && object["b"]?.bool == true)
        #expect(object["a"]?.array == [] && object["n"]?.isNull == true)
        #expect(object["i"]?.string == nil && object["s"]?.integer == nil && object["s"]?.object == nil)
    }
}

@Suite struct ScannerTests {
    /// Runs `body` over a scanner of `text`.
    func scanning<Result>(
        _ text: String, _ body: (inout JSONScanner) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        try Array(text.utf8).span.bytes.withUnsafeBytes { (bytes) throws(JSONError) -> Result in
            var scanner = JSONScanner(bytes)
            return try body(&scanner)
        }
    }

    @Test func `a repeated name is refused even when its value is left unread`() {
        #expect(throws: JSONError(kind: .duplicateName, offset: 15)) {
            try scanning(#"{"x":1,"y":[2],"\u0078":3}"#) { (scanner) throws(JSONError) in
                try scanner.beginObject()
                while try scanner.nextMember() != nil {}
            }
        }
    }

    @Test func `an unread value is checked as strictly as one that is read`() {
        #expect(throws: JSONError.self) {
            try scanning(#"{"unknown":[1,{"a":01}],"y":2}"#) { (scanner) throws(JSONError) in
                try scanner.beginObject()
                while try scanner.nextMember() != nil {}
            }
        }
    }

    @Test func `another type than asked for is refused`() {
        #expect(throws: JSONError(kind: .wrongType, offset: 0)) {
            try scanning("\"1\"") { (scanner) throws(JSONError) in _ = try scanner.integer() }
        }
        #expect(throws: JSONError(kind: .numberOutOfRange, offset: 1)) {
            try scanning(" 1.5") { (scanner) throws(JSONError) in _ = try scanner.integer() }
        }
        #expect(throws: JSONError(kind: .numberOutOfRange, offset: 0)) {
            try scanning("9223372036854775808") { (scanner) throws(JSONError) in _ = try scanner.integer() }
        }
        #expect(throws: JSONError(kind: .wrongType, offset: 0)) {
            try scanning("[]") { (scanner) throws(JSONError) in try scanner.beginObject() }
        }
    }

    @Test func `calls out of turn are refused and do not trap`() {
        #expect(throws: JSONError(kind: .wrongType, offset: 0)) {
            try scanning("{}") { (scanner) throws(JSONError) in _ = try scanner.nextMember() }
        }
        #expect(throws: JSONError(kind: .wrongType, offset: 1)) {
            try scanning("{\"a\":1}") { (scanner) throws(JSONError) in
                try scanner.beginObject()
                _ = try scanner.nextElement()
            }
        }
        #expect(throws: JSONError(kind: .wrongType, offset: 4)) {
            try scanning("[\"a\" \"b\"]") { (scanner) throws(JSONError) in
                try scanner.beginArray()
                _ = try scanner.nextElement()
                _ = try scanner.string()
                _ = try scanner.string()
            }
        }
        #expect(throws: JSONError(kind: .unexpectedEnd, offset: 1)) {
            try scanning("[1]") { (scanner) throws(JSONError) in
                try scanner.beginArray()
                try scanner.finish()
            }
        }
    }

    @Test func `65 names in one object are too many, 64 are not`() throws {
        func object(_ count: Int) -> String { "{" + (0..<count).map { "\"\($0)\":0" }.joined(separator: ",") + "}" }
        #expect(scannerRefusal(of: Array(object(64).utf8)) == nil)
        #expect(scannerRefusal(of: Array(object(65).utf8))?.kind == .tooManyMembers)
        let objects = "[" + (0..<4).map { _ in object(60) }.joined(separator: ",") + "]"
        #expect(scannerRefusal(of: Array(objects.utf8)) == nil, "closed objects give their names back")
    }

    @Test func `claims are read in any order, escaped names included`() throws {
        let text = #"{"sub":"u\u0031","extra":{"a":[1,2]},"\u0065xp":17,"roles":["a","b"],"ok":true,"no":null,"f":1.5}"#
        let seen = try scanning(text) { (scanner) throws(JSONError) -> [String] in
            var seen: [String] = []
            try scanner.beginObject()
            while let name = try scanner.nextMember() {
                switch name {
                case "sub": seen.append(try scanner.string().string)
                case "exp": seen.append("\(try scanner.integer())")
                case "roles":
                    try scanner.beginArray()
                    while try scanner.nextElement() { seen.append(try scanner.string().string) }
                case "ok": seen.append("\(try scanner.bool())")
                case "no": try scanner.null()
                case "f": seen.append("\(try scanner.number() == .double(1.5))")
                default: seen.append("skipped \(name.string), \(try scanner.kind())")
                }
            }
            try scanner.finish()
            return seen
        }
        #expect(seen == ["u1", "skipped extra, object", "17", "a", "b", "true", "true"])
    }

    @Test func `text is compared after unescaping`() throws {
        try scanning(#"["\u0061\n\ud83d\ude00","a\n\uD83D\uDE00","a","",""]"#) { (scanner) throws(JSONError) in
            var texts: [JSONText] = []
            try scanner.beginArray()
            while try scanner.nextElement() { texts.append(try scanner.string()) }
            #expect(texts[0] == texts[1] && texts[0] == "a\n😀" && texts[0].string == "a\n😀")
            #expect(!(texts[0] == texts[2]) && texts[2] == "a" && !(texts[2] == "ab") && !(texts[2] == "b"))
            #expect(texts[3] == "" && texts[3] == texts[4] && !(texts[3] == "a"))
        }
    }
}
