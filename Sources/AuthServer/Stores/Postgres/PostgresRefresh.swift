package import Auth
import Postgres

/// Refreshing. With an expectation the database carries out in one round trip what the rule decides for a token whose proof
/// is good, and the proof is checked against the row as it was. Only for one that is not, and where nothing may be done
/// unasked, the row is looked at again, under its lock.
extension PostgresStore {
    private enum SQL {
        static let foretold = Statement("refresh_1", "SELECT * FROM refresh_1($1, $2, $3, $4, $5)")
        static let session = Statement(
            "session_for_update",
            """
            SELECT \(sessionColumns) FROM sessions AS s WHERE s.id = $1 AND is_live_1(s.created_at, s.generation)
            FOR NO KEY UPDATE
            """)
        static let owner = Statement(
            "session_owner",
            """
            SELECT u.one_time_expires_at IS NOT NULL, \(userColumns)
            FROM sessions AS s JOIN users AS u ON u.id = s.user_id WHERE s.id = $1
            """)
        static let update = Statement(
            "session_update",
            "UPDATE sessions SET user_version = $2, last_used_at = $3, counter = $4, rotated_at = $5 WHERE id = $1")
        static let delete = Statement("session_delete", "DELETE FROM sessions WHERE id = $1")
    }

    /// What `refresh_1` did.
    private enum Outcome: Int64 {
        case rotated = 1
        case repeated = 2
        case expired = 3
        case undecided = 4
    }

    /// What was carried out unasked: the row as it was and as it is.
    private struct Foretold: Sendable {
        let was: StoredSession
        let made: StoredSession
    }

    package func refresh(
        _ id: Identifier, at now: UnixTime, from origin: RequestOrigin, expecting expectation: RefreshExpectation?,
        decide: @escaping @Sendable (StoredSession) -> RefreshDecision
    ) async throws(StoreError) -> RefreshResult {
        guard let expectation else { return try await decideUnderLock(id, at: now, from: origin, decide: decide) }
        let until = limits.revocationEnd(at: now)
        let answer = try await run(
            SQL.foretold, .id(id), .time(now), .integer(Int64(expectation.presented)),
            .integer(expectation.graceMilliseconds), .time(until))
        guard let row = answer.rows.first else { return .refused(revocations: []) }
        let (outcome, was, user) = try read { () throws(PostgresError) in
            guard let outcome = Outcome(rawValue: try row.integer(0)) else {
                throw .damaged("refresh_1 answered nothing known")
            }
            return (outcome, try row.session(1), try row.user(1 + Self.sessionColumnCount))
        }
        var made = was
        made.userVersion = user.version
        let foretold: RefreshDecision
        switch outcome {
        case .undecided: return try await decideUnderLock(id, at: now, from: origin, decide: decide)
        // Whatever the proof is worth.
        case .expired: return .refused(revocations: [.session(id, user: user.id, until: until)])
        case .repeated: foretold = .repeatCurrent
        case .rotated:
            made.counter += 1
            (made.rotatedAt, made.lastUsedAt) = (now, now)
            foretold = .rotate(to: made.counter)
        }
        if decide(was) == foretold { return .granted(made, user) }
        return try await decideUnderLock(
            id, undoing: Foretold(was: was, made: made), at: now, from: origin, decide: decide)
    }

    /// Two round trips and a commit. What was foretold is taken back first, unless somebody came between: then the row is
    /// what it is.
    private func decideUnderLock(
        _ id: Identifier, undoing foretold: Foretold? = nil, at now: UnixTime, from origin: RequestOrigin,
        decide: @Sendable (StoredSession) -> RefreshDecision
    ) async throws(StoreError) -> RefreshResult {
        try await transaction { transaction throws(PostgresError) in
            let found = try await transaction.batch([
                Self.shareGeneration, Query(SQL.session, [.id(id)]), Query(SQL.owner, [.id(id)]),
            ])
            guard found.count == 3, let row = found[1].rows.first, let owner = found[2].rows.first else {
                return .refused(revocations: [])
            }
            let user = try owner.user(1)
            guard user.isEnabled, try !owner.bool(0) else { return .refused(revocations: []) }
            let stored = try row.session()
            let session = foretold.map { $0.made == stored ? $0.was : stored } ?? stored
            let cause = Cause(actor: .user(user.id), origin: origin, at: now)
            let change = self.change(session, stored, user, decide(session), cause)
            if !change.queries.isEmpty { _ = try await transaction.batch(change.queries) }
            return change.result
        }
    }

    private func change(
        _ session: StoredSession, _ stored: StoredSession, _ user: User, _ decision: RefreshDecision, _ cause: Cause
    ) -> (result: RefreshResult, queries: [Query]) {
        var (after, queries) = (session, [Query]())
        switch decision {
        case .undecidable:
            return (.undecidable, session == stored ? [] : [Self.updating(session)])
        case .endAsReused:
            // Who presents a token that is stale need not be whose session it is.
            let nobody = Cause(actor: .anonymous, origin: cause.origin, at: cause.at)
            let (told, ending) = end(session, at: cause.at)
            return (
                .refused(revocations: told),
                [Self.auditing(.refreshTokenReused, nobody, user: user.id, session: session.id)] + ending
            )
        case .endAsExpired:
            let (told, ending) = end(session, at: cause.at)
            return (.refused(revocations: told), ending)
        case .repeatCurrent: break
        case .rotate(let counter), .adopt(let counter):
            after.counter = counter
            (after.rotatedAt, after.lastUsedAt) = (cause.at, cause.at)
        }
        after.userVersion = user.version
        if case .adopt = decision {
            queries.append(Self.auditing(.refreshTokenAdopted, cause, user: user.id, session: session.id))
        }
        if after != stored { queries.append(Self.updating(after)) }
        return (.granted(after, user), queries)
    }

    /// Ends a session whose row is locked, or is not there for anybody else.
    func end(_ session: StoredSession, at now: UnixTime) -> (told: [Revocation], queries: [Query]) {
        let revocation = Revocation.session(session.id, user: session.userID, until: limits.revocationEnd(at: now))
        return ([revocation], [Query(SQL.delete, [.id(session.id)])] + Self.storing(revocation))
    }

    static func locking(session id: Identifier) -> Query { Query(SQL.session, [.id(id)]) }

    static func updating(_ session: StoredSession) -> Query {
        Query(
            SQL.update,
            [
                .id(session.id), .integer(session.userVersion), .time(session.lastUsedAt),
                .integer(Int64(session.counter)), .time(session.rotatedAt),
            ])
    }
}
