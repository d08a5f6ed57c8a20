import Testing

@testable import Passwords

@Suite struct PasswordPolicyTests {
    let policy = PasswordPolicy()

    func problem(_ password: String, username: String = "alice", policy: PasswordPolicy = PasswordPolicy())
        -> PasswordProblem?
    {
        do {
            _ = try policy.bytes(ofNew: password, username: username)
            return nil
        } catch { return error }
    }

    @Test func `fifteen characters are the default minimum (NIST SP 800-63B-4 3.1.1.2)`() {
        #expect(problem("tangerine river") == nil)
        #expect(problem("tangerine rive") == .tooShort(minimum: 15))
    }

    @Test func `the minimum never falls below eight`() {
        let low = PasswordPolicy(minimumCharacters: 1)
        #expect(low.minimumCharacters == 8)
        #expect(problem("kz8-Tqw", policy: low) == .tooShort(minimum: 8))
        #expect(problem("kz8-Tqw?", policy: low) == nil)
    }

    @Test func `a code point counts as one character whatever its bytes`() {
        #expect(problem("пятнадцатьбукв") == .tooShort(minimum: 15))
        #expect(problem("пятнадцатьбукво") == nil)
        // Two code points that normalize to one count as one.
        #expect(problem("e\u{301}bcdxfghzjklmq") == .tooShort(minimum: 15))
    }

    @Test func `1024 bytes are accepted and one more is not`() {
        let unit = "correct horse battery staples! 0"
        let longest = String(repeating: unit, count: 32).dropLast() + "#"
        #expect(longest.utf8.count == 1024)
        #expect(problem(String(longest)) == nil)
        #expect(problem(String(longest) + "x") == .tooLong(maximumBytes: 1024))
        #expect(PasswordPolicy.bytes(of: String(longest))?.count == 1024)
        #expect(PasswordPolicy.bytes(of: String(longest) + "x") == nil)
    }

    @Test func `what is hashed is what was sent, normalized once (NFC)`() throws {
        #expect(PasswordPolicy.bytes(of: " Spaces Stay, Case too ") == Array(" Spaces Stay, Case too ".utf8))
        #expect(PasswordPolicy.bytes(of: "e\u{301}") == Array("\u{E9}".utf8))
        #expect(PasswordPolicy.bytes(of: "\u{212B}") == Array("\u{C5}".utf8))
        // NFC, not NFKC: a ligature stays.
        #expect(PasswordPolicy.bytes(of: "\u{FB01}") == Array("\u{FB01}".utf8))
        #expect(PasswordPolicy.bytes(of: "") == [])
    }

    @Test func `normalization of hostile text is bounded`() {
        let worst = String(repeating: "\u{1D160}", count: 256)
        #expect((PasswordPolicy.bytes(of: worst)?.count ?? .max) <= 3 * 1024)
    }

    @Test(arguments: [
        "passwordpassword", "PasswordPassword", "aaaaaaaaaaaaaaaa", "123412341234123", "abcdefghijklmnopq",
        "zyxwvutsrqponmlkj", "correcthorsebatterystaple", "Portcullis2026", "portcullisportcullis",
        "changemechangemechange", "qwertyuiopasdfghjkl", "1234567890123456",
    ]) func `the first guesses are blocked`(password: String) {
        #expect(problem(password, policy: PasswordPolicy(minimumCharacters: 8)) == .tooCommon)
    }

    @Test func `the account's own name is blocked`() {
        #expect(problem("Margaret.Hamilton", username: "margaret.hamilton") == .tooCommon)
        #expect(problem("margaret.hamilton1!", username: "margaret.hamilton") == .tooCommon)
        #expect(problem("margaret.hamiltonmargaret.hamilton", username: "margaret.hamilton") == .tooCommon)
        #expect(problem("margaret.hamilton went to the moon", username: "margaret.hamilton") == nil)
        #expect(problem("al went to the sea", username: "al") == nil)
    }

    @Test func `there are no composition rules`() {
        #expect(problem("justlowercaseletters") == nil)
        #expect(problem("8841907315526048") == nil)
    }
}
