import Auth

// How values stand in the columns of every database of ours.

extension AuditActor {
    /// `audit.actor`
    private enum Kind: Int64 {
        case anonymous = 0
        case user = 1
        case localOperator = 2
        case server = 3
    }

    /// The columns `actor` and `actor_id`.
    var columns: (kind: Int64, id: Identifier?) {
        switch self {
        case .anonymous: (Kind.anonymous.rawValue, nil)
        case .user(let id): (Kind.user.rawValue, id)
        case .localOperator: (Kind.localOperator.rawValue, nil)
        case .server: (Kind.server.rawValue, nil)
        }
    }

    /// Nil for what was never written there.
    init?(kind: Int64, id: Identifier?) {
        switch (Kind(rawValue: kind), id) {
        case (.anonymous, nil): self = .anonymous
        case (.user, let id?): self = .user(id)
        case (.localOperator, nil): self = .localOperator
        case (.server, nil): self = .server
        default: return nil
        }
    }
}

/// `users.roles`: their names with commas between.
enum StoredRoles {
    static func text(_ roles: [Role]) -> String { roles.map(\.name).joined(separator: ",") }

    /// Nil when one is no role.
    static func roles(_ text: String) -> [Role]? {
        var roles: [Role] = []
        for name in text.split(separator: ",") {
            guard let role = Role(String(name)) else { return nil }
            roles.append(role)
        }
        return roles
    }
}

/// `revocations.kind`
enum RevocationKind: Int64 {
    case token = 1
    case session = 2
    case user = 3
}
