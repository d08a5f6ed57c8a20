package import Auth
import Postgres

extension PostgresStore: SessionStore {
    private enum SQL {
        static let open = Statement(
            "open_1",
            """
            SELECT * FROM open_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
            """)
        static let end = Statement("end_1", "SELECT * FROM end_1($1, $2, $3, $4, $5)")
        static let endAll = Statement("end_all_1", "SELECT * FROM end_all_1($1, $2, $3, $4, $5, $6)")
        static let ofUser = Statement(
            "sessions_of_user",
            """
            SELECT \(sessionColumns) FROM sessions AS s WHERE s.user_id = $1 AND is_live_1(s.created_at, s.generation)
            ORDER BY s.id
            """, isReadOnly: true)
    }

    package func open(
        _ session: StoredSession, maximumPerUser: Int, givingBack attempt: AttemptReservation?,
        usesOneTimePassword: Bool, generation: Int64, from origin: RequestOrigin
    ) async throws(StoreError) -> SessionOpening {
        let until = limits.revocationEnd(at: session.createdAt)
        let answer = try await run(
            SQL.open, .id(session.id), .id(session.userID), .integer(session.userVersion), .time(session.createdAt),
            .time(session.lastUsedAt), .time(session.idleExpiresAt), .time(session.absoluteExpiresAt),
            .integer(Int64(session.counter)), .time(session.rotatedAt), .bytes(session.sealedSecret),
            .integer(Int64(maximumPerUser)), attempt.map { .integer($0.id) } ?? .null, .bool(usesOneTimePassword),
            .integer(generation), .time(until), .text(origin.address?.description), .text(origin.requestID))
        return try read { () throws(PostgresError) in
            switch try answer.first().integer(0) {
            case 0:
                let ended = try answer.map { row throws(PostgresError) in try row.optionalIdentifier(1) }
                return .opened(
                    revocations: ended.compactMap { $0.map { .session($0, user: session.userID, until: until) } })
            case 1: return .userChanged
            case 2: return .passwordUsed
            default: throw .damaged("open_1 answered nothing known")
            }
        }
    }

    package func end(
        _ id: Identifier, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> [Revocation] {
        let answer = try await run(
            SQL.end, .id(id), .time(now), .time(limits.revocationEnd(at: now)), .text(origin.address?.description),
            .text(origin.requestID))
        return try revocations(of: answer)
    }

    package func endAll(
        of user: Identifier, version: Int64, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> [Revocation] {
        let answer = try await run(
            SQL.endAll, .id(user), .integer(version), .time(now), .time(limits.revocationEnd(at: now)),
            .text(origin.address?.description), .text(origin.requestID))
        return try revocations(of: answer)
    }

    package func sessions(of user: Identifier) async throws(StoreError) -> [StoredSession] {
        let answer = try await run(SQL.ofUser, .id(user))
        return try read { () throws(PostgresError) in try answer.map { row throws(PostgresError) in try row.session() }
        }
    }

    static func sessionsQuery(of user: Identifier) -> Query { Query(SQL.ofUser, [.id(user)]) }

    func revocations(of answer: QueryResult) throws(StoreError) -> [Revocation] {
        try read { () throws(PostgresError) in try answer.map { row throws(PostgresError) in try row.revocation() } }
    }
}
