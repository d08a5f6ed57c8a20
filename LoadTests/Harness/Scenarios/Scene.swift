import Reactor

/// What the scenarios of a run have in common: the target, the people, and what the target can do. Immutable, so that
/// the loops share it.
package struct Scene: Sendable {
    package var profile: TargetProfile
    package var endpoints: [Endpoint]
    package var basePath: String
    package var carrier: ClientAddressCarrier
    package var seed: UInt64
    /// From the command line.
    package var given: Variables
    /// The accounts that were planted: their names and passwords, and how many.
    package var credentials: SyntheticCredentials
    package var accounts: Int
    /// People who are signed in, each from an address and a device of their own. Their refresh tokens are not used.
    package var sessions: [Session] = []
    /// More of them, of one scenario alone, which may use them up.
    package var ownSessions: [Session] = []
    package var capacity = Capacity()
    package var options: ScenarioOptions

    package init(
        profile: TargetProfile, endpoints: [Endpoint], basePath: String, carrier: ClientAddressCarrier, seed: UInt64,
        given: Variables, credentials: SyntheticCredentials, accounts: Int, options: ScenarioOptions
    ) {
        self.profile = profile
        self.endpoints = endpoints
        self.basePath = basePath
        self.carrier = carrier
        self.seed = seed
        self.given = given
        self.credentials = credentials
        self.accounts = accounts
        self.options = options
    }

    /// The address of the person with this number.
    package func userAddress(_ number: Int) -> SyntheticAddress { ClientAddresses(.users, seed: seed)[number] }

    /// Name and password of a planted account, with what the command line gave.
    package func variables(ofAccount account: Int) -> Variables {
        var variables = given
        variables["username"] = credentials.username(account)
        variables["password"] = credentials.password(account)
        return variables
    }

    /// The operation; a run asks for what its scenarios need before it begins.
    package func operation(_ name: OperationName) -> OperationTemplate {
        guard let operation = profile[name] else { fatalError("a scenario without its operation \(name.rawValue)") }
        return operation
    }
}

/// Somebody who is signed in: all that their requests need.
package struct Session: Sendable {
    /// The number of the account, and of the person's address.
    package let person: Int
    package var variables: Variables

    package init(person: Int, variables: Variables) {
        self.person = person
        self.variables = variables
    }
}

/// What the target carried when it was asked for as much as it could, in requests a second.
package struct Capacity: Sendable {
    package var verify: Double?
    /// Logins of people who may come in: password hashes, for the most part.
    package var login: Double?
}

/// What the command line may say of scenarios.
package struct ScenarioOptions: Sendable {
    /// Rates by operation, over those derived from the capacity.
    package var rates: [String: Pacing] = [:]
    /// Attempts of an attack, as a multiple of the target's logins a second.
    package var attackFactor = 10.0
    /// Logins of a siege, likewise.
    package var siegeFactor = 20.0
    /// Addresses of a botnet.
    package var bots = 50_000
    /// Of the pairs of a stuffing list, how many are right.
    package var hitRate = 0.01
    /// How long the target takes a refresh token a second time, in seconds.
    package var refreshGrace = 60.0
    /// Comparisons with one account that the target promises at most, from devices that it does not know; nil: no
    /// promise.
    package var accountCap: Int?

    package init() {}
}
