import JWT
import Testing

struct Base64URLTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"),
    ])
    func `the examples of RFC 4648 section 10, without padding`(plain: String, text: String) {
        #expect(Base64URL.encode(Array(plain.utf8)) == Array(text.utf8))
        #expect(Base64URL.decode(Array(text.utf8)) == Array(plain.utf8))
    }

    @Test func `the example of RFC 7515 appendix C`() {
        #expect(Base64URL.encode([3, 236, 255, 224, 193]) == Array("A-z_4ME".utf8))
        #expect(Base64URL.decode(Array("A-z_4ME".utf8)) == [3, 236, 255, 224, 193])
    }

    @Test func `padding, white space, the ordinary alphabet and lone characters are refused (RFC 7515 section 2)`() {
        for text in [
            "Zg==", "Zm8=", "Zm9v=", "=", " Zg", "Zg ", "Zm9v\n", "Zm 9v", "A+z/4ME", "Z", "Zm9vZ", "Zg.", "Zé",
        ] {
            #expect(Base64URL.decode(Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func `of all spellings only the one with zero trailing bits is taken (RFC 4648 section 3.5)`() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for (value, byte) in alphabet.enumerated() {
            #expect((Base64URL.decode([UInt8(ascii: "A"), byte]) != nil) == (value % 16 == 0))
            #expect((Base64URL.decode(Array("AA".utf8) + [byte]) != nil) == (value % 4 == 0))
        }
    }

    @Test func `every byte outside of the alphabet is refused at every place`() {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        for byte in UInt8.min...UInt8.max {
            for place in 0..<7 {
                var text = Array("AAAAAAA".utf8)
                text[place] = byte
                if !alphabet.contains(byte) { #expect(Base64URL.decode(text) == nil) }
            }
        }
    }

    @Test func `what does not fit the output is refused`() {
        let text = Array("Zm9vYmE".utf8)
        for count in 0...6 {
            var output = [UInt8](repeating: 0, count: count)
            let decoded = text.withUnsafeBytes { text in
                output.withUnsafeMutableBytes { Base64URL.decode(text, into: $0) }
            }
            #expect(decoded == (count >= 5 ? 5 : nil))
        }
    }
}
