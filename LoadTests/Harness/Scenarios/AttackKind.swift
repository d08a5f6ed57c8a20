/// The attacks that a run can make.
package enum AttackKind: String, Sendable, CaseIterable {
    /// Pairs that leaked elsewhere, from a botnet: a few are right.
    case stuffing
    /// A few common passwords at every account.
    case spray
    /// Many passwords at a few accounts, from a few addresses.
    case brute
    /// As stuffing, so slowly that no limit of an address or an account sees it.
    case lowAndSlow = "low-and-slow"
    /// Wrong passwords at chosen accounts, to keep their owners out.
    case lockout
    /// Honest clients that renew one session several times at once and lose replies.
    case refreshRace = "refresh-race"
    /// Refresh tokens that were used up, or signed out, presented again by a thief.
    case refreshReplay = "refresh-replay"
    /// Connections that send their request a little at a time.
    case slowloris
    /// Connections that come and go.
    case connectionChurn = "connection-churn"

    /// Whether it guesses passwords.
    package var isGuessing: Bool {
        switch self {
        case .stuffing, .spray, .brute, .lowAndSlow, .lockout: true
        case .refreshRace, .refreshReplay, .slowloris, .connectionChurn: false
        }
    }

    /// The figures that it is scored by.
    package var groups: Set<Scoreboard.Group> {
        switch self {
        case .stuffing, .spray, .brute, .lowAndSlow:
            [.guesses, .cost, .realUsers, .verify, .timing, .revocation]
        case .lockout: [.guesses, .cost, .realUsers, .verify, .timing, .lockout, .revocation]
        case .refreshRace: [.realUsers, .verify, .race]
        case .refreshReplay: [.realUsers, .verify, .replay]
        // Its connections are looked at when they end: see `cutOff`.
        case .slowloris: [.realUsers, .verify]
        case .connectionChurn: [.realUsers, .verify, .timing]
        }
    }
}

extension AttackTally {
    /// Of slow connections: how long the target bore them before it ended the first.
    var cutOff: Figure {
        let first = attack.first { (self[$0]?.turnedAwayCount ?? 0) > 0 }
        return Figure(
            "time_to_detect", "time until the first slow connection was cut off",
            first.map { .seconds(Double($0 - attack.lowerBound)) } ?? .never)
    }
}

/// When an attack is on, in whole seconds from the scenario's start: rest before it, to compare with, and time to
/// recover.
package struct AttackTimes: Sendable, Equatable {
    package let attack: Range<Int>
    package let end: Int

    /// A fifth of `duration` (in seconds, 8 at least) is rest, a quarter is for recovery.
    package init(duration: Double) {
        end = max(8, Int(duration.rounded(.up)))
        attack = max(2, end / 5)..<(end - max(3, end / 4))
    }
}

/// The guesses of an attack, each computed from its number.
struct Guesses: Sendable {
    struct Guess: Sendable {
        let username: String
        let password: String
        let address: SyntheticAddress
        /// Nil when the name belongs to nobody.
        let account: Int?
    }

    /// Of a lockout: so many owners are to be kept out.
    static let victims = 10
    /// Of brute force.
    static let bruteAccounts = 10
    static let bruteAddresses = 20

    let kind: AttackKind
    let scene: Scene
    private let addresses: ClientAddresses
    private let pairs: LeakedPairs

    init(_ kind: AttackKind, _ scene: Scene) {
        self.kind = kind
        self.scene = scene
        addresses = ClientAddresses(.bots, seed: scene.seed)
        pairs = LeakedPairs(scene.credentials, accounts: 0..<scene.accounts, hitRate: scene.options.hitRate)
    }

    subscript(_ index: Int) -> Guess {
        let number = UInt64(bitPattern: Int64(index))
        let bot = addresses[index % scene.options.bots]
        switch kind {
        case .spray:
            let (rank, account) = index.quotientAndRemainder(dividingBy: scene.accounts)
            return guess(account, scene.credentials.commonPassword(rank), bot)
        case .brute:
            return guess(
                index % min(Guesses.bruteAccounts, scene.accounts), scene.credentials.guess(number),
                addresses[index % Guesses.bruteAddresses])
        case .lockout: return guess(index % victimCount, scene.credentials.guess(number), bot)
        default:
            let pair = pairs[number]
            return Guess(username: pair.username, password: pair.password, address: bot, account: pair.account)
        }
    }

    private func guess(_ account: Int, _ password: String, _ address: SyntheticAddress) -> Guess {
        Guess(
            username: scene.credentials.username(account), password: password, address: address, account: account)
    }

    /// The first accounts, whose people are signed in on devices of theirs.
    var victimCount: Int { max(1, min(Guesses.victims, scene.sessions.count)) }
}
