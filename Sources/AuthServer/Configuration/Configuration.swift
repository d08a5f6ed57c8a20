package import Auth
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
    /// Event loops, one thread each.
    package var loops = 1
    /// The data folder of the embedded store.
    package var dataFolder = "./.portcullis"
    /// Nil: `master.key` in the data folder, made on first start.
    package var masterKeyFile: String?
    /// Used once, when no user was ever made; nil: a random one, printed once.
    package var adminPassword: String?
    package var issuer = "portcullis"
    package var audience = "portcullis"
    package var signingAlgorithm = SigningAlgorithm.rs256
    package var accessTokenSeconds = 900
    package var refreshGraceSeconds = 60
    /// Origins whose browsers may use the refresh cookie besides our own.
    package var allowedOrigins: [String] = []
    /// Tokens remembered per loop, about 2 KiB each.
    package var tokenCacheEntries = 16_384
    /// Revocations in force at most; beyond, entries of a user collapse into its epoch, then all into the fleet's.
    package var revocationEntries = 262_144
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
    package var registrationsPerHour = ThrottleLimits.registrationsPerHour
    /// Refreshes of one address a second: all users behind it, or a backend that refreshes for its users. 200 are 5 % of
    /// a loop's time in RS256 signatures.
    package var refreshesPerSecond = ThrottleLimits.refreshesPerSecond
    /// What a new password may be.
    package var passwordPolicy = PasswordPolicy()
    /// How long a refused login may wait to be written to the audit with others: four transactions a second at most.
    package var auditDelayMilliseconds = 250
    package var throttle = ThrottleLimits()
    package var attemptCaps = AttemptCaps()
    /// How long the audit is kept: long enough to look into what is found a quarter later.
    package var auditRetentionDays = 90
    package var passwordHash = PasswordHashParameters.standard
    /// Connections per loop; further ones wait in the kernel's queue.
    package var maximumConnections = 20_000
    package var httpLimits = Limits()
    package var deadlines = Deadlines()
    /// From SIGTERM to the end, answered or not.
    package var drainSeconds = 10

    package init() {}

    /// From environment variables; every wrong, unknown or not yet supported one is named.
    package init(environment: [String: String], cores: Int) throws(ConfigurationError) {
        var reader = SettingReader(environment)
        loops = max(1, cores)
        hashWorkers = max(1, cores)
        readAddresses(&reader)
        readTokens(&reader)
        readAccounts(&reader)
        readCapacities(&reader)
        reader.rejectUnknown()
        guard reader.problems.isEmpty else { throw ConfigurationError(problems: reader.problems) }
    }

    /// Descriptors kept for everything but the main port's connections: the ops port, the store, loops and listeners.
    private static let reservedDescriptors = 128

    /// Lowers `maximumConnections` to what `descriptors` allow, so that a flood of connections leaves the ops port and the
    /// store theirs. With fewer than the reserve, half of all.
    package mutating func limitConnections(descriptors: Int) {
        let available = max(descriptors - Configuration.reservedDescriptors, descriptors / 2)
        maximumConnections = max(1, min(maximumConnections, available / max(1, loops)))
    }

    private mutating func readAddresses(_ reader: inout SettingReader) {
        listen = reader.value(.address("PORTCULLIS_LISTEN"), default: listen)
        opsListen = reader.value(.address("PORTCULLIS_OPS_LISTEN"), default: opsListen)
        if !opsListen.isLoopback {
            reader.reject("PORTCULLIS_OPS_LISTEN must be a loopback address: the ops port has no access control")
        }
        dataFolder = reader.value(.text("PORTCULLIS_DATA", maximumBytes: 4096), default: dataFolder)
        masterKeyFile = reader.optional(.text("PORTCULLIS_MASTER_KEY_FILE", maximumBytes: 4096))
        adminPassword = reader.optional(.text("PORTCULLIS_ADMIN_PASSWORD"))
    }

    private mutating func readTokens(_ reader: inout SettingReader) {
        issuer = reader.value(.text("PORTCULLIS_ISSUER"), default: issuer)
        audience = reader.value(.text("PORTCULLIS_AUDIENCE"), default: audience)
        let names = SigningAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
        signingAlgorithm = reader.value(
            Setting("PORTCULLIS_SIGNING_ALGORITHM", "one of \(names)") { SigningAlgorithm(rawValue: $0) },
            default: signingAlgorithm)
        accessTokenSeconds = reader.value(
            .integer("PORTCULLIS_ACCESS_TOKEN_SECONDS", 1...3600), default: accessTokenSeconds)
        refreshGraceSeconds = reader.value(
            .integer("PORTCULLIS_REFRESH_GRACE_SECONDS", 0...300), default: refreshGraceSeconds)
        allowedOrigins = reader.value(
            Setting("PORTCULLIS_ALLOWED_ORIGINS", WebOrigin.expectation) { text in
                let origins = text.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
                return origins.count <= WebOrigin.maximumCount && origins.allSatisfy(WebOrigin.isSerialized)
                    ? origins : nil
            }, default: allowedOrigins)
    }

    private mutating func readAccounts(_ reader: inout SettingReader) {
        registration = reader.value(
            Setting("PORTCULLIS_REGISTRATION", "open or closed") { Registration(rawValue: $0) }, default: registration)
        registrationsPerHour = reader.value(
            .integer("PORTCULLIS_REGISTRATIONS_PER_HOUR", 1...10_000), default: registrationsPerHour)
        throttle.limitRegistrations(perHour: registrationsPerHour)
        refreshesPerSecond = reader.value(
            .integer("PORTCULLIS_REFRESHES_PER_SECOND", 1...10_000), default: refreshesPerSecond)
        throttle.limitRefreshes(perSecond: refreshesPerSecond)
        let floor = PasswordPolicy.floor
        passwordPolicy = PasswordPolicy(
            minimumCharacters: reader.value(
                .integer("PORTCULLIS_PASSWORD_MINIMUM_CHARACTERS", floor...64),
                default: passwordPolicy.minimumCharacters))
    }

    private mutating func readCapacities(_ reader: inout SettingReader) {
        loops = reader.value(.integer("PORTCULLIS_LOOPS", 1...256), default: loops)
        tokenCacheEntries = reader.value(
            .integer("PORTCULLIS_TOKEN_CACHE_ENTRIES", 0...1_048_576), default: tokenCacheEntries)
        revocationEntries = reader.value(
            .integer("PORTCULLIS_REVOCATION_ENTRIES", 1024...16_777_216), default: revocationEntries)
        hashWorkers = reader.value(.integer("PORTCULLIS_HASH_WORKERS", 1...256), default: hashWorkers)
        hashQueue = reader.value(.integer("PORTCULLIS_HASH_QUEUE", 1...65_536), default: hashQueue)
        maximumConnections = reader.value(
            .integer("PORTCULLIS_MAXIMUM_CONNECTIONS", 1...1_000_000), default: maximumConnections)
        auditRetentionDays = reader.value(
            .integer("PORTCULLIS_AUDIT_RETENTION_DAYS", 1...3650), default: auditRetentionDays)
        drainSeconds = reader.value(.integer("PORTCULLIS_DRAIN_SECONDS", 0...3600), default: drainSeconds)
    }
}
