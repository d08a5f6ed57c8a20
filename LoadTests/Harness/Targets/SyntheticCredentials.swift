/// Names and passwords of a run, all made up from its seed: nothing is read from anywhere, and nobody outside the run
/// has them. Accounts are numbered from 0.
///
/// A password ends in an upper-case letter, a digit, a sign and a lower-case letter after random letters and digits, so
/// that composition rules are met and blocklists are not. The sign tells the kinds apart: `-` a planted one's own, `=`
/// a common one, `+` a guess. So no guess is ever right by chance.
package struct SyntheticCredentials: Sendable {
    /// Lengths of passwords that can be asked for, in characters.
    package static let passwordLengths = 12...64
    /// How many common passwords there are.
    package static let commonPasswords = 100
    /// Every so many accounts one has a common password, as some of any crowd do: what a spray finds.
    package static let accountsPerCommonPassword = 50

    private enum Stream: UInt64 {
        case run = 16
        case password, guess, common, typo
    }

    private static let lower = Array("abcdefghijkmnpqrstuvwxyz".utf8)
    private static let upper = Array("ABCDEFGHJKLMNPQRSTUVWXYZ".utf8)
    private static let digits = Array("23456789".utf8)

    package let seed: UInt64
    /// Eight letters and digits that the seed gives; a part of every name.
    package let run: String
    /// Characters of every password.
    package let passwordLength: Int

    /// `passwordLength` beyond `passwordLengths` is taken for the nearest in it.
    package init(seed: UInt64, passwordLength: Int = 20) {
        self.seed = seed
        self.passwordLength = min(max(passwordLength, Self.passwordLengths.lowerBound), Self.passwordLengths.upperBound)
        var random = SplitMix64(seed: seed, stream: Stream.run.rawValue, index: 0)
        run = Self.text((0..<8).map { _ in Self.pick(Self.lower + Self.digits, &random) })
    }

    /// `lt-<run>-<n>`: of an account that is planted.
    package func username(_ account: Int) -> String { "lt-\(run)-\(account)" }

    /// `lt-<run>-x<n>`: of an account that is nowhere.
    package func unknownUsername(_ index: UInt64) -> String { "lt-\(run)-x\(index)" }

    /// Of a planted account: its own, or for one in fifty a common one.
    package func password(_ account: Int) -> String {
        let number = UInt64(bitPattern: Int64(account))
        if hasCommonPassword(account) { return commonPassword(account / Self.accountsPerCommonPassword) }
        return text(.password, number, sign: "-")
    }

    package func hasCommonPassword(_ account: Int) -> Bool {
        account >= 0 && account % Self.accountsPerCommonPassword == Self.accountsPerCommonPassword - 1
    }

    /// The list that a spray goes through, `commonPasswords` long; ranks beyond begin anew.
    package func commonPassword(_ rank: Int) -> String {
        text(.common, UInt64(bitPattern: Int64(rank)) % UInt64(Self.commonPasswords), sign: "=")
    }

    /// A password that no account has.
    package func guess(_ index: UInt64) -> String { text(.guess, index, sign: "+") }

    /// A password as somebody mistypes it: two neighbours exchanged, a character missing, or one doubled. Never the
    /// same.
    package func typo(of password: String, _ index: UInt64) -> String {
        var characters = Array(password.utf8)
        var random = SplitMix64(seed: seed, stream: Stream.typo.rawValue, index: index)
        guard characters.count >= 2 else { return password + "x" }
        let place = random.below(characters.count - 1)
        switch random.below(3) {
        case 0 where characters[place] != characters[place + 1]: characters.swapAt(place, place + 1)
        case 1: characters.remove(at: place)
        default: characters.insert(characters[place], at: place)
        }
        return Self.text(characters)
    }

    private func text(_ stream: Stream, _ index: UInt64, sign: Unicode.Scalar) -> String {
        var random = SplitMix64(seed: seed, stream: stream.rawValue, index: index)
        let all = Self.lower + Self.upper + Self.digits
        var bytes = (0..<(passwordLength - 4)).map { _ in Self.pick(all, &random) }
        bytes.append(Self.pick(Self.upper, &random))
        bytes.append(Self.pick(Self.digits, &random))
        bytes.append(UInt8(ascii: sign))
        bytes.append(Self.pick(Self.lower, &random))
        return Self.text(bytes)
    }

    private static func pick(_ bytes: [UInt8], _ random: inout SplitMix64) -> UInt8 { bytes[random.below(bytes.count)] }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
