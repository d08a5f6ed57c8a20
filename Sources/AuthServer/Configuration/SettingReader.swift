import Configuration
import HTTPServer
import JSON
import Passwords
import Reactor

/// Wrong settings, each named with what it should be. A value itself is not repeated: it may be a secret.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    package let problems: [String]

    package var description: String { problems.joined(separator: "\n") }
}

/// Where the value of a setting comes from; what is further down goes over what is further up.
package enum SettingOrigin: String, Sendable, CaseIterable {
    case standard = "default"
    case file
    case environment
}

/// Reads the table's settings from the file and the environment over it, and notes every problem, so that all are told at
/// once.
///
/// The sources are swift-configuration's, asked one by one: its readers take a value of the wrong type for none.
struct SettingReader {
    private(set) var configuration: Configuration
    private(set) var origins: [String: SettingOrigin] = [:]
    private(set) var problems: [String] = []
    private var filePath: String?
    /// Names of settings that were given a value which was not taken.
    private var refused: Set<String> = []

    init(_ configuration: Configuration) { self.configuration = configuration }

    mutating func read(file path: String) {
        filePath = path
        let file: ConfigurationFile
        do throws(ConfigurationError) { file = try ConfigurationFile.read(path) } catch {
            problems += error.problems
            return
        }
        problems += file.problems
        for name in file.names { checkKnown(name, shown: "\(ConfigurationFile.shown(name.key)) in \(path)") }
        for setting in Setting.all {
            guard let member = file.object[setting.key] else { continue }
            take(setting, file.value(of: setting, member), from: .file, shown: "\(setting.key) in \(path)")
            if setting.isSecret, file.isReadableByOthers {
                problems.append("\(setting.key) is in \(path), which others may read: chmod 600 \(path)")
            }
        }
    }

    mutating func read(environment: SettingVariables) {
        for name in environment.notText.union(environment.values.keys).sorted() {
            let shown = Setting.printable(name)
            checkKnown((name, name), shown: shown)
            if environment.notText.contains(name), Setting.all.contains(where: { $0.name == name }) {
                refused.insert(name)
                problems.append("\(shown) must be UTF-8")
            }
        }
        let source = EnvironmentVariablesProvider(environmentVariables: environment.values).snapshot()
        for setting in Setting.all where environment.values[setting.name] != nil {
            take(setting, value(of: setting, in: source), from: .environment, shown: setting.name)
        }
    }

    /// A misspelt name must not be silently the default.
    private mutating func checkKnown(_ given: (key: String, name: String), shown: String) {
        if Setting.all.contains(where: { $0.name == given.name }) { return }
        problems.append("\(shown) is not a setting of this version")
    }

    private mutating func take(
        _ setting: Setting, _ given: Setting.Given?, from origin: SettingOrigin, shown: String
    ) {
        guard let given, setting.set(given, &configuration) else {
            refused.insert(setting.name)
            problems.append("\(shown) must be \(setting.expectation(from: origin))")
            return
        }
        origins[setting.name] = origin
    }

    private func value(of setting: Setting, in source: any ConfigSnapshot) -> Setting.Given? {
        let key = AbsoluteConfigKey(["portcullis", setting.key])
        let found: LookupResult
        // The environment is text: no type can be wrong yet.
        do { found = try source.value(forKey: key, type: .string) } catch { return nil }
        guard case .string(let text) = found.value?.content else { return nil }
        switch setting.form {
        case .text: return .text(text)
        case .integer: return SettingReader.integer(text).map { .integer($0) }
        case .list:
            if text.isEmpty { return .list([]) }
            return .list(text.split(separator: ",", omittingEmptySubsequences: false).map { String($0) })
        }
    }

    /// Digits with at most a minus sign: `Int` would take a plus sign too.
    private static func integer(_ text: String) -> Int? { text.hasPrefix("+") ? nil : Int(text) }

    /// What no setting can say of itself. After all sources.
    mutating func checkTogether() {
        if !configuration.opsListen.isLoopback {
            problems.append(
                "\(shown("PORTCULLIS_OPS_LISTEN")) must be a loopback address: the ops port has no access control")
        }
        checkFleet()
        checkProxyProtocol()
        checkAdminPassword()
    }

    /// A fleet is one or it is not: half of its settings would be a node that seems to be in it. What is signed by many
    /// must carry names that somebody chose, and sealed by keys that all of them have.
    private mutating func checkFleet() {
        let (database, redis) = ("PORTCULLIS_DATABASE_URL", "PORTCULLIS_REDIS_URL")
        if isGiven(database) != isGiven(redis) {
            let (there, lacking) = isGiven(database) ? (database, redis) : (redis, database)
            let advice = lacking == redis ? " (none: a fleet without Redis)" : ""
            problems.append("\(lacking) must be set where \(shown(there)) is\(advice)")
        }
        guard isGiven(database) else { return }
        for name in ["PORTCULLIS_MASTER_KEY_FILE", "PORTCULLIS_ISSUER", "PORTCULLIS_AUDIENCE"] where !isGiven(name) {
            problems.append("\(name) must be set where \(shown(database)) is: all nodes have the same")
        }
    }

    /// Whether a source has it, with a good value or another.
    private func isGiven(_ name: String) -> Bool { origins[name] != nil || refused.contains(name) }

    /// Anybody who reaches the port could say whose connection it is, and no limit by address would hold.
    private mutating func checkProxyProtocol() {
        guard configuration.clients.proxyProtocol != .off, configuration.clients.proxies.isEmpty,
            !refused.contains("PORTCULLIS_TRUSTED_PROXIES")
        else { return }
        problems.append(
            "\(shown("PORTCULLIS_PROXY_PROTOCOL")) needs PORTCULLIS_TRUSTED_PROXIES: the balancers that may say whose a "
                + "connection is")
    }

    /// The setting's name where its value comes from: who wrote `ops_listen` into the file looks for that.
    private func shown(_ name: String) -> String {
        guard origins[name] == .file, let filePath else { return name }
        return "\(Setting.key(of: name)) in \(filePath)"
    }

    /// Here and not only where the account is made, so that a check of the settings finds what a first start would.
    private mutating func checkAdminPassword() {
        var name = shown("PORTCULLIS_ADMIN_PASSWORD")
        if let path = configuration.adminPasswordFile {
            guard configuration.adminPassword == nil else {
                problems.append("\(name) and \(shown("PORTCULLIS_ADMIN_PASSWORD_FILE")) must not both be set")
                return
            }
            name = "\(shown("PORTCULLIS_ADMIN_PASSWORD_FILE")): \(path)"
            configuration.adminPassword = readAdminPassword(path, name)
        }
        guard let password = configuration.adminPassword else { return }
        // What length is asked for is not known when that setting is wrong; below the floor it is wrong in any case.
        let policy =
            refused.contains("PORTCULLIS_PASSWORD_MINIMUM_CHARACTERS")
            ? PasswordPolicy(minimumCharacters: PasswordPolicy.floor) : configuration.passwordPolicy
        do throws(PasswordProblem) {
            _ = try policy.bytes(ofNew: password, username: Bootstrap.username)
        } catch {
            problems.append("\(name) \(error.requirement)")
        }
    }

    /// The file is what containers hand secrets over in, readable to all inside: its mode says nothing.
    private mutating func readAdminPassword(_ path: String, _ name: String) -> String? {
        do throws(SmallFile.Failure) {
            let file = try SmallFile.read(path, maximumBytes: 4096)
            var text = String(validating: file.bytes, as: UTF8.self) ?? ""
            if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text.removeLast() }
            if Setting.isText(text, 1024) { return text }
            problems.append("\(name) must hold one line of 1 to 1024 bytes without control characters")
        } catch {
            problems.append("\(name) \(error.description)")
        }
        return nil
    }
}
