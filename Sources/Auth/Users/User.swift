/// An account without its secrets.
package struct User: Sendable, Equatable {
    package let id: Identifier
    package var username: Username
    /// At most 32, each `[a-z0-9][a-z0-9_.:-]{0,63}`, in the order they were given.
    package var roles: [Role]
    package var isEnabled: Bool
    /// The user's epoch (`ver`): tokens and sessions made under a lower one are dead. Never lowered.
    package var version: Int64
    package let createdAt: UnixTime

    package init(
        id: Identifier, username: Username, roles: [Role], isEnabled: Bool, version: Int64, createdAt: UnixTime
    ) {
        self.id = id
        self.username = username
        self.roles = roles
        self.isEnabled = isEnabled
        self.version = version
        self.createdAt = createdAt
    }
}

/// What a user store is given to make an account. `version` starts at 1, enabled.
package struct NewUser: Sendable {
    package let id: Identifier
    package let username: Username
    package let roles: [Role]
    package let password: StoredPassword
    package let createdAt: UnixTime

    package init(id: Identifier, username: Username, roles: [Role], password: StoredPassword, createdAt: UnixTime) {
        self.id = id
        self.username = username
        self.roles = roles
        self.password = password
        self.createdAt = createdAt
    }
}

/// A role name: `[a-z0-9][a-z0-9_.:-]{0,63}`.
package struct Role: Sendable, Hashable, CustomStringConvertible {
    package static let admin = Role(unchecked: "admin")
    /// The most roles one user may have.
    package static let maximumPerUser = 32

    package let name: String

    package init?(_ name: String) {
        let bytes = name.utf8
        guard let first = bytes.first, bytes.count <= 64, Role.isAlphanumeric(first) else { return nil }
        for byte in bytes where !Role.isAlphanumeric(byte) && !"_.:-".utf8.contains(byte) { return nil }
        self.name = name
    }

    private init(unchecked name: String) { self.name = name }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    package var description: String { name }
}
