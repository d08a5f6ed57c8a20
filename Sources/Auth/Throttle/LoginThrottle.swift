/// What a throttle answers to one attempt.
package enum ThrottleVerdict: Sendable, Equatable {
    /// Counted under every key.
    case reserved(ThrottleReservation)
    /// Counted under none; `rule` is the one that holds longest.
    case refused(by: ThrottleRule, retryAfterMilliseconds: Int64)
}

/// What was counted and can be given back, once.
package struct ThrottleReservation: Sendable, Equatable {
    /// Those of failure rules.
    package let keys: [ThrottleKey]
    package let place: Place
    /// Those of `keys` that were counted in this process besides the fleet's counters.
    package let alsoHere: [ThrottleKey]
    /// Those of cost rules: given back only with an attempt that came to nothing, since the store was away.
    private let costs: [ThrottleKey]
    private let costsAlsoHere: [ThrottleKey]

    /// Which counters have it: only there can it be given back.
    package enum Place: Sendable {
        /// Those of this process.
        case node
        /// Those that all nodes share.
        case fleet
    }

    package init(keys: [ThrottleKey], in place: Place = .node, alsoHere: [ThrottleKey] = []) {
        self.keys = keys.filter(\.rule.isGivenBack)
        self.place = place
        self.alsoHere = alsoHere.filter(\.rule.isGivenBack)
        costs = keys.filter { !$0.rule.isGivenBack }
        costsAlsoHere = alsoHere.filter { !$0.rule.isGivenBack }
    }

    private init(whole reservation: ThrottleReservation) {
        keys = reservation.keys + reservation.costs
        place = reservation.place
        alsoHere = reservation.alsoHere + reservation.costsAlsoHere
        (costs, costsAlsoHere) = ([], [])
    }

    /// All of it: what costs nothing is not counted.
    package var whole: ThrottleReservation { ThrottleReservation(whole: self) }
}

/// The counters of step 3. An implementation whose counters are away decides by itself (design section 8): a throttle
/// that cannot answer is not a reason to refuse a login.
package protocol LoginThrottle: Sendable {
    /// Counts one attempt, registration or refresh under all `keys` or under none.
    func reserve(_ keys: [ThrottleKey], at now: UnixTime) async -> ThrottleVerdict

    /// Takes the failures of one attempt back; never retried, what is lost decays.
    func giveBack(_ reservation: ThrottleReservation, at now: UnixTime) async

    /// Forgets what is counted under `keys`: an administrator unlocked the account they are of.
    func forget(_ keys: [ThrottleKey]) async
}
