import Auth
import Postgres

extension Value {
    static func id(_ id: Identifier) -> Value { .uuid(id.bytes) }
    static func id(_ id: Identifier?) -> Value { id.map { .uuid($0.bytes) } ?? .null }
    static func ids(_ ids: [Identifier]) -> Value { .uuids(ids.map(\.bytes)) }
    static func time(_ time: UnixTime) -> Value { .integer(time.milliseconds) }
    static func time(_ time: UnixTime?) -> Value { time.map { .integer($0.milliseconds) } ?? .null }
    static func text(_ text: String?) -> Value { text.map { .text($0) } ?? .null }
    static func bytes(_ bytes: [UInt8]?) -> Value { bytes.map { .bytes($0) } ?? .null }
}

extension Row {
    func time(_ column: Int) throws(PostgresError) -> UnixTime { UnixTime(milliseconds: try integer(column)) }

    func optionalTime(_ column: Int) throws(PostgresError) -> UnixTime? {
        try optionalInteger(column).map { UnixTime(milliseconds: $0) }
    }

    func identifier(_ column: Int) throws(PostgresError) -> Identifier {
        guard let id = Identifier(bytes: try uuid(column)) else { throw .damaged("a uuid is none") }
        return id
    }

    func optionalIdentifier(_ column: Int) throws(PostgresError) -> Identifier? {
        isNull(column) ? nil : try identifier(column)
    }

    /// The user in the columns from `first` on, as `PostgresStore.userColumns` has them.
    func user(_ first: Int = 0) throws(PostgresError) -> User {
        guard let roles = StoredRoles.roles(try text(first + 2)) else { throw .damaged("a role of a user is not one") }
        return User(
            id: try identifier(first), username: Username(stored: try text(first + 1)), roles: roles,
            isEnabled: try bool(first + 3), version: try integer(first + 4), createdAt: try time(first + 5))
    }

    /// The password in the three columns from `first` on: hash, end and use of a one-time one.
    func password(_ first: Int) throws(PostgresError) -> StoredPassword {
        let hash = try text(first)
        guard let end = try optionalTime(first + 1) else { return StoredPassword(hash: hash) }
        return StoredPassword(hash: hash, oneTime: .init(expiresAt: end, isUsed: try bool(first + 2)))
    }

    /// The session in the columns from `first` on, as `PostgresStore.sessionColumns` has them.
    func session(_ first: Int = 0) throws(PostgresError) -> StoredSession {
        guard let counter = UInt32(exactly: try integer(first + 7)) else {
            throw .damaged("a session's counter is not one")
        }
        return StoredSession(
            id: try identifier(first), userID: try identifier(first + 1), userVersion: try integer(first + 2),
            createdAt: try time(first + 3), lastUsedAt: try time(first + 4), idleExpiresAt: try time(first + 5),
            absoluteExpiresAt: try time(first + 6), counter: counter, rotatedAt: try optionalTime(first + 8),
            sealedSecret: try bytes(first + 9))
    }

    /// The entry in the columns from `first` on: kind, id, user_id, minimum_version, until.
    func revocation(_ first: Int = 0) throws(PostgresError) -> Revocation {
        let id = try identifier(first + 1)
        let user = try optionalIdentifier(first + 2)
        let until = try time(first + 4)
        return switch RevocationKind(rawValue: try integer(first)) {
        case .token: .token(id, user: user, until: until)
        case .session: .session(id, user: user, until: until)
        case .user: .user(id, minimumVersion: try integer(first + 3), until: until)
        case nil: throw .damaged("a revocation is of no known kind")
        }
    }
}

extension QueryResult {
    /// The first row of an answer that always has one.
    func first() throws(PostgresError) -> Row {
        guard let row = rows.first else { throw .damaged("an answer has no row") }
        return row
    }

    /// Every row, read.
    func map<Item>(_ body: (Row) throws(PostgresError) -> Item) throws(PostgresError) -> [Item] {
        var items: [Item] = []
        items.reserveCapacity(rows.count)
        for row in rows { items.append(try body(row)) }
        return items
    }
}

extension PostgresError {
    static func damaged(_ what: String) -> PostgresError { PostgresError(.malformed, what) }
}

extension PostgresStore {
    /// What `Row.user` reads, in its order.
    static let userColumns = "u.id, u.username, u.roles, u.is_enabled, u.version, u.created_at"
    /// What `Row.session` reads, in its order.
    static let sessionColumns = """
        s.id, s.user_id, s.user_version, s.created_at, s.last_used_at, s.idle_expires_at, s.absolute_expires_at, s.counter,
        s.rotated_at, s.sealed_secret
        """
    static let sessionColumnCount = 10
    /// What `Row.revocation` reads, in its order.
    static let revocationColumns = "r.kind, r.id, r.user_id, r.minimum_version, r.until"
}
