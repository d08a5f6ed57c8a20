import CPostgres

/// Why a database URL cannot be used. Says nothing of what stands in it beyond the names of its parameters: it holds a
/// password.
package struct PostgresURLError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String
}

/// Where the database is, as whom we log in, and how long anything may take.
package struct PostgresConfiguration: Sendable, CustomStringConvertible {
    struct Host: Sendable, Equatable {
        /// A name, an address, or the folder of a Unix socket.
        let name: String
        let port: UInt16

        /// As libpq tells them apart; `@` is a socket without a file.
        var isLocal: Bool { name.hasPrefix("/") || name.hasPrefix("@") }
    }

    /// Tried in order, beginning with the last that served.
    let hosts: [Host]
    /// libpq's own parameters, host and port excepted.
    let parameters: [String: String]

    /// What a statement may take on the server, which then ends it with 57014.
    package var statementMilliseconds: Int64 = 500
    /// What a caller may wait for a connection.
    package var waitMilliseconds: Int64 = 500
    /// What one host may take from the look-up of its name to the end of the login.
    package var connectMilliseconds: Int64 = 2000
    /// Callers that may wait at one time: memory, and work that is late when its turn comes.
    package var maximumWaiting = 1024

    /// How much longer than the server we wait for a statement: its answer is on its way. Then the server hangs, or is
    /// gone without a word, and the connection is closed.
    static let graceMilliseconds: Int64 = 250

    /// Parameters a URL may have: those that say where, as whom and how securely. Any other is refused, since one that is
    /// misspelt would be taken for its default.
    static let known: Set<String> = [
        "host", "port", "dbname", "user", "password", "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey",
        "sslcrl", "ssl_min_protocol_version", "channel_binding", "target_session_attrs", "application_name", "options",
        "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "tcp_user_timeout",
    ]

    /// `postgresql://user:password@host1:port1,host2:port2/database?sslmode=verify-full&sslrootcert=FILE`, in libpq's own
    /// grammar; a socket's folder is `?host=/folder`. What a URL does not say is libpq's default, but for
    /// `target_session_attrs`, which is `read-write`: on a standby nothing of ours works.
    package init(url: String) throws(PostgresURLError) {
        guard url.hasPrefix("postgresql://") || url.hasPrefix("postgres://") else {
            throw PostgresURLError(description: "a database URL begins with postgresql://")
        }
        var parameters = try PostgresConfiguration.parse(url)
        if let unknown = parameters.keys.filter({ !PostgresConfiguration.known.contains($0) }).min() {
            throw PostgresURLError(description: "the database URL has a parameter \(unknown), which is not supported")
        }
        hosts = try PostgresConfiguration.hosts(
            parameters.removeValue(forKey: "host"), parameters.removeValue(forKey: "port"))
        if let seconds = parameters.removeValue(forKey: "connect_timeout") {
            guard let seconds = Int64(seconds), (1...60).contains(seconds) else {
                throw PostgresURLError(description: "connect_timeout of the database URL is 1 to 60 seconds")
            }
            connectMilliseconds = seconds * 1000
        }
        guard parameters["user"] != nil, parameters["dbname"] != nil else {
            throw PostgresURLError(description: "the database URL names no user or no database")
        }
        self.parameters = parameters
    }

    /// Without password and parameters.
    package var description: String {
        let places = hosts.map { $0.isLocal ? $0.name : "\($0.name):\($0.port)" }.joined(separator: ",")
        return "\(parameters["user"] ?? "")@\(places)/\(parameters["dbname"] ?? "")"
    }

    /// What libpq reads in the URL. Its messages quote the URL, so they are not passed on.
    private static func parse(_ url: String) throws(PostgresURLError) -> [String: String] {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(url, &message) else {
            PQfreemem(message)
            throw PostgresURLError(description: "the database URL cannot be read")
        }
        defer { PQconninfoFree(options) }
        var parameters: [String: String] = [:]
        var index = 0
        while let keyword = options[index].keyword {
            if let value = options[index].val { parameters[String(cString: keyword)] = String(cString: value) }
            index += 1
        }
        return parameters
    }

    private static func hosts(_ names: String?, _ ports: String?) throws(PostgresURLError) -> [Host] {
        let names = (names ?? "").split(separator: ",", omittingEmptySubsequences: false)
        let ports = (ports ?? "5432").split(separator: ",", omittingEmptySubsequences: false)
        guard !names.contains("") else { throw PostgresURLError(description: "the database URL names no host") }
        // One port may serve for all.
        guard ports.count == 1 || ports.count == names.count else {
            throw PostgresURLError(description: "the database URL has another number of ports than of hosts")
        }
        var hosts: [Host] = []
        for (index, name) in names.enumerated() {
            let text = ports.count == 1 ? ports[0] : ports[index]
            guard let port = text.isEmpty ? 5432 : UInt16(text), port > 0 else {
                throw PostgresURLError(description: "the database URL has a port that is none")
            }
            hosts.append(Host(name: String(name), port: port))
        }
        return hosts
    }
}
