package import Auth
import Postgres

extension PostgresStore: RevocationAdministration {
    private enum SQL {
        static let end = Statement("end_user_1", "SELECT * FROM end_user_1($1, $2)")
        static let endBefore = Statement("end_sessions_before_1", "SELECT * FROM end_sessions_before_1($1, $2)")
    }

    package func revoke(
        _ target: RevocationTarget, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<RevocationOutcome> {
        let user: Identifier? = if case .user(let id) = target { id } else { nil }
        // The end of every session takes the lock of the generation alone, and whoever holds it shared cannot ask for that.
        let access: Access = if case .sessionsBefore = target { .ending } else { .changing }
        return try await administer("revoke", access, on: user, at: now, as: authority, from: origin) {
            transaction, cause throws(PostgresError) in
            switch target {
            case .token(let id): return .done(try await self.revoke(token: id, cause, transaction))
            case .session(let id): return .done(try await self.revoke(session: id, cause, transaction))
            case .user(let id):
                guard let outcome = try await self.revoke(user: id, cause, transaction) else { return .notFound }
                return .done(outcome)
            case .sessionsBefore(let time):
                return .done(try await self.revoke(sessionsBefore: time, cause, transaction))
            }
        }
    }

    private func revoke(
        token id: Identifier, _ cause: Cause, _ transaction: PostgresTransaction
    ) async throws(PostgresError) -> RevocationOutcome {
        let revocation = Revocation.token(id, user: nil, until: limits.revocationEnd(at: cause.at))
        _ = try await transaction.batch(
            Self.storing(revocation) + [Self.auditing(.tokenRevoked, cause, detail: id.description)])
        return RevocationOutcome(revocations: [revocation], sessionsEnded: 0)
    }

    /// One that is not here may have ended, or be another's mistake: its tokens are refused all the same.
    private func revoke(
        session id: Identifier, _ cause: Cause, _ transaction: PostgresTransaction
    ) async throws(PostgresError) -> RevocationOutcome {
        if let row = try await transaction.batch([Self.locking(session: id)]).first?.rows.first {
            let session = try row.session()
            let (told, ending) = end(session, at: cause.at)
            _ = try await transaction.batch(
                [Self.auditing(.sessionEnded, cause, user: session.userID, session: id)] + ending)
            return RevocationOutcome(revocations: told, sessionsEnded: 1)
        }
        let entry = Revocation.session(id, user: nil, until: limits.revocationEnd(at: cause.at))
        let answers = try await transaction.batch(
            Self.storing(entry)
                + [Self.auditing(.sessionEnded, cause, session: id), Self.inForce(.session, id, at: cause.at)])
        let told = try answers.last?.map { row throws(PostgresError) in try row.revocation() } ?? []
        return RevocationOutcome(revocations: told, sessionsEnded: 0)
    }

    private func revoke(
        user id: Identifier, _ cause: Cause, _ transaction: PostgresTransaction
    ) async throws(PostgresError) -> RevocationOutcome? {
        let until = limits.revocationEnd(at: cause.at)
        guard let row = try await transaction.run(SQL.end, [.id(id), .time(until)]).rows.first else { return nil }
        let (version, ended) = (try row.integer(0), try row.integer(1))
        _ = try await transaction.batch([Self.auditing(.userSessionsEnded, cause, user: id, detail: "\(ended)")])
        return RevocationOutcome(
            revocations: [.user(id, minimumVersion: version, until: until)], sessionsEnded: Int(clamping: ended))
    }

    private func revoke(
        sessionsBefore time: UnixTime, _ cause: Cause, _ transaction: PostgresTransaction
    ) async throws(PostgresError) -> RevocationOutcome {
        let row = try await transaction.run(SQL.endBefore, [.time(time), .integer(limits.countedSessions)]).first()
        let (generation, ended) = (try row.integer(0), try row.integer(1))
        _ = try await transaction.batch([
            Self.auditing(.sessionsRevoked, cause, detail: "before=\(time.milliseconds) ended=\(ended)")
        ])
        return RevocationOutcome(revocations: [.generation(generation)], sessionsEnded: Int(clamping: ended))
    }
}
