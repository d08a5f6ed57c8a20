import JSON
import Testing

/// Passes over the whole input with the pull reader.
func scan(_ bytes: [UInt8]) throws(JSONError) {
    try bytes.span.bytes.withUnsafeBytes { (bytes) throws(JSONError) in
        var scanner = JSONScanner(bytes)
        try scanner.skip()
        try scanner.finish()
    }
}

func refusal(of bytes: [UInt8]) -> JSONError? {
    do throws(JSONError) {
        _ = try JSONValue(parsing: bytes)
        return nil
    } catch { return error }
}

func scannerRefusal(of bytes: [UInt8]) -> JSONError? {
    do throws(JSONError) {
        try scan(bytes)
        return nil
    } catch { return error }
}

@Suite struct RefusalTests {
    @Test(arguments: refusedStructures)
    func `broken structure is refused (RFC 8259 2)`(input: RefusedInput) {
        #expect(refusal(of: input.bytes)?.kind == input.kind)
        #expect(scannerRefusal(of: input.bytes)?.kind == input.kind)
    }

    @Test(arguments: refusedNumbers)
    func `broken numbers are refused (RFC 8259 6)`(input: RefusedInput) {
        #expect(refusal(of: input.bytes)?.kind == input.kind)
        #expect(scannerRefusal(of: input.bytes)?.kind == input.kind)
    }

    @Test(arguments: refusedStrings)
    func `broken strings are refused (RFC 8259 7 and 8)`(input: RefusedInput) {
        #expect(refusal(of: input.bytes)?.kind == input.kind)
        #expect(scannerRefusal(of: input.bytes)?.kind == input.kind)
    }

    @Test func `the tree and the scanner refuse at the same place`() {
        for input in refusedStructures + refusedNumbers + refusedStrings {
            #expect(refusal(of: input.bytes) == scannerRefusal(of: input.bytes), "\(input.name)")
        }
    }

    @Test func `the place of the error is told`() {
        #expect(refusal(of: Array("[1, x]".utf8)) == JSONError(kind: .unexpectedByte, offset: 4))
        #expect(refusal(of: Array("{\"a\":1,\"a\":2}".utf8)) == JSONError(kind: .duplicateName, offset: 7))
        #expect(refusal(of: Array("[1e999]".utf8)) == JSONError(kind: .numberOutOfRange, offset: 1))
    }

    @Test func `a document cut off at any byte is refused as ended too early`() {
        let text = #" { "näme😀" : [ true , false, null, -12.5e+3, "x\"\\\u00e9\ud83d\ude00€" ] , "b" : { "c" : 0 } } "#
        let document = Array(text.utf8)
        #expect(refusal(of: document) == nil)
        let end = document.lastIndex(of: UInt8(ascii: "}")) ?? 0
        for count in 0...end {
            let part = Array(document[..<count])
            #expect(refusal(of: part) == JSONError(kind: .unexpectedEnd, offset: count))
            #expect(scannerRefusal(of: part) == JSONError(kind: .unexpectedEnd, offset: count))
        }
    }

    @Test func `any one byte changed never traps, and both readers agree`() {
        let document = Array(#"{"a":[1,-2.5e3,"\u00e9\ud83d\ude00é"],"b":{"c":null,"d":true}}"#.utf8)
        for index in document.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = document
                changed[index] = byte
                let expected = refusal(of: changed)
                #expect(scannerRefusal(of: changed) == expected)
            }
        }
    }

    @Test func `every pair of bytes inside a string is judged as Swift judges UTF-8`() {
        for first in UInt8(0x80)...UInt8.max {
            for second in UInt8(0x7F)...UInt8.max {
                for tail in [[], [0x80], [0xBF, 0xBF]] as [[UInt8]] {
                    let bytes = [first, second] + tail
                    let isValid = String(validating: bytes, as: UTF8.self) != nil
                    #expect((refusal(of: string(of: bytes)) == nil) == isValid)
                }
            }
        }
    }

    @Test func `a special byte is found at every place of a long run`() {
        for place in 0..<40 {
            for (byte, kind) in [(0x1F, .controlCharacter), (0xFF, .invalidUTF8)] as [(UInt8, JSONError.Kind)] {
                var run = [UInt8](repeating: UInt8(ascii: "a"), count: 40)
                run[place] = byte
                #expect(refusal(of: string(of: run)) == JSONError(kind: kind, offset: place + 1))
            }
        }
    }

    @Test func `a smaller depth can be asked for`() throws {
        #expect(throws: JSONError(kind: .tooDeep, offset: 1)) {
            try JSONValue(parsing: Array("[[]]".utf8), maximumDepth: 1)
        }
    }
}
