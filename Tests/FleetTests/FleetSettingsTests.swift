import Testing

@testable import AuthServer

@Suite struct FleetSettingsTests {
    private static let whole = [
        "PORTCULLIS_DATABASE_URL": "postgres://portcullis:a-secret@127.0.0.1:5432/portcullis",
        "PORTCULLIS_REDIS_URL": "redis://:a-secret@127.0.0.1:6379",
        "PORTCULLIS_MASTER_KEY_FILE": "/etc/portcullis/master.key", "PORTCULLIS_ISSUER": "https://auth.example",
        "PORTCULLIS_AUDIENCE": "https://api.example",
    ]

    private func problems(_ environment: [String: String]) -> [String] {
        do throws(ConfigurationError) {
            _ = try Configuration(environment: environment, cores: 1)
            return []
        } catch {
            return error.problems
        }
    }

    @Test func `without a word about it a node is alone`() throws {
        let configuration = try Configuration(environment: [String: String](), cores: 1)
        #expect(!configuration.isFleet)
        #expect(configuration.databaseConnections == 4)
    }

    @Test func `a fleet has Postgres and Redis`() throws {
        let configuration = try Configuration(environment: FleetSettingsTests.whole, cores: 1)
        #expect(configuration.isFleet)
        #expect(configuration.usedRedisURL == "redis://:a-secret@127.0.0.1:6379")
    }

    @Test func `a fleet without Redis says so`() throws {
        var environment = FleetSettingsTests.whole
        environment["PORTCULLIS_REDIS_URL"] = "none"
        let configuration = try Configuration(environment: environment, cores: 1)
        #expect(configuration.isFleet)
        #expect(configuration.usedRedisURL == nil)
    }

    @Test(arguments: whole.keys.sorted()) func `each setting of a fleet that lacks is named`(_ name: String) {
        var environment = FleetSettingsTests.whole
        environment[name] = nil
        let found = problems(environment)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("\(name) must be set where PORTCULLIS_") == true)
        #expect(found.first?.contains("a-secret") == false)
    }

    @Test func `a wrong setting of a fleet is named once, without its value`() {
        for name in ["PORTCULLIS_DATABASE_URL", "PORTCULLIS_REDIS_URL"] {
            for value in ["a-secret", "http://a-secret@host/", "", "redis://a-secret@host:port", "postgres://["] {
                var environment = FleetSettingsTests.whole
                environment[name] = value
                let found = problems(environment)
                #expect(found.count == 1, "\(name)=\(value)")
                #expect(found.first?.hasPrefix("\(name) must be ") == true)
                #expect(found.first?.contains("a-secret") == false)
            }
        }
        var environment = FleetSettingsTests.whole
        environment["PORTCULLIS_DATABASE_CONNECTIONS"] = "0"
        #expect(problems(environment) == ["PORTCULLIS_DATABASE_CONNECTIONS must be a whole number from 1 to 256"])
    }

    @Test func `a report shows that the stores are set and not where, since that has passwords in it`() throws {
        let report = try ConfigurationReport(
            environment: SettingVariables(FleetSettingsTests.whole), file: nil, cores: 1)
        #expect(!report.text.contains("a-secret"))
        for name in ["PORTCULLIS_DATABASE_URL", "PORTCULLIS_REDIS_URL"] {
            #expect(report.entries.first { $0.setting.name == name }?.isSet == true)
        }
    }
}
