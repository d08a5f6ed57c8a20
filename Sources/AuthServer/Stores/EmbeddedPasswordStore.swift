package import Auth

extension EmbeddedStore: PasswordStore {
    package func changePassword(
        _ change: PasswordChange, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> PasswordChangeResult {
        try await perform { transaction in
            guard var user = try Self.user(change.user, transaction) else { return .gone }
            let hash = try transaction.row("SELECT password_hash FROM users WHERE id = ?", user.id.blob)
            guard try hash?.text(0) == change.oldHash else { return .stale }
            guard user.isEnabled, user.version == change.version,
                var session = try Self.session(change.session, transaction), session.userID == user.id
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
            guard let revocation = try Self.raiseVersion(of: user.id, at: now, transaction) else { return .gone }
            user.version += 1
            try Self.setPassword(of: user.id, to: StoredPassword(hash: change.newHash), transaction)
            try transaction.run("DELETE FROM sessions WHERE user_id = ? AND id <> ?", user.id.blob, session.id.blob)
            session.userVersion = user.version
            session.lastUsedAt = now
            try Self.update(session, transaction)
            if let attempt = change.attempt { try Self.giveBackAll(with: attempt, transaction) }
            let cause = Cause(actor: .user(user.id), origin: origin, at: now)
            try transaction.audit(.passwordChanged, cause, user: user.id, session: session.id)
            return .changed(session, user, revocations: [revocation])
        }
    }

    /// False when it is used up, over or none.
    static func useOneTimePassword(of user: Identifier, at now: UnixTime, _ transaction: Transaction) throws -> Bool {
        try transaction.run(
            "UPDATE users SET one_time_is_used = 1 WHERE id = ? AND one_time_is_used = 0 AND one_time_expires_at > ?",
            user.blob, now.milliseconds)
        return transaction.changes == 1
    }

    static func setPassword(
        of user: Identifier, to password: StoredPassword, _ transaction: Transaction
    ) throws {
        try transaction.run(
            "UPDATE users SET password_hash = ?, one_time_expires_at = ?, one_time_is_used = ? WHERE id = ?",
            password.hash, password.oneTime?.expiresAt.milliseconds, password.oneTime?.isUsed ?? false, user.blob)
    }
}
