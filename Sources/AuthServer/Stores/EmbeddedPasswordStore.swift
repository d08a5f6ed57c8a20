package import Auth

extension EmbeddedStore: PasswordStore {
    package func changePassword(
        _ change: PasswordChange, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> PasswordChangeResult {
        try await perform { transaction in
            guard var user = try Self.user(change.user, transaction), user.isEnabled, user.version == change.version,
                var session = try Self.session(change.session, transaction), session.userID == user.id,
                now < session.idleExpiresAt, now < session.absoluteExpiresAt, session.counter < .max
            else { return .stale }
            try transaction.run(
                """
                UPDATE users SET password_hash = ?, one_time_expires_at = NULL, one_time_is_used = 0
                WHERE id = ? AND password_hash = ?
                """, change.newHash, user.id.blob, change.oldHash)
            guard transaction.changes == 1 else { return .stale }
            guard let revocation = try Self.raiseVersion(of: user.id, at: now, transaction) else { return .stale }
            user.version += 1
            try transaction.run("DELETE FROM sessions WHERE user_id = ? AND id <> ?", user.id.blob, session.id.blob)
            session.userVersion = user.version
            session.counter += 1
            session.rotatedAt = now
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
