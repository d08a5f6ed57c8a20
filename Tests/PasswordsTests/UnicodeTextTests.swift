import Testing

@testable import Passwords

@Suite struct UnicodeTextTests {
    @Test func `folding is full, locale-free and in NFC`() {
        #expect(UnicodeText.caseFolded("Straße") == "strasse")
        #expect(UnicodeText.caseFolded("ADMIN") == "admin")
        #expect(UnicodeText.caseFolded("q\u{1C85}\u{1C80}\u{1C88}") == "qтвꙋ")
        #expect(Array(UnicodeText.caseFolded("E\u{301}").utf8) == Array("\u{E9}".utf8))
        #expect(UnicodeText.caseFolded("ΣΑΣ") == UnicodeText.caseFolded("σας"))
    }

    @Test func `folding twice is folding once, for every assigned character`() {
        var odd: [Unicode.Scalar] = []
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value), scalar.properties.generalCategory != .unassigned,
                scalar.properties.changesWhenCaseFolded || scalar.properties.changesWhenLowercased
            else { continue }
            let once = UnicodeText.caseFolded(String(scalar))
            if Array(UnicodeText.caseFolded(once).utf8) != Array(once.utf8) { odd.append(scalar) }
        }
        #expect(odd == [])
    }
}
