import TestSupport
import Testing

@testable import Passwords

@Suite struct PasswordBlocklistTests {
    func isRefused(_ password: String, username: String = "alice") -> Bool {
        PasswordBlocklist.contains(password, username: username)
    }

    @Test(arguments: [
        "password1234567", "Password1234567!", "welcome12345678", "letmeinletmeinletmein", "changeme-changeme-1",
        "AdminAdminAdmin1", "iloveyou iloveyou", "Portcullis-2026!", "Summer2025Winter2026!", "TestTestTest1234",
        "monkeydragonmaster", "october november 2024", "thisismypassword1", "company.password.2026",
        "user_user_user_99",
        "correcthorsebatterystaple",
    ]) func `common words are refused, alone, together, with digits and years`(password: String) {
        #expect(isRefused(password))
    }

    @Test(arguments: [
        "P@ssw0rd12345678", "pa$$w0rdpa$$w0rd", "PASSW0RD!!!!!!!", "we1come12345678", "L3tM31n-l3tm31n",
        "4dm1n15tr4t0r!!",
        "Paaassssswoooord!", "p-a-s-s-w-o-r-d-1-2-3", "p a s s w o r d 1 2 3 4", "pass\u{200B}word\u{AD}123456",
    ]) func `substitutions, separators and stretching hide nothing`(password: String) {
        #expect(isRefused(password))
    }

    @Test(arguments: [
        "qwerty123456789", "qwertyuiopasdfgh", "poiuytrewqlkjhg", "1qaz2wsx3edc4rfv", "!QAZ2wsx#EDC4rfv",
        "zaq12wsxcde34rfv",
        "q1w2e3r4t5y6u7i8o9p0", "1q2w3e4r5t6y7u8i", "a1b2c3d4e5f6g7h8", "abcdefghijklmno", "zyxwvutsrqponml",
        "0987654321098765", "112233445566778", "qweasdzxc123456", "!@#$%^&*()_+{}|", "абвгдежзиклмноп",
    ]) func `keyboard walks and sequences are refused, interleaved too`(password: String) {
        #expect(isRefused(password))
    }

    @Test(arguments: [
        "aaaaaaaaaaaaaab", "baaaaaaaaaaaaaa", "abababababababab", "kqz4kqz4kqz4kqz4", "123123123123123",
        "ada ada ada ada",
        "\u{1F600}\u{1F600}\u{1F600}\u{1F600}\u{1F600}", "", "               ",
    ]) func `what repeats counts once`(password: String) {
        #expect(isRefused(password))
    }

    @Test func `the account's name is taken out, whole and in parts`() {
        #expect(isRefused("Margaret1234567!", username: "margaret.hamilton"))
        #expect(isRefused("h4m1lt0n-m4rg4r3t", username: "Margaret.Hamilton"))
        #expect(isRefused("Zoë Straße 2026", username: "zoë.strasse@example.org"))
        #expect(isRefused("zqxvbkwzqxvbkw1969", username: "zqxvbkw"))
        #expect(!isRefused("zqxvbkwzqxvbkw1969", username: "alice"))
        #expect(!isRefused("al went to the sea", username: "al"))
        // A name that reads as one letter takes no letters out.
        #expect(!isRefused("a salad at a bazaar", username: "aaa"))
    }

    @Test(arguments: [
        ("passwordkqv", 3), ("zk8v2019qm", 6), ("zk8v2179qm", 10), ("zk8vqwer", 4), ("zk8vqwe", 4), ("zk8vwer", 7),
        ("zk8vedc", 4), ("zk8v4567", 4), ("zk8v456", 7), ("zzkk88vv", 4), ("zk8vzk8vm", 5),
    ]) func `what nothing explains is counted`(password: String, count: Int) {
        #expect(PasswordBlocklist.material(in: password, username: "alice") == count)
    }

    @Test func `five characters of one's own are too few and six are enough`() {
        #expect(isRefused("password1234zk8vq"))
        #expect(!isRefused("password1234zk8vqm"))
    }

    @Test(arguments: [
        "nine herons over the lake", "seven owls at noon knit", "a password nobody tries first",
        "correct horse battery staple", "tangerine river", "justlowercaseletters", "8841907315526048", "xq7 lmzp",
        "kz8-Tqw?",
        "k7dq2m-w3fzpa-xn5tjc-r6hvye", "GJ7KQ2-MWB4XP-ZD6TNA-5CVRHE", "wZ8dR3kTq1Lm0XvB7nYc", "пятнадцатьбукво",
        "un café très serré",
        "the winter dragon sleeps under our roof", "\u{1F980}\u{1F33E}\u{1F681}\u{1F9F2}\u{1F511}\u{1F3BB}",
    ]) func `passphrases and random passwords are accepted`(password: String) {
        #expect(!isRefused(password))
    }

    @Test func `random passwords are always accepted`() {
        var generator = SeededGenerator(seed: 15)
        let printable = (0x21...0x7E).map { Character(Unicode.Scalar(UInt8($0))) }
        let alphabets = [
            printable, printable.filter { $0.isLetter || $0.isNumber }, Array("abcdefghijklmnopqrstuvwxyz"),
        ]
        for round in 0..<10_000 {
            let alphabet = alphabets[round % alphabets.count]
            let password = String((0..<15).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] })
            if isRefused(password) { Issue.record("\(password) is refused") }
        }
    }

    @Test func `four ordinary words are always accepted`() {
        var generator = SeededGenerator(seed: 4)
        let words = [
            "anchor", "apron", "basket", "birch", "bottle", "bridge", "candle", "carpet", "cellar", "clever", "cloud",
            "copper",
            "curtain", "distant", "drawer", "early", "engine", "fabric", "feather", "fence", "forest", "garden",
            "gentle",
            "gravel", "hammer", "harbor", "hollow", "insect", "island", "jacket", "kettle", "ladder", "lantern",
            "lemon",
            "letter", "marble", "meadow", "mirror", "napkin", "needle", "noodle", "oyster", "paper", "pebble", "pencil",
            "pillow", "planet", "pocket", "potato", "quiet", "quilt", "rabbit", "ribbon", "river", "saddle", "salmon",
            "sailor", "shelter", "spoon", "station", "teapot", "thimble", "timber", "tunnel", "turtle", "umbrella",
            "valley",
            "velvet", "violin", "wagon", "walnut", "whistle", "window", "wooden", "yellow",
        ]
        let separators = ["", " ", "-"]
        for round in 0..<10_000 {
            // Different ones: what repeats counts once.
            let chosen = words.shuffled(using: &generator).prefix(4)
            let phrase = chosen.joined(separator: separators[round % separators.count])
            if isRefused(phrase) { Issue.record("\(phrase) is refused") }
        }
    }

    @Test func `hostile text is looked at without a trap`() {
        var generator = SeededGenerator(seed: 1024)
        for _ in 0..<300 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...256, using: &generator) {
                let bits = Int.random(in: 5...20, using: &generator)
                if let scalar = Unicode.Scalar(UInt32.random(in: 0..<(1 << bits), using: &generator)) {
                    text.append(scalar)
                }
            }
            let password = String(text)
            let count = PasswordBlocklist.material(in: UnicodeText.caseFolded(password), username: password)
            // All of it is the name, but for names shorter than three characters.
            #expect(count <= 2, "\(text.map(\.value))")
        }
        for unit in ["a", "ab", "1q2w3e4r", "password", "\u{10FFFF}\u{0}", "-"] {
            let text = String(repeating: unit, count: 1024 / unit.utf8.count)
            #expect(isRefused(text, username: text))
        }
    }
}
