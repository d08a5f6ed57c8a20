/// Refuses what is commonly used or expected (NIST SP 800-63B-4 section 3.1.1.2) by what a guesser's rules can derive,
/// not by a list of every result. Taken out are common words and the account's name in any case and with the common
/// substitutions, keyboard walks and sequences, years, and whatever repeats; too little may be left.
///
/// Time is linear in the password's length, times the length of the longest word or name at worst.
enum PasswordBlocklist {
    /// Characters that nothing explains. Guessers append up to five characters to every word they know; six that are
    /// not derived from anything are 300 million possibilities in lower-case letters alone, times the words. Higher
    /// would refuse random passwords of the eight characters that the lowest minimum allows.
    static let leastMaterial = 6

    static func contains(_ password: String, username: String) -> Bool {
        let folded = UnicodeText.caseFolded(password)
        return CommonWords.famous.contains(folded) || material(in: folded, username: username) < leastMaterial
    }

    /// How many characters of a case-folded password nothing explains.
    static func material(in folded: String, username: String) -> Int {
        let text = significant(folded.unicodeScalars)
        var unexplained = [Bool](repeating: true, count: text.count)
        func takeOut(_ range: Range<Int>) {
            for index in range { unexplained[index] = false }
        }

        let plain = CollapsedText(text)
        KeyboardWalk.ranges(in: plain.symbols).forEach { takeOut(plain.origin(of: $0)) }

        let reading = CollapsedText(text.map(letter))
        reading.repetitions.forEach(takeOut)
        repeatedBlocks(in: reading.symbols).forEach { takeOut(reading.origin(of: $0)) }
        for words in [CommonWords.tree, names(of: username)] {
            words.ranges(in: reading.symbols).forEach { takeOut(reading.origin(of: $0)) }
        }

        years(in: text).forEach(takeOut)
        return unexplained.count { $0 }
    }

    /// What a word, a name and a password are compared as.
    static func reading(of folded: some Sequence<Unicode.Scalar>) -> [UInt32] {
        CollapsedText(significant(folded).map(letter)).symbols
    }

    /// Without what only separates or is not seen: "pass-word" is as common as "password".
    private static func significant(_ scalars: some Sequence<Unicode.Scalar>) -> [UInt32] {
        scalars.lazy.filter { scalar in
            switch scalar {
            case "-", "_", ".", ",": false
            default: !scalar.properties.isWhitespace && !scalar.properties.isDefaultIgnorableCodePoint
            }
        }.map(\.value)
    }

    /// Characters that stand for one another become one. "1" is read as both "l" and "i", so these two are one as well.
    private static func letter(_ symbol: UInt32) -> UInt32 {
        switch Unicode.Scalar(symbol) {
        case "0": Unicode.Scalar("o").value
        case "1", "!", "l": Unicode.Scalar("i").value
        case "3": Unicode.Scalar("e").value
        case "4", "@": Unicode.Scalar("a").value
        case "5", "$": Unicode.Scalar("s").value
        case "7": Unicode.Scalar("t").value
        default: symbol
        }
    }

    /// The whole name and its parts, "margaret.hamilton" being three names. Fewer than three characters are nobody's.
    private static func names(of username: String) -> WordTree {
        let folded = UnicodeText.caseFolded(username).unicodeScalars
        var tree = WordTree()
        let parts = folded.split { !$0.properties.isAlphabetic && $0.properties.numericType == nil }
        for name in parts.map({ reading(of: $0) }) + [reading(of: folded)] where name.count >= 3 {
            tree.insert(name)
        }
        return tree
    }

    /// Four characters that have been there before, the four perhaps reaching into themselves.
    private static func repeatedBlocks(in symbols: [UInt32]) -> [Range<Int>] {
        var seen: Set<SIMD4<UInt32>> = []
        var ranges: [Range<Int>] = []
        for end in symbols.indices.dropFirst(3) {
            let block = SIMD4(symbols[end - 3], symbols[end - 2], symbols[end - 1], symbols[end])
            if !seen.insert(block).inserted { ranges.append((end - 3)..<(end + 1)) }
        }
        return ranges
    }

    /// 1900 to 2099.
    private static func years(in text: [UInt32]) -> [Range<Int>] {
        let digits = Unicode.Scalar("0").value...Unicode.Scalar("9").value
        let centuries = ["19", "20"].map { $0.unicodeScalars.map(\.value) }
        return text.indices.dropLast(3).map { $0..<($0 + 4) }.filter { range in
            centuries.contains { text[range].starts(with: $0) } && text[range].allSatisfy(digits.contains)
        }
    }
}
