/// In whose name administration is asked for.
package enum Authority: Sendable, Equatable {
    /// Who an access token names. The token alone is not enough: the store looks, in the transaction of the change,
    /// whether the account is still there, enabled, an administrator and of this version.
    case user(Identifier, version: Int64)
    /// Who owns the machine: the command line, over a socket that only the server's own user and root can reach.
    case localOperator

    package var actor: AuditActor {
        switch self {
        case .user(let id, _): .user(id)
        case .localOperator: .localOperator
        }
    }
}

/// What an administrator's request came to.
package enum AdminResult<Value: Sendable>: Sendable {
    case done(Value)
    /// Not, or no longer, an administrator (403): nothing changed.
    case notAuthorized
    /// 404
    case notFound
    /// 409: nothing changed.
    case conflict(AdminConflict)
}

extension AdminResult {
    package func map<Other: Sendable>(_ change: (Value) -> Other) -> AdminResult<Other> {
        switch self {
        case .done(let value): .done(change(value))
        case .notAuthorized: .notAuthorized
        case .notFound: .notFound
        case .conflict(let conflict): .conflict(conflict)
        }
    }
}

extension AdminResult: Equatable where Value: Equatable {}

package enum AdminConflict: Sendable, Equatable {
    /// It would leave no enabled administrator.
    case lastAdministrator
    case usernameTaken
    /// A planned rotation came before the next key was published long enough.
    case tooEarly(until: UnixTime)
}

/// A part of a list. `next` continues it; nil at its end.
package struct Page<Item: Sendable, Cursor: Sendable>: Sendable {
    package let items: [Item]
    package let next: Cursor?

    package init(items: [Item], next: Cursor?) {
        self.items = items
        self.next = next
    }
}

extension Page: Equatable where Item: Equatable, Cursor: Equatable {}
