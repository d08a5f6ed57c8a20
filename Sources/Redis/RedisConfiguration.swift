import OpenSSL

/// Where Redis is, who we are there, and how long we wait for it.
package struct RedisConfiguration: Sendable, CustomStringConvertible {
    /// How a server is reached.
    enum Place: Sendable, Equatable {
        case host(String, port: UInt16)
        case socket(path: String)
    }

    let place: Place
    /// Nil without TLS.
    let security: TLSClientContext?
    /// Nil for the default user.
    let user: [UInt8]?
    /// Nil when nobody need say who he is.
    let password: SecretBytes?
    let database: Int

    /// The longest a command may take that says nothing else, in milliseconds: no request waits on Redis longer.
    package var commandMilliseconds: Int64 = 50
    /// The longest an attempt to connect may take, from the name to the answer of the first PING, in milliseconds.
    package var connectMilliseconds: Int64 = 1000

    /// Takes `redis://user:password@host:port/db`, `rediss://…` (TLS; `?ca=FILE` for authorities other than the system's)
    /// or `unix://user:password@/path?db=N`. Reads the authorities, so not on a loop.
    package init(url: String) throws(RedisURLError) {
        let parsed = try RedisURL(url)
        place = parsed.place
        user = parsed.user
        password = parsed.password.map { SecretBytes(copying: $0) }
        database = parsed.database
        do throws(OpenSSLError) {
            security = parsed.isSecure ? try TLSClientContext(authorities: parsed.authorities) : nil
        } catch {
            throw .authorities
        }
    }

    /// What is said first on a connection: who we are, which database, and a question that shows both were taken.
    var greeting: [RedisCommand] {
        var commands: [RedisCommand] = []
        if let password {
            let secret = password.withUnsafeBytes { Array($0) }
            commands.append(RedisCommand([Array("AUTH".utf8)] + (user.map { [$0] } ?? []) + [secret]))
        }
        if database != 0 { commands.append(RedisCommand("SELECT", String(database))) }
        return commands + [RedisCommand("PING")]
    }

    /// Without credentials.
    package var description: String {
        switch place {
        case .host(let name, let port):
            "\(security == nil ? "redis" : "rediss")://\(name.contains(":") ? "[\(name)]" : name):\(port)/\(database)"
        case .socket(let path): "unix://\(path)?db=\(database)"
        }
    }
}
