/// What is counted, in the order rules are named when several refuse at once (design section 7 step 3). Logins and
/// changes of a password pass those up to `global`, registrations and refreshes their own.
package enum ThrottleRule: UInt8, Sendable, CaseIterable {
    /// Failures from one address.
    case address
    /// Failures from a /24 (IPv4) or /64 (IPv6: what one customer is given).
    case network
    /// Failures from a /48 (IPv6: what one site is given).
    case site
    /// Failures at one account name, from unknown devices together.
    case account
    /// Failures at one account name from one address.
    case accountAndAddress
    /// Failures at one account name from one known device, which is then exempt from `account` and `global`.
    case accountAndDevice
    /// Attempts from one address, whatever they came to.
    case addressCost
    /// Attempts at one account name, whatever they came to: one valid account must not buy unlimited hashing.
    case accountCost
    /// Attempts from one known device at one account, whatever they came to.
    case deviceCost
    /// Attempts from all known devices of one account together, whatever they came to: each success of an unknown device
    /// makes a known one, and each of those has buckets of its own. So wide that a few stolen credentials, each held by
    /// `deviceCost`, do not fill it for the owner.
    case knownDevicesCost
    /// All attempts of unknown devices, whatever they came to. Asked last: what another rule refuses takes nothing of it.
    case global
    /// Registrations from one address. Each costs a hash and a row that stays, so the rates are by the hour.
    case registrationAddress
    /// Registrations from a /24 (IPv4) or /64 (IPv6).
    case registrationNetwork
    /// Registrations from a /48 (IPv6).
    case registrationSite
    /// Refreshes of one session: a repeat within the grace rotates nothing, but costs a signature on the loop.
    case refreshSession
    /// Refreshes from one address (IPv4) or /64 (IPv6), of sessions that are our own making.
    case refreshAddress

    /// A failure rule's reservation is given back on success and by an exit before the comparison; a cost rule's never. A
    /// registration's is given back when it ended before the store was asked: a password that is too short is no attempt.
    package var isGivenBack: Bool {
        switch self {
        case .address, .network, .site, .account, .accountAndAddress, .accountAndDevice: true
        case .registrationAddress, .registrationNetwork, .registrationSite: true
        case .addressCost, .accountCost, .deviceCost, .knownDevicesCost, .global, .refreshSession, .refreshAddress:
            false
        }
    }

    /// What a rule holds up.
    package enum Purpose: Sendable, CaseIterable {
        case login, registration, refresh
    }

    package var purpose: Purpose {
        switch self {
        case .registrationAddress, .registrationNetwork, .registrationSite: .registration
        case .refreshSession, .refreshAddress: .refresh
        default: .login
        }
    }
}

/// How much each rule allows.
package struct ThrottleLimits: Sendable, Equatable {
    private var limits: [GCRA]

    /// People share addresses and mistype; bots have many addresses and guess. An address bears an office, an account
    /// and an address together bear a person.
    package init() {
        limits = ThrottleRule.allCases.map { rule in
            switch rule {
            case .address: GCRA(burst: 30, intervalMilliseconds: 10_000)
            case .network: GCRA(burst: 120, intervalMilliseconds: 2_500)
            case .site: GCRA(burst: 480, intervalMilliseconds: 600)
            case .account: GCRA(burst: 20, intervalMilliseconds: 30_000)
            case .accountAndAddress, .accountAndDevice: GCRA(burst: 5, intervalMilliseconds: 30_000)
            case .addressCost: GCRA(burst: 120, intervalMilliseconds: 500)
            case .accountCost, .deviceCost: GCRA(burst: 30, intervalMilliseconds: 5_000)
            case .knownDevicesCost: GCRA(burst: 150, intervalMilliseconds: 1_000)
            case .global: GCRA(burst: 400, perSecond: 200)
            case .registrationAddress, .registrationNetwork, .registrationSite:
                ThrottleLimits.registration(rule, perHour: ThrottleLimits.registrationsPerHour)
            // A hundred tabs that start at once and each ask three times; afterwards two a second cost a loop 0.5 ms of
            // RS256 signatures, a two-thousandth of its time.
            case .refreshSession: GCRA(burst: 300, intervalMilliseconds: 500)
            case .refreshAddress: ThrottleLimits.refresh(perSecond: ThrottleLimits.refreshesPerSecond)
            }
        }
    }

    /// An office or a class that registers in one hour; a person registers once.
    package static let registrationsPerHour = 20
    /// Users behind one address, or a backend that refreshes for its users: 180,000 sessions with tokens of 15 minutes.
    /// In RS256 signatures 5 % of a loop's time.
    package static let refreshesPerSecond = 200

    /// Sets what one address may register an hour (1...10000); its network bears five times as much, its site twenty.
    package mutating func limitRegistrations(perHour rate: Int) {
        for rule in ThrottleRule.allCases where rule.purpose == .registration {
            self[rule] = ThrottleLimits.registration(rule, perHour: rate)
        }
    }

    /// Sets what one address may refresh a second (1...10000), five seconds' worth at once.
    package mutating func limitRefreshes(perSecond rate: Int) {
        self[.refreshAddress] = ThrottleLimits.refresh(perSecond: rate)
    }

    private static func registration(_ rule: ThrottleRule, perHour rate: Int) -> GCRA {
        let rate =
            min(max(1, rate), 10_000) * (rule == .registrationAddress ? 1 : rule == .registrationNetwork ? 5 : 20)
        return GCRA(burst: UInt16(clamping: rate), intervalMilliseconds: 3_600_000 / Int64(rate))
    }

    private static func refresh(perSecond rate: Int) -> GCRA {
        let rate = min(max(1, rate), 10_000)
        return GCRA(burst: UInt16(clamping: rate * 5), perSecond: UInt32(rate))
    }

    /// What each of `nodes` allows by itself when they have no counters in common. Limits of refreshes are as they were:
    /// they spare a node's own loops.
    package func shared(among nodes: Int) -> ThrottleLimits {
        var shared = self
        for rule in ThrottleRule.allCases where rule.purpose != .refresh {
            shared[rule] = self[rule].share(among: nodes)
        }
        return shared
    }

    package subscript(rule: ThrottleRule) -> GCRA {
        get { limits[Int(rule.rawValue)] }
        set { limits[Int(rule.rawValue)] = newValue }
    }
}
