import Glibc
import TestSupport
import Testing

extension ProcessTests {
    /// A start that cannot be: settings and ports.
    struct SettingsTests {
        static let wrong: [(name: String, value: String, expectation: String)] = [
            ("PORTCULLIS_LISTEN", "localhost:80", "an IP address with a port"),
            ("PORTCULLIS_LISTEN", "127.0.0.1:65536", "an IP address with a port"),
            ("PORTCULLIS_OPS_LISTEN", "9090", "an IP address with a port"),
            ("PORTCULLIS_OPS_LISTEN", "0.0.0.0:0", "a loopback address"),
            ("PORTCULLIS_OPS_LISTEN", "[::]:0", "a loopback address"),
            ("PORTCULLIS_LOOPS", "0", "a whole number from 1 to 256"),
            ("PORTCULLIS_HASH_WORKERS", "1.5", "a whole number from 1 to 256"),
            ("PORTCULLIS_ACCESS_TOKEN_SECONDS", "3601", "a whole number from 1 to 3600"),
            ("PORTCULLIS_REFRESH_GRACE_SECONDS", "-1", "a whole number from 0 to 300"),
            ("PORTCULLIS_SIGNING_ALGORITHM", "none", "one of RS256, ES256, EdDSA, HS256"),
            ("PORTCULLIS_ALLOWED_ORIGINS", "https://a.example/path", "origins as browsers"),
            ("PORTCULLIS_ISSUER", "line\nbreak", "without control characters"),
            ("PORTCULLIS_ADMIN_PASSWORD", "a-tab\tin-a-secret", "without control characters"),
        ]

        @Test(arguments: wrong)
        func `a wrong setting is named with what it should be`(
            _ setting: (name: String, value: String, expectation: String)
        )
            async throws
        {
            let installation = try Installation()
            let (code, message) = try await installation.startThatFails([setting.name: setting.value])
            #expect(code == 78)
            #expect(message.hasPrefix("portcullis: \(setting.name) must be "))
            #expect(message.contains(setting.expectation))
            #expect(!message.contains("a-tab"))
            #expect(installation.mode(installation.data) == 0, "nothing is made before the settings are good")
        }

        @Test func `every wrong setting is named at once, an unknown one too`() async throws {
            let (code, message) = try await Installation().startThatFails([
                "PORTCULLIS_LOOPS": "many", "PORTCULLIS_DRAIN_SECONDS": "soon", "PORTCULLIS_LOPS": "2",
                "PORTCULLIS_REDIS_URL": "redis://127.0.0.1",
            ])
            #expect(code == 78)
            #expect(message.split(separator: "\n").count == 4)
            for name in ["LOOPS", "DRAIN_SECONDS", "LOPS", "DATABASE_URL"] {
                #expect(message.contains("portcullis: PORTCULLIS_\(name) "))
            }
        }

        @Test func `a variable that is not UTF-8 is named and not altered`() throws {
            let command = "\(Child.executable) config check --data elsewhere"
            let found = try Shell.run(
                """
                PORTCULLIS_ISSUER="$(printf 'a\\377')" PORTCULLIS_DATA="$(printf '\\377')" \
                    \(command) 2>&1 >/dev/null || echo "ended with $?"
                """)
            #expect(found == "portcullis: PORTCULLIS_ISSUER must be UTF-8\nended with 78\n")
        }

        @Test(arguments: ["PORTCULLIS_LISTEN", "PORTCULLIS_OPS_LISTEN"])
        func `a port in use is named, by another server or another program`(_ name: String) async throws {
            let first = try await Installation().start()
            for port in [first.port, first.opsPort] {
                let (code, message) = try await Installation().startThatFails([name: "127.0.0.1:\(port)"])
                #expect(code == 71)
                #expect(message.contains("Cannot listen on 127.0.0.1:\(port): bind: Address already in use"))
            }
            #expect(try first.client().live() == 200)
        }

        @Test func `an address that is not of this machine is named`() async throws {
            let (code, message) = try await Installation().startThatFails(["PORTCULLIS_LISTEN": "192.0.2.1:0"])
            #expect(code == 71)
            #expect(message.contains("Cannot listen on 192.0.2.1:0: bind: "))
        }

        @Test(arguments: ["/nowhere/at/all", "/dev/null"])
        func `a data folder that cannot be made is named`(_ path: String) async throws {
            let (code, message) = try await Installation().startThatFails(["PORTCULLIS_DATA": path])
            #expect(code == 73)
            #expect(message.contains(path))
        }
    }
}
