import Auth
import AuthServer
import JWT
import Passwords
import Reactor
import Testing

@Suite struct ConfigurationTests {
    private func error(_ environment: [String: String]) -> ConfigurationError? {
        do throws(ConfigurationError) {
            _ = try Configuration(environment: environment, cores: 2)
            return nil
        } catch {
            return error
        }
    }

    private func problems(_ environment: [String: String]) -> [String] { error(environment)?.problems ?? [] }

    private static let address = "must be an IP address with a port, such as 127.0.0.1:8080 or [::1]:8080"
    private static let long = String(repeating: "a", count: 4097)

    /// Wrong values of each setting, and what it must be.
    private static let wrong: [(String, values: [String], expectation: String)] = [
        (
            "LISTEN",
            ["", "8080", "localhost:8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "1.2.3:1", "::1:80"], address
        ),
        ("OPS_LISTEN", ["", "9090", "127.0.0.1:x"], address),
        (
            "OPS_LISTEN", ["0.0.0.0:9090", "[::]:9090", "192.0.2.1:9090"],
            "must be a loopback address: the ops port has no access control"
        ),
        ("DATA", ["", "a\nb", long], "must be text of 1 to 4096 bytes without control characters"),
        ("MASTER_KEY_FILE", ["", "\u{0}", long], "must be text of 1 to 4096 bytes without control characters"),
        ("ADMIN_PASSWORD", ["", "\u{7F}", long], "must be text of 1 to 1024 bytes without control characters"),
        ("ISSUER", ["", "a\tb", long], "must be text of 1 to 1024 bytes without control characters"),
        ("AUDIENCE", ["", "a\rb", long], "must be text of 1 to 1024 bytes without control characters"),
        ("SIGNING_ALGORITHM", ["", "none", "rs256", "RS512", "RS256 "], "must be one of RS256, ES256, EdDSA, HS256"),
        (
            "ACCESS_TOKEN_SECONDS", ["", "0", "-1", "3601", "9oo", "1.5", "1e2", " 60", "0x10", "٣", long],
            "must be a whole number from 1 to 3600"
        ),
        (
            "KEY_ROTATION_DAYS", ["", "-1", "3651", "90d", "1.5", "never", "9999999999999999999"],
            "must be a whole number from 0 to 3650"
        ),
        ("REFRESH_GRACE_SECONDS", ["", "-1", "301", "x"], "must be a whole number from 0 to 300"),
        (
            "ALLOWED_ORIGINS",
            [
                ",", "app.example", "https://", "https://a/", "https://a b", "ftp://a", "null", "*", "https://*",
                "https://*.a", "https://a,b", "https://a,", "https://a, https://b", "https://u@a", "HTTPS://a",
                "https://A.example", "https://ä.example", "https://a..b", "https://.a", "https://a.", "https://a:",
                "https://a:443", "http://a:80", "https://a:0", "https://a:08", "https://a:65536", "https://a:x",
                "https://a:1:2", "https://a?b", "https://a#", "https://[::1", "https://[::1]x", "https://[::1]:443",
                "https://[::A]", "https://[]", "https://[1]", "https://::1",
                "https://\(String(repeating: "a", count: 254))",
            ],
            "must be origins as browsers send them (lower case, no path, no default port), such as "
                + "https://app.example, separated by commas"
        ),
        ("LOOPS", ["", "0", "257", "99999999999999999999"], "must be a whole number from 1 to 256"),
        ("TOKEN_CACHE_ENTRIES", ["-1", "1048577"], "must be a whole number from 0 to 1048576"),
        ("REVOCATION_ENTRIES", ["0", "1023", "16777217"], "must be a whole number from 1024 to 16777216"),
        ("HASH_WORKERS", ["0", "257"], "must be a whole number from 1 to 256"),
        ("HASH_QUEUE", ["0", "65537"], "must be a whole number from 1 to 65536"),
        ("MAXIMUM_CONNECTIONS", ["0", "1000001"], "must be a whole number from 1 to 1000000"),
        ("REGISTRATION", ["", "Open", "yes", "1", "open "], "must be one of open, closed"),
        ("REGISTRATIONS_PER_HOUR", ["0", "10001", "x"], "must be a whole number from 1 to 10000"),
        ("REFRESHES_PER_SECOND", ["0", "10001", "-1"], "must be a whole number from 1 to 10000"),
        ("PASSWORD_MINIMUM_CHARACTERS", ["7", "65", ""], "must be a whole number from 8 to 64"),
        (
            "TRUSTED_PROXIES",
            [
                ",", "10.0.0.0/8,", "10.0.0.0/8, ::1", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08",
                "10.0.0.0/+8", "10.0.0.0/-1", "10.0.0/8", "10.0.0.256", "010.0.0.0/8", "::1/0", "2001:db8::1/64",
                "2001:db8::/129", "::ffff:10.0.0.0/8", "[::1]", "::1%lo", "fe80::%1/64", "localhost", "*",
                "10.0.0.0/8/8",
                Array(repeating: "10.0.0.1", count: 65).joined(separator: ","), long,
            ],
            "must be at most 64 networks or addresses, such as 10.0.0.0/8 or 2001:db8::1 (all bits behind the prefix "
                + "zero), separated by commas"
        ),
        ("FORWARDED_FIELD", ["", "X-Forwarded-For", "x-real-ip", "both"], "must be one of x-forwarded-for, forwarded"),
        ("PROXY_PROTOCOL", ["", "V1", "on", "v3", "1"], "must be one of off, v1, v2"),
        (
            "PROXY_PROTOCOL", ["v1", "v2"],
            "needs PORTCULLIS_TRUSTED_PROXIES: the balancers that may say whose a connection is"
        ),
        ("DRAIN_DELAY_SECONDS", ["-1", "3601", ""], "must be a whole number from 0 to 3600"),
        ("DRAIN_PROBES", ["0", "1001"], "must be a whole number from 1 to 1000"),
        ("DRAIN_SECONDS", ["-1", "3601"], "must be a whole number from 0 to 3600"),
        ("AUDIT_RETENTION_DAYS", ["", "0", "3651", "90d"], "must be a whole number from 1 to 3650"),
    ]

    @Test func `each wrong value is named with what it must be and is not repeated`() {
        for (name, values, expectation) in ConfigurationTests.wrong {
            for value in values {
                let found = problems(["PORTCULLIS_\(name)": value])
                #expect(found == ["PORTCULLIS_\(name) \(expectation)"], "\(name)=\(value.prefix(40))")
            }
        }
    }

    @Test func `what is no setting of this version is named, misspelt or not yet there`() {
        for name in ["PORTCULLIS_LISTENS", "PORTCULLIS_", "PORTCULLIS_listen", "PORTCULLIS_NONSENSE"] {
            #expect(problems([name: "x"]) == ["\(name) is not a setting of this version"])
        }
    }

    @Test func `a variable that is not UTF-8 is named, its name escaped, and others are left alone`() {
        let entries: [[UInt8]] = [
            Array("PORTCULLIS_ISSUER=a".utf8) + [0xFF], Array("PORTCULLIS_ADMIN_PASSWORD=".utf8) + [0xC0, 0x80],
            Array("PORTCULLIS_".utf8) + [0xFF, 0x1B] + Array("=1".utf8), Array("PORTCULLIS_NONSENSE=".utf8) + [0x80],
            Array("PATH=".utf8) + [0xFF], [0xFF, 0x3D, 0x31], Array("PORTCULLIS_LISTEN".utf8), [],
            Array("PORTCULLIS_LOOPS=x".utf8),
        ]
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration(environment: SettingVariables(entries: entries), cores: 1)
        }
        #expect(
            error?.problems == [
                "PORTCULLIS_ADMIN_PASSWORD must be UTF-8", "PORTCULLIS_ISSUER must be UTF-8",
                "PORTCULLIS_NONSENSE is not a setting of this version",
                "PORTCULLIS_\\xFF\\u{1B} is not a setting of this version",
                "PORTCULLIS_LOOPS must be a whole number from 1 to 256",
            ])
    }

    @Test func `of a variable that is there twice the first counts, and what is set later replaces it`() throws {
        var variables = SettingVariables(entries: [
            Array("PORTCULLIS_ISSUER=ä=b".utf8), Array("PORTCULLIS_ISSUER=c".utf8),
            Array("PORTCULLIS_DATA=".utf8) + [0xFF],
        ])
        #expect(throws: ConfigurationError.self) { try Configuration(environment: variables, cores: 1) }
        variables.set("PORTCULLIS_DATA", to: "/d")
        let configuration = try Configuration(environment: variables, cores: 1)
        #expect(configuration.issuer == "ä=b" && configuration.dataFolder == "/d")
    }

    @Test func `a name that is no setting is shown without what a terminal would obey`() {
        #expect(
            problems(["PORTCULLIS_\u{1B}[2J\n\u{9B}\u{202E}ä": "x"])
                == ["PORTCULLIS_\\u{1B}[2J\\n\\u{009B}\\u{202E}ä is not a setting of this version"])
    }

    @Test func `all that is wrong is told at once`() {
        let found = error([
            "PORTCULLIS_LOOPS": "many", "PORTCULLIS_ISSUER": "", "PORTCULLIS_NONSENSE": "1", "PORTCULLIS_DATA": "/tmp",
            "PATH": "", "LOOPS": "x",
        ])
        #expect(found?.problems.count == 3)
        #expect(found?.description.split(separator: "\n").count == 3)
    }

    @Test func `good values are taken`() throws {
        let configuration = try Configuration(
            environment: [
                "PORTCULLIS_LISTEN": "[::]:443", "PORTCULLIS_OPS_LISTEN": "[::1]:1", "PORTCULLIS_DATA": "/var/lib/a b",
                "PORTCULLIS_MASTER_KEY_FILE": "/run/key", "PORTCULLIS_ADMIN_PASSWORD": "ä owls b",
                "PORTCULLIS_ISSUER": "i",
                "PORTCULLIS_AUDIENCE": "a", "PORTCULLIS_SIGNING_ALGORITHM": "EdDSA",
                "PORTCULLIS_ACCESS_TOKEN_SECONDS": "3600",
                "PORTCULLIS_REFRESH_GRACE_SECONDS": "0",
                "PORTCULLIS_ALLOWED_ORIGINS":
                    "https://a.example,http://[::1]:3000,http://a_b-1:443,https://192.0.2.1:80",
                "PORTCULLIS_LOOPS": "256", "PORTCULLIS_TOKEN_CACHE_ENTRIES": "0",
                "PORTCULLIS_REVOCATION_ENTRIES": "1024",
                "PORTCULLIS_HASH_WORKERS": "3", "PORTCULLIS_HASH_QUEUE": "1", "PORTCULLIS_MAXIMUM_CONNECTIONS": "1",
                "PORTCULLIS_REGISTRATION": "open", "PORTCULLIS_DRAIN_SECONDS": "0",
                "PORTCULLIS_REGISTRATIONS_PER_HOUR": "10000", "PORTCULLIS_REFRESHES_PER_SECOND": "7",
                "PORTCULLIS_PASSWORD_MINIMUM_CHARACTERS": "8",
                "PORTCULLIS_AUDIT_RETENTION_DAYS": "3650",
            ], cores: 4)
        #expect(configuration.listen.description == "[::]:443")
        #expect(configuration.opsListen.description == "[::1]:1")
        #expect(configuration.dataFolder == "/var/lib/a b")
        #expect(configuration.masterKeyFile == "/run/key")
        #expect(configuration.adminPassword == "ä owls b")
        #expect(configuration.issuer == "i")
        #expect(configuration.audience == "a")
        #expect(configuration.signingAlgorithm == .edDSA)
        #expect(configuration.accessTokenSeconds == 3600)
        #expect(configuration.refreshGraceSeconds == 0)
        #expect(
            configuration.allowedOrigins == [
                "https://a.example", "http://[::1]:3000", "http://a_b-1:443", "https://192.0.2.1:80",
            ])
        #expect(configuration.loops == 256)
        #expect(configuration.tokenCacheEntries == 0)
        #expect(configuration.revocationEntries == 1024)
        #expect(configuration.hashWorkers == 3)
        #expect(configuration.hashQueue == 1)
        #expect(configuration.maximumConnections == 1)
        #expect(configuration.drainSeconds == 0)
        #expect(configuration.registration == .open)
        #expect(configuration.passwordPolicy.minimumCharacters == 8)
        var throttle = ThrottleLimits()
        throttle.limitRegistrations(perHour: 10_000)
        throttle.limitRefreshes(perSecond: 7)
        #expect(configuration.throttle == throttle && throttle != ThrottleLimits())
        #expect(configuration.auditRetentionDays == 3650)
    }

    @Test func `without any setting it serves on loopback, one loop and one hash worker a core`() throws {
        let configuration = try Configuration(environment: ["HOME": "/root"], cores: 3)
        #expect(configuration.listen.description == "127.0.0.1:8080")
        #expect(configuration.opsListen.description == "127.0.0.1:9090")
        #expect(configuration.dataFolder == "./.portcullis")
        #expect(configuration.loops == 3 && configuration.hashWorkers == 3)
        #expect(configuration.signingAlgorithm == .rs256)
        #expect(configuration.accessTokenSeconds == 900 && configuration.refreshGraceSeconds == 60)
        #expect(configuration.registration == .closed && configuration.throttle == ThrottleLimits())
        #expect(configuration.passwordPolicy.minimumCharacters == 15)
        #expect(configuration.auditRetentionDays == 90)
        #expect(configuration.adminPassword == nil && configuration.allowedOrigins.isEmpty)
        #expect(try Configuration(environment: [:], cores: 0).loops == 1)
    }

    @Test func `keys rotate by themselves after the days that are set, and never with 0`() throws {
        func milliseconds(_ text: String?) throws(ConfigurationError) -> Int64? {
            let environment = text.map { ["PORTCULLIS_KEY_ROTATION_DAYS": $0] } ?? [:]
            return try Configuration(environment: environment, cores: 2).keyRing.activeMilliseconds
        }
        #expect(try milliseconds(nil) == 90 * 86_400_000)
        #expect(try milliseconds("1") == 86_400_000)
        #expect(try milliseconds("3650") == 3650 * 86_400_000)
        #expect(try milliseconds("0") == nil)
    }

    @Test(arguments: [
        // descriptors, loops, wanted, allowed a loop: 128 are kept, or half where that is more.
        (0, 1, 20_000, 1), (1, 256, 20_000, 1), (64, 2, 20_000, 16), (256, 2, 20_000, 64), (255, 1, 20_000, 127),
        (1024, 2, 20_000, 448), (1024, 2, 10, 10), (1_048_576, 1, 20_000, 20_000), (Int.max, 4, 1_000_000, 1_000_000),
    ]) func `connections leave descriptors for the ops port and the store`(
        _ descriptors: Int, _ loops: Int, _ wanted: Int, _ allowed: Int
    ) {
        var configuration = Configuration()
        configuration.loops = loops
        configuration.maximumConnections = wanted
        configuration.limitConnections(descriptors: descriptors)
        #expect(configuration.maximumConnections == allowed)
    }
}
