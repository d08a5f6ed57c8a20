/// Why a URL of Redis is none. It never tells what was in the URL: that may be a password.
package enum RedisURLError: Error, Sendable, Equatable, CustomStringConvertible {
    case scheme
    case credentials
    case host
    case port
    case database
    case socketPath
    case escape
    /// A parameter that is unknown, given twice, or means nothing with this scheme.
    case parameter
    /// The authorities' file cannot be read or holds no certificate.
    case authorities

    package var description: String {
        switch self {
        case .scheme: "it must begin with redis://, rediss:// or unix://"
        case .credentials: "credentials are user:password@ or :password@"
        case .host: "the host is missing, or is neither a name nor an address"
        case .port: "the port is no number from 1 to 65535"
        case .database: "the database is no number from 0 to 65535"
        case .socketPath: "the socket's path must be absolute and at most 107 bytes long"
        case .escape: "a % is not followed by two hexadecimal digits, or by 00"
        case .parameter: "a parameter is unknown, given twice, or means nothing here (ca with rediss, db)"
        case .authorities: "the file of authorities (ca) cannot be read, or holds no certificate"
        }
    }
}

/// A URL taken apart: `redis://user:password@host:port/db`, `rediss://…?ca=FILE`, `unix://user:password@/path?db=N`.
/// Pure: it opens no file.
struct RedisURL: Equatable {
    var place: RedisConfiguration.Place
    var isSecure = false
    /// Nil for the default user.
    var user: [UInt8]?
    var password: [UInt8]?
    var database = 0
    /// The file with the authorities to trust; nil for the system's.
    var authorities: String?

    private static let defaultPort: UInt16 = 6379
    private static let longestSocketPath = 107
    /// More than any server is configured for; a bound for the number's spelling.
    private static let databases = 0...65_535

    init(_ text: String) throws(RedisURLError) {
        guard let separator = text.range(of: "://") else { throw .scheme }
        let scheme = text[..<separator.start]
        var rest = text[separator.end...]
        guard ["redis", "rediss", "unix"].contains(scheme) else { throw .scheme }
        if rest.contains("#") { throw .parameter }
        var parameters: Substring = ""
        if let mark = rest.firstIndex(of: "?") {
            parameters = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        // The last @: a password's own must be escaped, but no harm is done by one that is not.
        var authority = rest[..<slash]
        let path = rest[slash...]
        var credentials: Substring?
        if let at = authority.lastIndex(of: "@") {
            credentials = authority[..<at]
            authority = authority[authority.index(after: at)...]
        }
        if scheme == "unix" {
            guard authority.isEmpty else { throw .socketPath }
            place = .socket(path: try RedisURL.socketPath(path))
        } else {
            place = try RedisURL.host(authority)
            if path.count > 1 { database = try RedisURL.database(path.dropFirst()) }
        }
        isSecure = scheme == "rediss"
        if let credentials { try take(credentials: credentials) }
        try take(parameters: parameters, mayHaveDatabase: path.count <= 1 || scheme == "unix")
    }

    private mutating func take(credentials: Substring) throws(RedisURLError) {
        guard let colon = credentials.firstIndex(of: ":") else { throw .credentials }
        let user = try RedisURL.unescape(credentials[..<colon])
        let password = try RedisURL.unescape(credentials[credentials.index(after: colon)...])
        guard !password.isEmpty else { throw .credentials }
        self.user = user.isEmpty ? nil : user
        self.password = password
    }

    private mutating func take(parameters: Substring, mayHaveDatabase: Bool) throws(RedisURLError) {
        var seen: Set<Substring> = []
        for parameter in parameters.split(separator: "&") {
            guard let equals = parameter.firstIndex(of: "=") else { throw .parameter }
            let name = parameter[..<equals]
            let value = parameter[parameter.index(after: equals)...]
            guard seen.insert(name).inserted else { throw .parameter }
            switch name {
            case "ca" where isSecure && !value.isEmpty:
                authorities = String(decoding: try RedisURL.unescape(value), as: UTF8.self)
            case "db" where mayHaveDatabase: database = try RedisURL.database(value)
            default: throw .parameter
            }
        }
    }

    private static func host(_ authority: Substring) throws(RedisURLError) -> RedisConfiguration.Place {
        var host = authority
        var port: Substring?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw .host }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let behind = authority[authority.index(after: end)...]
            guard behind.isEmpty || behind.hasPrefix(":") else { throw .host }
            if !behind.isEmpty { port = behind.dropFirst() }
        } else if let colon = authority.lastIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
            guard !host.contains(":") else { throw .host }
        }
        // What a name or a literal address has; 253 is the longest name of DNS.
        let isPlausible = host.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2D, 0x2E, 0x3A, 0x5F].contains(byte)
        }
        guard !host.isEmpty, host.utf8.count <= 253, isPlausible else { throw .host }
        guard let port else { return .host(String(host), port: defaultPort) }
        guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(port), number > 0 else {
            throw .port
        }
        return .host(String(host), port: number)
    }

    private static func socketPath(_ text: Substring) throws(RedisURLError) -> String {
        let path = try unescape(text)
        guard path.count > 1, path.count <= longestSocketPath else { throw .socketPath }
        return String(decoding: path, as: UTF8.self)
    }

    private static func database(_ text: Substring) throws(RedisURLError) -> Int {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text),
            databases.contains(number)
        else { throw .database }
        return number
    }

    /// Without percent escapes. NUL is refused: file names and host names end there.
    private static func unescape(_ text: Substring) throws(RedisURLError) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte != 0x25 {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else {
                throw .escape
            }
            bytes.append(high << 4 | low)
        }
        guard !bytes.contains(0) else { throw .escape }
        return bytes
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}

extension String {
    /// Where `text` first occurs; the standard library has it for characters only.
    fileprivate func range(of text: String) -> (start: Index, end: Index)? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return (start, index(start, offsetBy: text.count)) }
            start = index(after: start)
        }
        return nil
    }
}
