package import Auth
import Postgres

extension PostgresStore: PasswordStore {
    private enum SQL {
        static let user = Statement(
            "password_for_update",
            "SELECT u.password_hash, \(userColumns) FROM users AS u WHERE u.id = $1 FOR NO KEY UPDATE")
        static let endOthers = Statement("sessions_end_others", "DELETE FROM sessions WHERE user_id = $1 AND id <> $2")
        static let raise = Statement("raise_version_1", "SELECT raise_version_1($1, $2)")
        static let giveBack = Statement("give_back_1", "SELECT give_back_1($1)")
    }

    package func changePassword(
        _ change: PasswordChange, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> PasswordChangeResult {
        try await transaction { transaction throws(PostgresError) in
            let found = try await transaction.batch([
                Self.shareGeneration, Query(SQL.user, [.id(change.user)]), Self.locking(session: change.session),
            ])
            guard found.count == 3, let row = found[1].rows.first else { return .gone }
            guard try row.text(0) == change.oldHash else { return .stale }
            let user = try row.user(1)
            guard user.isEnabled, user.version == change.version, var session = try found[2].rows.first?.session(),
                session.userID == user.id
            else { return .gone }
            switch RefreshRule.decide(
                session, presented: session.counter, proofIsValid: true, at: now,
                graceMilliseconds: change.graceMilliseconds)
            {
            case .rotate(let counter):
                session.counter = counter
                session.rotatedAt = now
            case .repeatCurrent: break
            case .adopt, .endAsReused, .endAsExpired, .undecidable: return .gone
            }
            let cause = Cause(actor: .user(user.id), origin: origin, at: now)
            return try await self.carryOut(change, user, session, cause, transaction)
        }
    }

    /// The row of `user` is locked.
    private func carryOut(
        _ change: PasswordChange, _ user: User, _ session: StoredSession, _ cause: Cause,
        _ transaction: PostgresTransaction
    ) async throws(PostgresError) -> PasswordChangeResult {
        var (user, session) = (user, session)
        user.version += 1
        session.userVersion = user.version
        session.lastUsedAt = cause.at
        let until = limits.revocationEnd(at: cause.at)
        var queries = [
            Query(SQL.endOthers, [.id(user.id), .id(session.id)]), Self.updating(session),
            Self.settingPassword(of: user.id, to: StoredPassword(hash: change.newHash)),
            Query(SQL.raise, [.id(user.id), .time(until)]),
        ]
        if let attempt = change.attempt { queries.append(Query(SQL.giveBack, [.integer(attempt.id)])) }
        queries.append(Self.auditing(.passwordChanged, cause, user: user.id, session: session.id))
        _ = try await transaction.batch(queries)
        return .changed(
            session, user, revocations: [.user(user.id, minimumVersion: user.version, until: until)])
    }
}
