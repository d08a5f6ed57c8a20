/// The rules a login passes, in the order they are named when several refuse at once (design section 7 step 3).
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
    /// All attempts of unknown devices, whatever they came to. Asked last: what another rule refuses takes nothing of it.
    case global

    /// A failure rule's reservation is given back on success and by an exit before the comparison; a cost rule's never.
    package var isGivenBack: Bool {
        switch self {
        case .address, .network, .site, .account, .accountAndAddress, .accountAndDevice: true
        case .addressCost, .accountCost, .deviceCost, .global: false
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
            case .global: GCRA(burst: 400, perSecond: 200)
            }
        }
    }

    package subscript(rule: ThrottleRule) -> GCRA {
        get { limits[Int(rule.rawValue)] }
        set { limits[Int(rule.rawValue)] = newValue }
    }
}
