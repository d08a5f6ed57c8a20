import AuthServer
import Foundation
import Glibc
import JSON
import JWT
import Reactor
import Testing

/// Settings from a file, under the environment, and the report of all of them.
@Suite struct ConfigurationFileTests {
    /// A folder with one file; it goes with the last use.
    private final class Given {
        let folder = FileManager.default.temporaryDirectory.path + "/portcullis-\(UUID().uuidString)"
        var path: String { folder + "/settings.json" }

        init(_ content: [UInt8], mode: mode_t = 0o600) throws {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
            try Data(content).write(to: URL(fileURLWithPath: path))
            chmod(path, mode)
        }

        convenience init(_ text: String, mode: mode_t = 0o600) throws { try self.init(Array(text.utf8), mode: mode) }

        deinit {
            do { try FileManager.default.removeItem(atPath: folder) } catch {}
        }

        func configuration(
            _ environment: [String: String] = [:], cores: Int = 2
        ) throws(ConfigurationError) -> Configuration {
            try Configuration(environment: environment, file: path, cores: cores)
        }

        func report(
            _ environment: [String: String] = [:], cores: Int = 2
        ) throws(ConfigurationError) -> ConfigurationReport {
            try ConfigurationReport(environment: SettingVariables(environment), file: path, cores: cores)
        }

        func problems(_ environment: [String: String] = [:]) -> [String] {
            do throws(ConfigurationError) {
                _ = try configuration(environment)
                return []
            } catch {
                return error.problems.map { $0.replacingOccurrences(of: path, with: "FILE") }
            }
        }
    }

    /// A file as a whole, and what is said of it.
    static let broken: [(String, String)] = [
        ("", "is not valid JSON, line 1"), ("{", "is not valid JSON, line 1"), ("{} {}", "is not valid JSON, line 1"),
        ("\u{FEFF}{}", "is not valid JSON, line 1"), ("{\n\"loops\": 1,\n}", "is not valid JSON, line 3"),
        ("{\"loops\": 01}", "is not valid JSON, line 1"), ("[]", "must be one JSON object"),
        ("7", "must be one JSON object"), ("null", "must be one JSON object"),
        ("{\"loops\": 1,\n \"loops\": 2}", "has the key loops twice, line 2"),
        ("{\"loops\": 1,\n\n \"l\\u006fops\": 2}", "has the key l\\u006fops twice, line 3"),
        (String(repeating: "[", count: 9), "is not valid JSON, line 1"),
    ]

    @Test(arguments: broken) func `a file that is no JSON object is named with the line`(
        _ content: String, _ problem: String
    ) throws {
        #expect(try Given(content).problems() == ["The configuration file FILE \(problem)"])
    }

    @Test func `a file that cannot be read is named with the reason, and nothing waits for it`() throws {
        let given = try Given("{}")
        #expect(try Given(Array("{\"issuer\": \"".utf8) + [0xFF] + Array("\"}".utf8)).problems().count == 1)
        let spaces = [UInt8](repeating: 0x20, count: 256 * 1024)
        #expect(try Given(spaces).problems() == ["The configuration file FILE is not valid JSON, line 1"])
        #expect(try Given(spaces + [0x20]).problems() == ["The configuration file FILE is larger than 262144 bytes"])
        let pipe = given.folder + "/pipe"
        mkfifo(pipe, 0o600)
        for (path, reason) in [
            (given.folder + "/none", "cannot be read: No such file or directory"),
            (given.folder, "is not a regular file"), (pipe, "is not a regular file"),
            ("", "cannot be read: No such file or directory"),
        ] {
            let error = #expect(throws: ConfigurationError.self) {
                try Configuration(environment: SettingVariables([:]), file: path, cores: 1)
            }
            #expect(error?.problems == ["The configuration file \(path) \(reason)"])
        }
    }

    /// A member, and what is said of it.
    static let wrong: [(String, String)] = [
        ("\"loops\": \"2\"", "loops in FILE must be a whole number from 1 to 256"),
        ("\"loops\": 2.0", "loops in FILE must be a whole number from 1 to 256"),
        ("\"loops\": 1e1", "loops in FILE must be a whole number from 1 to 256"),
        ("\"loops\": true", "loops in FILE must be a whole number from 1 to 256"),
        ("\"loops\": null", "loops in FILE must be a whole number from 1 to 256"),
        ("\"loops\": [2]", "loops in FILE must be a whole number from 1 to 256"),
        ("\"loops\": {\"x\": 2}", "loops in FILE must be a whole number from 1 to 256"),
        ("\"loops\": 257", "loops in FILE must be a whole number from 1 to 256"),
        ("\"loops\": 9223372036854775808", "loops in FILE must be a whole number from 1 to 256"),
        ("\"issuer\": 7", "issuer in FILE must be text of 1 to 1024 bytes without control characters"),
        ("\"issuer\": \"a\\u0000b\"", "issuer in FILE must be text of 1 to 1024 bytes without control characters"),
        ("\"issuer\": \"\"", "issuer in FILE must be text of 1 to 1024 bytes without control characters"),
        ("\"issuer\": null", "issuer in FILE must be text of 1 to 1024 bytes without control characters"),
        ("\"signing_algorithm\": \"none\"", "signing_algorithm in FILE must be one of RS256, ES256, EdDSA, HS256"),
        (
            "\"allowed_origins\": \"https://a.example\"",
            "allowed_origins in FILE must be an array of origins as browsers send them (lower case, no path, no default "
                + "port), such as https://app.example"
        ),
        (
            "\"allowed_origins\": [\"https://a.example,https://b.example\"]",
            "allowed_origins in FILE must be an array of origins as browsers send them (lower case, no path, no default "
                + "port), such as https://app.example"
        ),
        (
            "\"allowed_origins\": [\"https://a.example\", \"\"]",
            "allowed_origins in FILE must be an array of origins as browsers send them (lower case, no path, no default "
                + "port), such as https://app.example"
        ),
        ("\"Loops\": 2", "Loops in FILE is not a setting of this version"),
        ("\"PORTCULLIS_LOOPS\": 2", "PORTCULLIS_LOOPS in FILE is not a setting of this version"),
        ("\"loops.x\": 2", "loops.x in FILE is not a setting of this version"),
        ("\"\": 2", "A key of other characters than a setting has in FILE is not a setting of this version"),
        ("\"a\\u009b2J\": 2", "A key of other characters than a setting has in FILE is not a setting of this version"),
        ("\"a\\u001b[2J\": 2", "A key of other characters than a setting has in FILE is not a setting of this version"),
    ]

    @Test(arguments: wrong) func `a wrong member is named with what it must be`(
        _ member: String, _ problem: String
    ) throws {
        #expect(try Given("{\(member)}").problems() == [problem])
    }

    /// Values that no setting has a form for, and a key that they are given to.
    static let shapeless: [(String, String)] = [
        ("allowed_origins", "[null]"), ("allowed_origins", "[[\"https://a.example\"]]"), ("allowed_origins", "[{}]"),
        ("allowed_origins", "[\"https://a.example\", 1]"), ("allowed_origins", "[1, \"https://a.example\"]"),
        ("allowed_origins", "[true]"), ("allowed_origins", "{}"), ("loops", "12345678901234567890"),
        ("loops", "-12345678901234567890"), ("loops", "1.5e300"), ("admin_password", "12345678901234567890"),
        ("issuer", "[1,\"a\"]"), ("issuer", "[null]"), ("issuer", "{\"loops\": [null]}"), ("listen", "[[]]"),
    ]

    @Test(arguments: shapeless) func `a value of no setting's form is named with its key, beside all others`(
        _ key: String, _ value: String
    ) throws {
        let setting = try #require(Setting.all.first { $0.key == key })
        let found = try Given("{\"drain_seconds\":-1,\"lops\":[null],\"\(key)\":\(value)}").problems()
        #expect(
            Set(found) == [
                "drain_seconds in FILE must be a whole number from 0 to 3600",
                "lops in FILE is not a setting of this version",
                "\(key) in FILE must be \(setting.expectation(from: .file))",
            ])
        #expect(found.count == 3)
    }

    @Test func `a key that is there twice hides no other problem`() throws {
        let found = try Given("{\"loops\":1,\n\"loops\":2,\"lops\":1,\n\"lops\":[null,{\"a\":1,\"a\":2}],\"issuer\":7}")
            .problems(["PORTCULLIS_LOOPS": "x"])
        #expect(
            found == [
                "The configuration file FILE has the key loops twice, line 2",
                "The configuration file FILE has the key lops twice, line 3",
                "The configuration file FILE has the key a twice, line 3",
                "lops in FILE is not a setting of this version",
                "issuer in FILE must be text of 1 to 1024 bytes without control characters",
                "PORTCULLIS_LOOPS must be a whole number from 1 to 256",
            ])
    }

    @Test func `all that is wrong in the file and the environment is told at once`() throws {
        let given = try Given("{\"loops\": 0, \"lops\": 1, \"issuer\": false, \"drain_seconds\": 5}")
        let found = given.problems(["PORTCULLIS_LOOPS": "x", "PORTCULLIS_DRAIN_SECONDS": "5"])
        #expect(
            Set(found.map { $0.prefix { $0 != " " } }) == ["loops", "lops", "issuer", "PORTCULLIS_LOOPS"])
        #expect(try Given("{").problems(["PORTCULLIS_LOOPS": "x"]).count == 2)
    }

    @Test func `a secret is neither repeated nor taken from a file that others read`() throws {
        let content = "{\"admin_password\": \"seven owls at noon\"}"
        for mode: mode_t in [0o640, 0o604, 0o644] {
            let found = try Given(content, mode: mode).problems()
            #expect(found == ["admin_password is in FILE, which others may read: chmod 600 FILE"])
        }
        #expect(try Given(content).problems().isEmpty)
        #expect(try Given("{\"issuer\": \"i\"}", mode: 0o644).problems().isEmpty)
        for content in ["{\"admin_password\": \"a-tab\\t\"}", "{\"admin_password\": [\"a-tab\"]}"] {
            let found = try Given(content).problems()
            #expect(found.count == 1 && !found[0].contains("a-tab"))
        }
    }

    @Test func `the environment goes over the file, and the file over the defaults`() throws {
        let given = try Given(
            """
            { "listen": "[::1]:443", "loops": 7, "issuer": "from the file", "drain_seconds": 0,
              "allowed_origins": ["https://a.example", "http://[::1]:3000"], "signing_algorithm": "EdDSA" }
            """)
        let configuration = try given.configuration(["PORTCULLIS_LOOPS": "3", "PORTCULLIS_ALLOWED_ORIGINS": ""])
        #expect(configuration.listen.description == "[::1]:443")
        #expect(configuration.loops == 3)
        #expect(configuration.issuer == "from the file")
        #expect(configuration.drainSeconds == 0)
        #expect(configuration.allowedOrigins == [])
        #expect(configuration.signingAlgorithm == .edDSA)
        #expect(configuration.hashWorkers == 2 && configuration.audience == "portcullis")
        #expect(
            try given.configuration().allowedOrigins
                == ["https://a.example", "http://[::1]:3000"])
        #expect(try Given("{}").configuration().loops == 2)
    }

    @Test func `the admin's password may come from a file of its own, one line of it`() throws {
        func read(_ bytes: [UInt8], _ more: [String: String] = [:]) throws -> Result<String?, ConfigurationError> {
            let given = try Given(bytes, mode: 0o444)
            defer { withExtendedLifetime(given) {} }
            let environment = ["PORTCULLIS_ADMIN_PASSWORD_FILE": given.path].merging(more) { $1 }
            do throws(ConfigurationError) {
                return .success(try Configuration(environment: environment, cores: 1).adminPassword)
            } catch {
                return .failure(error)
            }
        }
        for content in ["seven owls at noon", "seven owls at noon\n", "seven owls at noon\r\n"] {
            #expect(try read(Array(content.utf8)).get() == "seven owls at noon")
        }
        #expect(try read(Array(" ä owls at noon \n".utf8)).get() == " ä owls at noon ")
        let refused: [[UInt8]] = [
            [], Array("\n".utf8), Array("a\nb\n".utf8), Array("a\n\n".utf8), [0xFF, 0x41], Array("a\0".utf8),
            [UInt8](repeating: 0x61, count: 1025), [UInt8](repeating: 0x61, count: 5000),
        ]
        for bytes in refused {
            guard case .failure(let error) = try read(bytes) else {
                Issue.record("taken: \(bytes.prefix(8))")
                continue
            }
            #expect(error.problems.count == 1)
            #expect(error.description.hasPrefix("PORTCULLIS_ADMIN_PASSWORD_FILE: "))
        }
        let both = try read(Array("seven owls".utf8), ["PORTCULLIS_ADMIN_PASSWORD": "another"])
        guard case .failure(let error) = both else {
            Issue.record("both were taken")
            return
        }
        #expect(
            error.problems == ["PORTCULLIS_ADMIN_PASSWORD and PORTCULLIS_ADMIN_PASSWORD_FILE must not both be set"])
    }

    @Test func `what no setting can say of itself names the key where its value comes from`() throws {
        let loopback = "must be a loopback address: the ops port has no access control"
        let given = try Given("{\"ops_listen\": \"0.0.0.0:9090\"}")
        #expect(given.problems() == ["ops_listen in FILE \(loopback)"])
        #expect(
            given.problems(["PORTCULLIS_OPS_LISTEN": "192.0.2.1:1"]) == ["PORTCULLIS_OPS_LISTEN \(loopback)"])
        #expect(given.problems(["PORTCULLIS_OPS_LISTEN": "127.0.0.1:1"]).isEmpty)

        let password = "\"admin_password\": \"seven owls at noon\""
        let both = try Given("{\(password), \"admin_password_file\": \"/none\"}")
        #expect(both.problems() == ["admin_password in FILE and admin_password_file in FILE must not both be set"])
        #expect(
            try Given("{\(password)}").problems(["PORTCULLIS_ADMIN_PASSWORD_FILE": "/none"]) == [
                "admin_password in FILE and PORTCULLIS_ADMIN_PASSWORD_FILE must not both be set"
            ])
        #expect(
            try Given("{\"admin_password_file\": \"/none\"}").problems() == [
                "admin_password_file in FILE: /none cannot be read: No such file or directory"
            ])
    }

    /// Passwords that the first account may not have, with the minimum that is set, and what is said of them.
    static let badPasswords: [(String, minimum: String, String)] = [
        ("seven owls", "15", "must have at least 15 characters"), ("owls-at", "8", "must have at least 8 characters"),
        ("seven owls", "many", ""), ("owls-at", "many", "must have at least 8 characters"),
        ("passwordpassword", "15", "is among the passwords that are tried first; choose another"),
        ("adminadmin", "8", "is among the passwords that are tried first; choose another"),
    ]

    @Test(arguments: badPasswords) func `an admin password against the rules is a wrong setting and not repeated`(
        _ password: String, _ minimum: String, _ requirement: String
    ) throws {
        let length = ["PORTCULLIS_PASSWORD_MINIMUM_CHARACTERS": minimum]
        let wrongLength = "PORTCULLIS_PASSWORD_MINIMUM_CHARACTERS must be a whole number from 8 to 64"
        func expected(_ name: String) -> [String] {
            (minimum == "many" ? [wrongLength] : []) + (requirement.isEmpty ? [] : ["\(name) \(requirement)"])
        }
        let inFile = try Given("{\"admin_password\": \"\(password)\"}")
        #expect(inFile.problems(length) == expected("admin_password in FILE"))
        #expect(throws: ConfigurationError.self) {
            try inFile.report(length)
        }
        let empty = try Given("{}")
        #expect(
            empty.problems(length.merging(["PORTCULLIS_ADMIN_PASSWORD": password]) { $1 })
                == expected("PORTCULLIS_ADMIN_PASSWORD"))
        let itself = try Given(password)
        #expect(
            empty.problems(length.merging(["PORTCULLIS_ADMIN_PASSWORD_FILE": itself.path]) { $1 })
                == expected("PORTCULLIS_ADMIN_PASSWORD_FILE: \(itself.path)"))
    }

    // MARK: The report

    @Test func `the report shows every setting with its origin and no secret`() throws {
        let given = try Given("{\"loops\": 7, \"admin_password\": \"seven owls at noon\", \"issuer\": \"\\\"i\\\"\"}")
        let report = try ConfigurationReport(
            environment: SettingVariables([
                "PORTCULLIS_LOOPS": "3", "PORTCULLIS_ALLOWED_ORIGINS": "https://a.example,https://b.example",
            ]),
            file: given.path, cores: 2)
        #expect(report.entries.map(\.setting.name) == Setting.all.map(\.name))
        let rows = report.text.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 2) }
        #expect(rows.count == Setting.all.count && rows.allSatisfy { $0.count == 3 })
        func row(_ name: String) -> [String] {
            (rows.first { $0[0] == "PORTCULLIS_\(name)" } ?? []).dropFirst().map {
                $0.trimmingCharacters(in: .whitespaces)
            }
        }
        #expect(row("LOOPS") == ["environment", "3"])
        #expect(row("HASH_WORKERS") == ["default", "2"])
        #expect(row("ISSUER") == ["file", "\"i\""])
        #expect(row("ADMIN_PASSWORD") == ["file", "(set, not shown)"])
        #expect(row("MASTER_KEY_FILE") == ["default", "(none)"])
        #expect(row("ALLOWED_ORIGINS") == ["environment", "https://a.example,https://b.example"])

        let json = try JSONValue(parsing: report.json)
        #expect(json.object?["file"]?.string == given.path)
        let settings = try #require(json.object?["settings"]?.array).compactMap(\.object)
        #expect(settings.count == Setting.all.count)
        func member(_ key: String) -> JSONObject? { settings.first { $0["key"]?.string == key } }
        #expect(member("loops")?["value"] == .integer(3))
        #expect(member("loops")?["origin"]?.string == "environment")
        #expect(member("issuer")?["value"]?.string == "\"i\"")
        #expect(member("allowed_origins")?["value"]?.array?.count == 2)
        #expect(member("admin_password")?["value"]?.isNull == true)
        #expect(member("admin_password")?["is_set"]?.bool == true)
        #expect(member("master_key_file")?["is_set"]?.bool == false)
        for text in [report.text, String(decoding: report.json, as: UTF8.self), "\(report)"] {
            #expect(!text.contains("seven owls"))
        }
    }

    @Test func `wrong settings have no report`() throws {
        #expect(throws: ConfigurationError.self) {
            try ConfigurationReport(environment: SettingVariables(["PORTCULLIS_LOOPS": "x"]), file: nil, cores: 1)
        }
    }

    @Test func `the table names each setting once, says what it does, and takes every default`() throws {
        let names = Setting.all.map(\.name)
        #expect(Set(names).count == names.count)
        for setting in Setting.all {
            #expect(setting.name.wholeMatch(of: /PORTCULLIS_[A-Z][A-Z0-9_]*/) != nil)
            #expect(setting.name == "PORTCULLIS_\(setting.key.uppercased())")
            #expect(setting.summary.hasSuffix(".") && setting.summary.count <= 100, "\(setting.name)")
        }
        // What the report shows is what the file takes.
        let standard = try ConfigurationReport(environment: SettingVariables([:]), file: nil, cores: 2)
        var writer = JSONWriter()
        writer.beginObject()
        for entry in standard.entries where entry.isSet {
            writer.key(entry.setting.key)
            writer.value(entry.value)
        }
        writer.endObject()
        let again = try Given(writer.bytes).report(cores: 5)
        #expect(again.entries.map(\.value) == standard.entries.map(\.value))
        #expect(again.entries.allSatisfy { $0.origin == .file || !$0.isSet })
    }
}
