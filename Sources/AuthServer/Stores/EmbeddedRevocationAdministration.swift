package import Auth

extension EmbeddedStore: RevocationAdministration {
    package func revoke(
        _ target: RevocationTarget, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<RevocationOutcome> {
        let user: Identifier? = if case .user(let id) = target { id } else { nil }
        return try await administer("revoke", on: user, at: now, as: authority, from: origin) { transaction, cause in
            switch target {
            case .token(let id): .done(try Self.revoke(token: id, cause, transaction))
            case .session(let id): .done(try Self.revoke(session: id, cause, transaction))
            case .user(let id): try Self.revoke(user: id, cause, transaction).map { .done($0) } ?? .notFound
            case .sessionsBefore(let time): .done(try Self.revoke(sessionsBefore: time, cause, transaction))
            }
        }
    }

    private static func revoke(
        token id: Identifier, _ cause: Cause, _ transaction: Transaction
    ) throws -> RevocationOutcome {
        let revocation = Revocation.token(id, user: nil, until: transaction.revocationEnd(at: cause.at))
        try store(revocation, transaction)
        try transaction.audit(.tokenRevoked, cause, detail: id.description)
        return RevocationOutcome(revocations: [revocation], sessionsEnded: 0)
    }

    /// One that is not here may have ended, or be another's mistake: its tokens are refused all the same.
    private static func revoke(
        session id: Identifier, _ cause: Cause, _ transaction: Transaction
    ) throws -> RevocationOutcome {
        if let session = try session(id, transaction) {
            try transaction.audit(.sessionEnded, cause, user: session.userID, session: id)
            return RevocationOutcome(revocations: try end(session, at: cause.at, transaction), sessionsEnded: 1)
        }
        try store(.session(id, user: nil, until: transaction.revocationEnd(at: cause.at)), transaction)
        try transaction.audit(.sessionEnded, cause, session: id)
        return RevocationOutcome(
            revocations: try revocations(ofSession: id, at: cause.at, transaction), sessionsEnded: 0)
    }

    private static func revoke(
        user id: Identifier, _ cause: Cause, _ transaction: Transaction
    ) throws -> RevocationOutcome? {
        guard let (revocation, ended) = try endAll(of: id, at: cause.at, transaction) else { return nil }
        try transaction.audit(.userSessionsEnded, cause, user: id, detail: "\(ended)")
        return RevocationOutcome(revocations: [revocation], sessionsEnded: ended)
    }

    private static func revoke(
        sessionsBefore time: UnixTime, _ cause: Cause, _ transaction: Transaction
    ) throws -> RevocationOutcome {
        try transaction.run("DELETE FROM sessions WHERE created_at < ?", time.milliseconds)
        let ended = transaction.changes
        let revocation = try raiseGeneration(transaction)
        try transaction.audit(.sessionsRevoked, cause, detail: "before=\(time.milliseconds) ended=\(ended)")
        return RevocationOutcome(revocations: [revocation], sessionsEnded: ended)
    }
}
