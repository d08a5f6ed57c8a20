import Testing

@testable import Auth

@Suite struct UsernameTests {
    @Test func `names are folded and normalized to one form`() {
        #expect(Username("Alice")?.text == "alice")
        #expect(Username("JOSE\u{301}") == Username("jos\u{E9}"))
        #expect(Username("Straße") == Username("STRASSE"))
        #expect(Username("a b")?.text == "a b")
        #expect(Username("alice@example.org")?.text == "alice@example.org")
    }

    @Test(arguments: [
        "", " ", " alice", "alice ", "alice\n", "\tA", "a\0b", "a\u{7F}b", "a\u{200B}b", "a\u{202E}b", "a\u{2028}b",
        "\u{A0}alice", "a\u{E000}", "a\u{FFFF}", "a\u{85}b",
        // Letters and marks that are drawn as nothing (Unicode: Default_Ignorable_Code_Point).
        "a\u{AD}b", "a\u{34F}b", "a\u{115F}b", "a\u{1160}b", "a\u{17B4}b", "a\u{180B}b", "a\u{3164}b", "\u{3164}",
        "a\u{FFA0}b", "a\u{FE0F}b", "a\u{E0100}b", "a\u{2065}b", "a\u{200D}b",
    ]) func `what is empty, padded, invisible or undefined is no name`(input: String) {
        #expect(Username(input) == nil)
    }

    @Test func `254 bytes fit and 255 do not, before and after folding`() {
        #expect(Username(String(repeating: "a", count: 254)) != nil)
        #expect(Username(String(repeating: "a", count: 255)) == nil)
        // U+0390 grows from two bytes to six when folded without composition, U+1F52 from three to six.
        let growing = String(repeating: "\u{1F52}", count: 84)
        #expect(growing.utf8.count == 252)
        if let name = Username(growing) { #expect(name.text.utf8.count <= 254) }
    }

    @Test func `folding a stored name changes nothing`() {
        for input in ["İstanbul", "ΣΑΣ", "ǰ", "ﬁnn", "Ångström", "ŉ", "\u{1E9E}x"] {
            let name = Username(input)
            #expect(name != nil)
            if let name { #expect(Username(name.text) == name) }
        }
    }
}
