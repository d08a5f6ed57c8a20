import Auth

extension EmbeddedStore {
    /// A transaction in an administrator's name: `body` runs only if the authority is still one, and a refusal is all
    /// that is written otherwise. `task` names it in the audit.
    func administer<Value: Sendable>(
        _ task: String, on user: Identifier? = nil, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin,
        _ body: @escaping @Sendable (Transaction, Cause) throws -> AdminResult<Value>
    ) async throws(StoreError) -> AdminResult<Value> {
        let cause = Cause(actor: authority.actor, origin: origin, at: now)
        return try await perform { transaction in
            guard try Self.isAdministrator(authority, transaction) else {
                try transaction.audit(.administrationRefused, cause, user: user, detail: task)
                return .notAuthorized
            }
            return try body(transaction, cause)
        }
    }

    private static func isAdministrator(_ authority: Authority, _ transaction: Transaction) throws -> Bool {
        switch authority {
        case .localOperator: return true
        case .user(let id, let version):
            guard let user = try user(id, transaction) else { return false }
            return isAdministrator(user) && user.version == version
        }
    }

    static func isAdministrator(_ user: User) -> Bool { user.isEnabled && user.roles.contains(.admin) }

    /// Whether nobody but `user` is an enabled administrator.
    static func isLastAdministrator(_ user: User, _ transaction: Transaction) throws -> Bool {
        guard isAdministrator(user) else { return false }
        return try transaction.row(
            "SELECT 1 FROM users WHERE \(Schema.isAdministrator) AND id <> ? LIMIT 1", user.id.blob) == nil
    }
}
