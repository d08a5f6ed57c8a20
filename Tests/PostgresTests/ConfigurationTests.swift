import Reactor
import Testing

@testable import Postgres

struct ConfigurationTests {
    private func configuration(_ url: String) throws -> PostgresConfiguration { try PostgresConfiguration(url: url) }

    @Test func `a URL names several hosts, a user, a database and how to connect`() throws {
        let configuration = try configuration(
            "postgresql://u%40x:p%3Aw@one:5433,[::1]:5434,three/db?sslmode=verify-full&sslrootcert=ca.pem&connect_timeout=3"
        )
        #expect(configuration.hosts.map(\.name) == ["one", "::1", "three"])
        #expect(configuration.hosts.map(\.port) == [5433, 5434, 5432])
        #expect(configuration.parameters["user"] == "u@x")
        #expect(configuration.parameters["password"] == "p:w")
        #expect(configuration.parameters["sslmode"] == "verify-full")
        #expect(configuration.connectMilliseconds == 3000)
        #expect(configuration.description == "u@x@one:5433,::1:5434,three:5432/db")
    }

    @Test func `a host that is a folder is a socket`() throws {
        let configuration = try configuration("postgres://u@/db?host=/run/postgresql&port=5433")
        #expect(configuration.hosts == [PostgresConfiguration.Host(name: "/run/postgresql", port: 5433)])
        #expect(configuration.hosts[0].isLocal)
        let login = Dictionary(
            uniqueKeysWithValues: configuration.login(to: configuration.hosts[0], at: nil).map { ($0.name, $0.value) })
        #expect(login["hostaddr"] == nil)
        #expect(login["host"] == "/run/postgresql")
    }

    @Test func `a login goes to an address, asks for a server that takes writes and bounds its statements`() throws {
        var configuration = try configuration("postgresql://u@h/db?options=-c%20search_path%3Dmine")
        configuration.statementMilliseconds = 700
        let login = Dictionary(
            uniqueKeysWithValues: configuration.login(to: configuration.hosts[0], at: SocketAddress("10.0.0.1:5432"))
                .map { ($0.name, $0.value) })
        #expect(login["hostaddr"] == "10.0.0.1")
        #expect(login["host"] == "h")
        #expect(login["target_session_attrs"] == "read-write")
        #expect(login["options"]?.hasPrefix("-c search_path=mine -c statement_timeout=700 ") == true)
        let free = try self.configuration("postgresql://u@h/db?target_session_attrs=any")
        #expect(
            free.login(to: free.hosts[0], at: nil).contains { $0.name == "target_session_attrs" && $0.value == "any" })
    }

    @Test(arguments: [
        "redis://h/0", "postgresql://u:secret@/db", "postgresql://h/db", "postgresql://u:secret@h",
        "host=h user=u dbname=d",
        "postgresql://u:secret@h:0/db", "postgresql://u:secret@h:x/db", "postgresql://u:secret@h,/db",
        "postgresql://u:se%zzcret@h/db", "postgresql://u:secret@h/db?sslmod=require",
        "postgresql://u:secret@h/db?service=x", "postgresql://u:secret@h/db?connect_timeout=0",
        "postgresql://u:secret@h:1,g:2/db?port=1,2,3",
    ])
    func `a URL that cannot be used is refused without its password`(url: String) {
        do throws(PostgresURLError) {
            _ = try PostgresConfiguration(url: url)
            Issue.record("it was taken")
        } catch {
            #expect(!error.description.contains("cret"))
        }
    }

    @Test func `the state of a refused login is read out of libpq's message`() {
        let refused = LoginFailure(
            "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  53300: sorry, too many: clients\nLOCATION:  x\n"
        )
        #expect(refused.code == .refused(.tooManyConnections))
        #expect(refused.text == "sorry, too many: clients")
        let german = LoginFailure("connection failed: SCHWERWIEGEND:  28P01: Passwort-Authentifizierung\n")
        #expect(german.code == .refused(.invalidPassword))
        let unreachable = LoginFailure("connection to server failed: Connection refused\n\tIs the server running?\n")
        #expect(unreachable.code == .unavailable)
        #expect(unreachable.text == "connection to server failed: Connection refused")
        #expect(LoginFailure("").code == .unavailable)
    }
}
