import JSON
import Postgres
import Redis

extension Setting {
    /// A URL that has a password in it.
    static func url(
        _ name: String, _ field: SettingField<String?>, _ expectation: String,
        isGood: @escaping @Sendable (String) -> Bool, _ summary: String
    ) -> Setting {
        Setting(
            name: name, expectation: expectation, summary: summary, isSecret: true, form: .text,
            set: { given, configuration in
                guard case .text(let text) = given, isText(text, 4096), isGood(text) else { return false }
                configuration[keyPath: field] = text
                return true
            }, get: { $0[keyPath: field].map { .string($0) } ?? .null })
    }

    static func isDatabase(_ text: String) -> Bool {
        do throws(PostgresURLError) {
            _ = try PostgresConfiguration(url: text)
            return true
        } catch {
            return false
        }
    }

    /// Reads the authorities that the URL names.
    static func isRedis(_ text: String) -> Bool {
        if text == Configuration.noRedis { return true }
        do throws(RedisURLError) {
            _ = try RedisConfiguration(url: text)
            return true
        } catch {
            return false
        }
    }
}
