/// A list of names and passwords such as a credential stuffer buys, made up from the run's seed. Any entry can be had
/// without those before it.
///
/// An entry is a hit with probability `hitRate`: a planted account with its right password. Of the others one in ten is
/// a planted account with a password that it does not have, nine are names that are nowhere: most of a list that leaked
/// elsewhere is of people who never were here.
package struct LeakedPairs: Sendable {
    /// Of the entries that are no hits, the share with a planted name.
    package static let plantedShare = 0.1

    package struct Pair: Sendable, Equatable {
        package var username: String
        package var password: String
        /// The password is right.
        package var isHit: Bool
        /// Nil for a name that is nowhere.
        package var account: Int?
    }

    private static let stream: UInt64 = 32

    private let credentials: SyntheticCredentials
    private let accounts: Range<Int>
    private let hitRate: Double

    /// `accounts`: the planted ones that the list may name; when it is empty, no entry is a hit. `hitRate`: 0 to 1,
    /// others are taken for the nearest; not a number for 0.
    package init(_ credentials: SyntheticCredentials, accounts: Range<Int>, hitRate: Double) {
        self.credentials = credentials
        self.accounts = accounts
        self.hitRate = hitRate > 0 ? min(hitRate, 1) : 0
    }

    package subscript(_ index: UInt64) -> Pair {
        var random = SplitMix64(seed: credentials.seed, stream: Self.stream, index: index)
        let isHit = random.fraction() < hitRate
        let isPlanted = isHit || random.fraction() < Self.plantedShare
        guard isPlanted, !accounts.isEmpty else {
            return Pair(
                username: credentials.unknownUsername(index), password: credentials.guess(index), isHit: false,
                account: nil)
        }
        let account = accounts.lowerBound + random.below(accounts.count)
        return Pair(
            username: credentials.username(account),
            password: isHit ? credentials.password(account) : credentials.guess(index), isHit: isHit, account: account)
    }
}
