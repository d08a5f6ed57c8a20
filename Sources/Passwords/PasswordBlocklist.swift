/// A small list of what is guessed first. Whole passwords are compared, after case folding, and after taking away what
/// only repeats: "passwordpassword" is as common as "password".
enum PasswordBlocklist {
    static func contains(_ password: String, username: String) -> Bool {
        let folded = UnicodeText.caseFolded(password)
        let unit = repeatedUnit(of: Array(folded.unicodeScalars))
        // A run of one to four characters over and over.
        if unit.count <= 4 { return true }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: unit)
        let candidate = String(text)
        if isNamed(candidate, after: UnicodeText.caseFolded(username)) || isNamed(candidate, after: "portcullis") {
            return true
        }
        return common.contains(candidate) || common.contains(folded) || isWalk(unit)
    }

    /// The shortest prefix that repeats to give the whole, the last time perhaps cut short.
    private static func repeatedUnit(of scalars: [Unicode.Scalar]) -> ArraySlice<Unicode.Scalar> {
        var border = [Int](repeating: 0, count: scalars.count)
        var length = 0
        for index in scalars.indices.dropFirst() {
            while length > 0, scalars[index] != scalars[length] { length = border[length - 1] }
            if scalars[index] == scalars[length] { length += 1 }
            border[index] = length
        }
        guard let last = border.last, last * 2 >= scalars.count else { return scalars[...] }
        return scalars[..<(scalars.count - last)]
    }

    /// The name, alone or with up to four more characters around it.
    private static func isNamed(_ password: String, after name: String) -> Bool {
        let needle = Array(name.unicodeScalars)
        let hay = Array(password.unicodeScalars)
        guard needle.count >= 4, (0...4).contains(hay.count - needle.count) else { return false }
        return (0...(hay.count - needle.count)).contains { hay[$0..<($0 + needle.count)].elementsEqual(needle) }
    }

    /// Each character one above the one before, or one below: "abcdefghijklmno", "987654321".
    private static func isWalk(_ scalars: ArraySlice<Unicode.Scalar>) -> Bool {
        let steps = Set(zip(scalars, scalars.dropFirst()).map { Int64($1.value) - Int64($0.value) })
        return steps == [1] || steps == [-1]
    }

    private static let common: Set<String> = [
        "password", "password1", "password12", "password123", "password1234", "password12345", "password123456",
        "password1!", "passw0rd", "p@ssword", "p@ssw0rd", "p@ssw0rd1", "p@ssw0rd123", "pa$$word", "passwort",
        "passwort1", "passwort123", "motdepasse", "contraseña", "12345678", "123456789", "1234567890", "12345678910",
        "1234567890123", "12345678901234", "123456789012345", "1234567890123456", "123456789123456789", "87654321",
        "987654321", "0987654321", "0123456789", "012345678910", "123123123", "11223344", "1122334455", "112233445566",
        "qwertyui", "qwertyuiop", "qwertyuiop1", "qwertyuiop123", "qwertyuiop12345", "qwertyuiop123456",
        "qwertyuiopasdfg", "qwertyuiopasdfgh", "qwertyuiopasdfghjkl", "qwertyuiopasdfghjklzxcvbnm",
        "qwertyuiop[]", "qwerty12", "qwerty123", "qwerty1234", "qwerty12345", "qwerty123456", "qwertzuiop",
        "azertyuiop", "asdfghjkl", "asdfghjkl;", "asdfasdfasdf", "zxcvbnm1", "zxcvbnm123", "zxcvbnm,./",
        "1q2w3e4r", "1q2w3e4r5t", "1q2w3e4r5t6y", "1q2w3e4r5t6y7u", "1q2w3e4r5t6y7u8i", "1q2w3e4r5t6y7u8i9o0p",
        "q1w2e3r4", "q1w2e3r4t5", "q1w2e3r4t5y6", "1qaz2wsx", "1qaz2wsx3edc", "1qaz2wsx3edc4rfv",
        "1qazxsw2", "zaq12wsx", "!qaz2wsx", "qazwsxedc", "qazwsxedcrfv", "qazwsxedcrfvtgb", "abc12345", "abcd1234",
        "abcd12345", "abc123456", "abcdefgh", "abcdefg1", "a1b2c3d4", "a1b2c3d4e5", "aa123456", "a123456789",
        "iloveyou", "iloveyou1", "iloveyou2", "iloveyou123", "iloveyousomuch", "iloveyouforever", "ihateyou",
        "sunshine", "sunshine1", "princess", "princess1", "football", "football1", "baseball", "baseball1",
        "basketball", "superman", "superman1", "batman123", "spiderman", "starwars", "starwars1", "trustno1",
        "whatever", "whatever1", "welcome1", "welcome12", "welcome123", "welcome1234", "welcome2024", "welcome2025",
        "welcome2026", "letmein1", "letmein123", "letmeinplease", "changeme", "changeme1", "changeme123",
        "changemechangeme", "changeit", "default1", "computer", "computer1", "internet", "internet1", "samsung1",
        "michelle", "jennifer", "jessica1", "charlie1", "michael1", "jonathan", "liverpool", "liverpool1",
        "chelsea1", "arsenal1", "barcelona", "realmadrid", "manchester", "pokemon1", "minecraft", "fortnite",
        "butterfly", "chocolate", "strawberry", "elephant", "dolphins", "blink182", "metallica", "slipknot",
        "maverick", "corvette", "mercedes", "mustang1", "midnight", "november", "december", "september",
        "administrator", "administrator1", "adminadmin", "admin123", "admin1234", "admin12345", "admin123456",
        "adminpassword", "administratorpassword", "rootpassword", "rootroot", "toortoor", "superuser",
        "testtest", "test1234", "test12345", "testpassword", "testpassword123", "temppassword", "temporarypassword",
        "mypassword", "mypassword1", "mypassword123", "newpassword", "newpassword1", "yourpassword",
        "thisismypassword", "thisisapassword", "passwordpassword1", "verysecurepassword", "mysecretpassword",
        "secretpassword", "supersecretpassword", "correcthorsebatterystaple", "correct horse battery staple",
        "letmeinletmein1", "opensesame", "abracadabra", "supercalifragilisticexpialidocious", "maytheforcebewithyou",
        "nevergonnagiveyouup", "iamthebest", "godisgood", "jesuschrist", "jesusisking", "blessed1", "qwerasdf",
        "qweasdzxc", "qweasdzxc123", "123qweasd", "123qweasdzxc", "1234qwer", "12345qwert", "123456qwerty",
        "12341234", "147258369", "159753456", "741852963", "789456123", "963852741", "31415926", "3141592653589793",
        "27182818", "deadbeef", "deadbeefdeadbeef", "0123456789abcdef", "1a2b3c4d", "1a2b3c4d5e", "g_czechout",
        "monkey123", "dragon123", "master123", "shadow123", "killer123", "soccer123", "hockey123", "summer2024",
        "summer2025", "summer2026", "winter2024", "winter2025", "winter2026", "spring2026", "autumn2026",
    ]
}
