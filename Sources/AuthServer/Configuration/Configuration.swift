package import Auth
import Glibc
package import HTTP
package import HTTPServer
package import JWT
package import Passwords
package import Reactor

/// Everything the server can be told, typed and within bounds. Limits of buffers, queues, caches and tables are here or
/// in `HTTP.Limits` and `HTTPServer.Deadlines`, each with its reason.
package struct Configuration: Sendable {
    package var listen = SocketAddress("127.0.0.1:8080")!  // why: a literal that the tests read
    package var opsListen = SocketAddress("127.0.0.1:9090")!  // why: a literal that the tests read
    /// Who stands between clients and the main port. The ops port and the control socket are nobody's business but the
    /// machine's: there the client is who connects.
    package var clients = ClientPolicy()
    /// Event loops, one thread each.
    package var loops = 1
    /// Where users and sessions of a fleet are; nil: in the data folder, of this node alone.
    package var databaseURL: String?
    /// Where a fleet counts its limits and hears of revocations at once; `none`: nowhere, so that limits are counted by
    /// each node and revocations heard of within two seconds.
    package var redisURL: String?
    /// Postgres connections of this node: a statement takes a millisecond or two, so that four do some 2000 a second, a
    /// hundred times what a core can hash.
    package var databaseConnections = 4
    /// How long a start waits for the database to be there: as long as a failover or a restart takes.
    package var startSeconds = 60
    /// The data folder: the embedded store, or of a node of a fleet only its lock and its control socket.
    package var dataFolder = "./.portcullis"
    /// Nil: `master.key` in the data folder, made on first start.
    package var masterKeyFile: String?
    /// Used once, when no user was ever made; nil: a random one, printed once.
    package var adminPassword: String?
    /// The file that `adminPassword` was read from, if it was.
    package var adminPasswordFile: String?
    package var issuer = "portcullis"
    package var audience = "portcullis"
    package var signingAlgorithm = SigningAlgorithm.rs256
    /// How long keys stay where they are; `signingAlgorithm` counts, not the algorithm in here.
    package var keyRing = KeyRingPolicy()
    package var accessTokenSeconds = 900
    package var refreshGraceSeconds = 60
    /// Origins whose browsers may use the refresh cookie besides our own.
    package var allowedOrigins: [String] = []
    /// Tokens remembered per loop, about 2 KiB each.
    package var tokenCacheEntries = 16_384
    /// Bytes of tokens that the cache may hold for each entry: twice an RS256 token with a few roles (about 750), so that
    /// long tokens cost places, not memory.
    package var tokenCacheBytesPerEntry = 1536
    /// Revocations in force at most; beyond, entries of a user collapse into its epoch, then all into the fleet's.
    package var revocationEntries = RevocationSet.standardLimit
    /// Hashes computed at once: one per core, since each fills a core and 19 MiB.
    package var hashWorkers = 1
    /// Logins that may wait for a hash; at about 20 ms a hash and two workers, 64 wait 0.7 s.
    package var hashQueue = 64
    package enum Registration: String, Sendable, CaseIterable {
        case open, closed
    }

    /// Whether people may make their own accounts.
    package var registration = Registration.closed
    /// Registrations of one address an hour: a class or an office does it together, a person once.
    package var registrationsPerHour = ThrottleLimits.registrationsPerHour {
        didSet { throttle.limitRegistrations(perHour: registrationsPerHour) }
    }
    /// Refreshes of one address a second: all users behind it, or a backend that refreshes for its users. 200 are 5 % of
    /// a loop's time in RS256 signatures.
    package var refreshesPerSecond = ThrottleLimits.refreshesPerSecond {
        didSet { throttle.limitRefreshes(perSecond: refreshesPerSecond) }
    }
    /// What a new password may be.
    package var passwordPolicy = PasswordPolicy()
    package var passwordMinimumCharacters: Int {
        get { passwordPolicy.minimumCharacters }
        set { passwordPolicy = PasswordPolicy(minimumCharacters: newValue) }
    }
    /// How long a refused login may wait to be written to the audit with others: four transactions a second at most.
    package var auditDelayMilliseconds = 250
    package var throttle = ThrottleLimits()
    package var attemptCaps = AttemptCaps()
    /// How long the audit is kept: long enough to look into what is found a quarter later.
    package var auditRetentionDays = 90
    /// How long a password that an administrator gave is good for its one login: a day to hand it over.
    package var oneTimePasswordSeconds = 86_400
    package var passwordHash = PasswordHashParameters.standard
    /// Connections per loop; further ones wait in the kernel's queue.
    package var maximumConnections = 20_000
    package var httpLimits = Limits()
    /// The largest body a route takes: sixteen times what a password of 1024 bytes can need when all of it is escaped,
    /// and small enough that every connection may send one.
    package var requestBodyBytes = 65_536
    package var deadlines = Deadlines()
    /// Which lines are written.
    package var logLevel = LogLevel.info
    /// Of so many verify requests one is written, whatever its answer; of 0 none. At 20,000 a second that is 20 lines.
    package var logVerifySample = 1000
    /// Where the log goes; `serve` sets standard error. Nil: nowhere.
    package var logDescriptor: Int32?
    /// From when no more work is taken to the end, answered or not.
    package var drainSeconds = 10
    /// How long, after SIGTERM, balancers that probe are waited for at most: three probes of HAProxy's default, two seconds
    /// apart, and some room.
    package var drainDelaySeconds = 8
    /// Probes in a row that must have heard "not ready" before that time: what HAProxy asks for by default.
    package var drainProbes = 3

    /// Of this build, as other nodes and operators see it.
    static let version = "1"

    package init() {}

    /// Whether it shares its stores with other nodes.
    package var isFleet: Bool { databaseURL != nil }
    /// Where accounts are, in words.
    var place: String { isFleet ? "the fleet's database" : dataFolder }
    /// Nil: a fleet without Redis, or none.
    var usedRedisURL: String? { redisURL == Configuration.noRedis ? nil : redisURL }
    /// Said, not left out: nobody runs a fleet without Redis by mistake.
    static let noRedis = "none"

    /// After how many days keys rotate by themselves; 0: only when asked.
    package var keyRotationDays: Int {
        get { Int(clamping: (keyRing.activeMilliseconds ?? 0) / 86_400_000) }
        set { keyRing.activeMilliseconds = newValue == 0 ? nil : Int64(newValue) * 86_400_000 }
    }

    /// From environment variables over the file, if one is given; every wrong, unknown or not yet supported setting is
    /// named. Blocks.
    package init(
        environment: [String: String], file: String? = nil, cores: Int = Configuration.cores
    ) throws(ConfigurationError) {
        try self.init(environment: SettingVariables(environment), file: file, cores: cores)
    }

    /// The same from the process's own variables, which need not be text.
    package init(
        environment: SettingVariables, file: String? = nil, cores: Int = Configuration.cores
    ) throws(ConfigurationError) {
        self = try Configuration.read(environment: environment, file: file, cores: cores).configuration
    }

    /// The configuration, with where each value comes from.
    static func read(
        environment: SettingVariables, file: String?, cores: Int
    ) throws(ConfigurationError) -> SettingReader {
        var standard = Configuration()
        standard.loops = max(1, cores)
        standard.hashWorkers = max(1, cores)
        var reader = SettingReader(standard)
        if let file { reader.read(file: file) }
        reader.read(environment: environment)
        reader.checkTogether()
        guard reader.problems.isEmpty else { throw ConfigurationError(problems: reader.problems) }
        return reader
    }

    /// Of this machine; at least one.
    package static var cores: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// Descriptors kept for everything but the main port's connections: the ops port, the store, loops and listeners.
    private static let reservedDescriptors = 128

    /// Lowers `maximumConnections` to what `descriptors` allow, so that a flood of connections leaves the ops port and the
    /// store theirs. With fewer than the reserve, half of all.
    package mutating func limitConnections(descriptors: Int) {
        let available = max(descriptors - Configuration.reservedDescriptors - fleetDescriptors, descriptors / 2)
        maximumConnections = max(1, min(maximumConnections, available / max(1, loops)))
    }

    /// Descriptors below which a start is refused: for each loop and the ops port an epoll, an eventfd, a listener and a
    /// connection; sixteen for output, the data folder's files and what libraries open for a moment. Libraries end the
    /// process when they get none.
    package var neededDescriptors: Int { 16 + 4 * (loops + 1) + fleetDescriptors }

    /// Of a node of a fleet: its Postgres connections, and Redis' on each loop and of the reader.
    private var fleetDescriptors: Int { isFleet ? databaseConnections + loops + 1 : 0 }
}
