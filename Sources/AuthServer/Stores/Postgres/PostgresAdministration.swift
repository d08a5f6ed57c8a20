import Auth
import Postgres

extension PostgresStore {
    private enum SQL {
        static let lock = Statement("lock_administration", lockText(PostgresLocks.administration))
        static let isAdministrator = Statement(
            "is_administrator",
            "SELECT 1 FROM users WHERE id = $1 AND version = $2 AND \(PostgresSchema.isAdministrator)")
    }

    static func lockText(_ lock: Int64) -> String {
        "SELECT pg_advisory_xact_lock(\(PostgresLocks.space), \(lock))"
    }

    /// What an administrator's request does. Changes come one after the other.
    enum Access: Sendable {
        case reading, changing
        /// Ends every session: takes the lock of the generation by itself.
        case ending
    }

    /// A transaction in an administrator's name: `body` runs only if the authority is still one, and a refusal is all
    /// that is written otherwise. `task` names it in the audit.
    func administer<Outcome: Sendable>(
        _ task: String, _ access: Access, on user: Identifier? = nil, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin,
        _ body: @Sendable (PostgresTransaction, Cause) async throws(PostgresError) -> AdminResult<Outcome>
    ) async throws(StoreError) -> AdminResult<Outcome> {
        let cause = Cause(actor: authority.actor, origin: origin, at: now)
        return try await transaction { transaction throws(PostgresError) in
            var queries = access == .reading ? [] : [Query(SQL.lock, [])]
            if access == .changing { queries.append(Self.shareGeneration) }
            if case .user(let id, let version) = authority {
                queries.append(Query(SQL.isAdministrator, [.id(id), .integer(version)]))
            }
            if !queries.isEmpty {
                let answers = try await transaction.batch(queries)
                if case .user = authority, answers.last?.rows.first == nil {
                    let refusal = AuditEntry(
                        at: now, event: .administrationRefused, actor: cause.actor, origin: origin, user: user,
                        detail: task)
                    _ = try await transaction.batch(Self.appending([refusal]))
                    return .notAuthorized
                }
            }
            return try await body(transaction, cause)
        }
    }

    /// Refuses what would leave no enabled administrator.
    static func refuseLast<Outcome: Sendable>(
        _ user: User, _ cause: Cause, _ transaction: PostgresTransaction
    ) async throws(PostgresError) -> AdminResult<Outcome> {
        let refusal = AuditEntry(
            at: cause.at, event: .administrationRefused, actor: cause.actor, origin: cause.origin, user: user.id,
            detail: "last administrator")
        _ = try await transaction.batch(appending([refusal]))
        return .conflict(.lastAdministrator)
    }

    static func isAdministrator(_ user: User) -> Bool { user.isEnabled && user.roles.contains(.admin) }
}
