import Auth
import HTTPServer
import Passwords

extension Setting {
    /// Every setting of this version, in the order that reports have. Defaults are the initial values of
    /// `Configuration`'s fields, which also say why.
    package static let all: [Setting] = addresses + fleet + accounts + tokens + capacities + logs

    private static let addresses: [Setting] = [
        .address("PORTCULLIS_LISTEN", \.listen, "Where the API answers; port 0 lets the system choose."),
        .address("PORTCULLIS_OPS_LISTEN", \.opsListen, "Where probes and metrics answer, on a thread of their own."),
        .networks(
            "PORTCULLIS_TRUSTED_PROXIES", \.clients.proxies,
            "Whose word on the client's address and on X-Request-Id is taken."),
        .choice(
            "PORTCULLIS_FORWARDED_FIELD", \.clients.field, "The field in which they give it; the other is ignored."),
        .choice(
            "PORTCULLIS_PROXY_PROTOCOL", \.clients.proxyProtocol,
            "Version that each connection to the API must begin with."),
        .text(
            "PORTCULLIS_DATA", \.dataFolder, maximumBytes: 4096,
            "Data folder of the embedded store; in a fleet of the lock and the control socket."),
        .text(
            "PORTCULLIS_MASTER_KEY_FILE", optional: \.masterKeyFile, bytes: 1...4096,
            "Master keys that seal all others; without it master.key in the data folder."),
    ]

    private static let fleet: [Setting] = [
        .url(
            "PORTCULLIS_DATABASE_URL", \.databaseURL,
            "the URL of a Postgres database with its user, such as "
                + "postgres://user:password@host:5432,other:5432/database",
            isGood: Setting.isDatabase, "Postgres of a fleet; with it goes PORTCULLIS_REDIS_URL."),
        .url(
            "PORTCULLIS_REDIS_URL", \.redisURL,
            "the URL of a Redis server, such as rediss://user:password@host:6379, or none", isGood: Setting.isRedis,
            "Redis of a fleet; none: every node counts limits by itself and hears of revocations within 2 s."),
        .integer(
            "PORTCULLIS_DATABASE_CONNECTIONS", 1...256, \.databaseConnections,
            "Postgres connections of this node; loops share them when there are fewer."),
        .integer(
            "PORTCULLIS_START_SECONDS", 0...3600, \.startSeconds, "How long a start waits for the fleet's database."),
    ]

    private static let accounts: [Setting] = [
        .text(
            "PORTCULLIS_ADMIN_PASSWORD", optional: \.adminPassword, isSecret: true,
            "Password of the first account, used once; without it one is made up and shown once."),
        .text(
            "PORTCULLIS_ADMIN_PASSWORD_FILE", optional: \.adminPasswordFile, bytes: 1...4096,
            "File with that password, instead of it; a line end after it is no part of it."),
        .choice("PORTCULLIS_REGISTRATION", \.registration, "Whether people may make their own accounts."),
        .integer(
            "PORTCULLIS_REGISTRATIONS_PER_HOUR", 1...10_000, \.registrationsPerHour,
            "Registrations of one address an hour; its network may do five times as many."),
        .integer(
            "PORTCULLIS_PASSWORD_MINIMUM_CHARACTERS", PasswordPolicy.floor...64, \.passwordMinimumCharacters,
            "The fewest characters of a new password."),
        .list(
            "PORTCULLIS_ALLOWED_ORIGINS", \.allowedOrigins, WebOrigin.expectation, each: WebOrigin.isSerialized,
            "Origins whose pages may use the refresh cookie besides our own."),
    ]

    private static let tokens: [Setting] = [
        .text("PORTCULLIS_ISSUER", \.issuer, "The iss of access tokens."),
        .text("PORTCULLIS_AUDIENCE", \.audience, "The aud of access tokens."),
        .choice("PORTCULLIS_SIGNING_ALGORITHM", \.signingAlgorithm, "How new access tokens are signed."),
        .integer(
            "PORTCULLIS_KEY_ROTATION_DAYS", 0...3650, \.keyRotationDays,
            "After how many days keys rotate by themselves; 0: only when asked."),
        .integer(
            "PORTCULLIS_ACCESS_TOKEN_SECONDS", 1...3600, \.accessTokenSeconds, "Lifetime of an access token."),
        .integer(
            "PORTCULLIS_REFRESH_GRACE_SECONDS", 0...300, \.refreshGraceSeconds,
            "How long a refresh whose answer was lost may be repeated."),
        .integer(
            "PORTCULLIS_REFRESHES_PER_SECOND", 1...10_000, \.refreshesPerSecond,
            "Refreshes of one address a second; a session may do two."),
    ]

    private static let capacities: [Setting] = [
        .integer("PORTCULLIS_LOOPS", 1...256, \.loops, "Event loops, one thread each; one a core unless set."),
        .integer(
            "PORTCULLIS_TOKEN_CACHE_ENTRIES", 0...1_048_576, \.tokenCacheEntries,
            "Verified tokens that a loop remembers, up to 2 KiB each."),
        .integer(
            "PORTCULLIS_REVOCATION_ENTRIES", 1024...16_777_216, \.revocationEntries,
            "Revocations in force before those of a user are put together."),
        .integer(
            "PORTCULLIS_HASH_WORKERS", 1...256, \.hashWorkers,
            "Passwords hashed at once, 19 MiB each; one a core unless set."),
        .integer("PORTCULLIS_HASH_QUEUE", 1...65_536, \.hashQueue, "Logins that may wait for a hash."),
        .integer(
            "PORTCULLIS_MAXIMUM_CONNECTIONS", 1...1_000_000, \.maximumConnections,
            "Connections a loop has open; fewer when descriptors are short."),
        .integer(
            "PORTCULLIS_ONE_TIME_PASSWORD_SECONDS", 60...2_592_000, \.oneTimePasswordSeconds,
            "How long a password that an administrator gave for one login is good."),
        .integer(
            "PORTCULLIS_AUDIT_RETENTION_DAYS", 1...3650, \.auditRetentionDays, "How long the audit is kept."),
        .integer(
            "PORTCULLIS_DRAIN_DELAY_SECONDS", 0...3600, \.drainDelaySeconds,
            "After SIGTERM, how long balancers that probe /readyz may take to notice."),
        .integer(
            "PORTCULLIS_DRAIN_PROBES", 1...1000, \.drainProbes,
            "Probes in a row that must fail before one has noticed."),
        .integer(
            "PORTCULLIS_DRAIN_SECONDS", 0...3600, \.drainSeconds,
            "From then on to the end, answered or not."),
    ]

    private static let logs: [Setting] = [
        .choice("PORTCULLIS_LOG_LEVEL", \.logLevel, "From which level on lines are written to standard error."),
        .integer(
            "PORTCULLIS_LOG_VERIFY_SAMPLE", 0...1_000_000, \.logVerifySample,
            "Of so many verify requests one is logged, whatever its answer; of 0 none."),
    ]
}
