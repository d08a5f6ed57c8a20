import Auth
import TestSupport
import Testing

@Suite struct IdentifierTests {
    private let text = "0190abcd-ef12-7345-89ab-cdef01234567"

    private func parsed(_ bytes: [UInt8]) -> Identifier? { bytes.withUnsafeBytes { Identifier(utf8: $0) } }

    @Test func `every byte that is no hex digit is refused at every place, and every digit is read`() {
        for place in 0..<36 {
            for byte in UInt8.min...UInt8.max {
                var bytes = Array(text.utf8)
                bytes[place] = byte
                let character = Character(UnicodeScalar(byte))
                let isHyphen = text.utf8[text.utf8.index(text.utf8.startIndex, offsetBy: place)] == UInt8(ascii: "-")
                let isGood = isHyphen ? byte == UInt8(ascii: "-") : byte < 0x80 && character.isHexDigit
                let identifier = parsed(bytes)
                #expect((identifier != nil) == isGood, "\(byte) at \(place)")
                if isGood { #expect(identifier?.description == String(decoding: bytes, as: UTF8.self).lowercased()) }
            }
        }
    }

    @Test func `another length and hyphens elsewhere are refused`() {
        #expect(Identifier(text) != nil)
        for other in ["", "0", String(text.dropLast()), text + "0", text.replacing("-", with: ""), "{\(text)}"] {
            #expect(Identifier(other) == nil)
        }
        #expect(Identifier("0190abcde-f12-7345-89ab-cdef01234567") == nil)
    }

    @Test func `what is written is read back`() {
        var numbers = SeededGenerator(seed: 7)
        for _ in 0..<1000 {
            let identifier = Identifier(high: numbers.next(), low: numbers.next())
            #expect(Identifier(identifier.description) == identifier)
            #expect(Identifier(identifier.description.uppercased()) == identifier)
        }
    }
}
