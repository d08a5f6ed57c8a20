package import Auth
import Foundation

extension EmbeddedStore: SessionStore {
    /// What `session(of:)` reads, in its order.
    private static let sessionColumns = """
        sessions.id, sessions.user_id, sessions.user_version, sessions.created_at, sessions.last_used_at,
        sessions.idle_expires_at, sessions.absolute_expires_at, sessions.counter, sessions.rotated_at,
        sessions.sealed_secret
        """
    private static let sessionColumnCount = 10

    package func open(
        _ session: StoredSession, maximumPerUser: Int, givingBack attempt: AttemptReservation?,
        usesOneTimePassword: Bool, from origin: RequestOrigin
    ) async throws(StoreError) -> SessionOpening {
        let limits = limits
        return try await perform { transaction in
            let user = try Self.user(session.userID, transaction)
            guard let user, user.isEnabled, user.version == session.userVersion else { return .userChanged }
            let revocations = try Self.makeRoom(for: session, maximumPerUser, limits, transaction)
            try transaction.run(
                """
                INSERT INTO sessions (id, user_id, user_version, created_at, last_used_at, idle_expires_at,
                absolute_expires_at, counter, rotated_at, sealed_secret) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                session.id.blob, session.userID.blob, session.userVersion, session.createdAt.milliseconds,
                session.lastUsedAt.milliseconds, session.idleExpiresAt.milliseconds,
                session.absoluteExpiresAt.milliseconds, Int64(session.counter), session.rotatedAt?.milliseconds,
                Data(session.sealedSecret))
            if let attempt { try Self.giveBackAll(with: attempt, transaction) }
            return .opened(revocations: revocations)
        }
    }

    package func refresh(
        _ id: Identifier, at now: UnixTime, from origin: RequestOrigin,
        decide: @escaping @Sendable (StoredSession) -> RefreshDecision
    ) async throws(StoreError) -> RefreshResult {
        let limits = limits
        return try await perform { transaction in
            let row = try transaction.row(
                """
                SELECT \(Self.sessionColumns), \(Self.userColumns)
                FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id = ?
                """, id.blob)
            guard let row else { return .refused(revocations: []) }
            let user = try Self.user(of: row, first: Self.sessionColumnCount)
            guard user.isEnabled else { return .refused(revocations: []) }
            var session = try Self.session(of: row)
            let before = session
            switch decide(session) {
            case .undecidable:
                return .undecidable
            case .endAsReused:
                try transaction.audit(.refreshTokenReused, user: user.id, session: id, at: now, limits)
                return .refused(revocations: try Self.end(id, at: now, limits, transaction))
            case .endAsExpired:
                return .refused(revocations: try Self.end(id, at: now, limits, transaction))
            case .repeatCurrent:
                break
            case .rotate(let counter):
                session.counter = counter
                session.rotatedAt = now
                session.lastUsedAt = now
            case .adopt(let counter):
                try transaction.audit(.refreshTokenAdopted, user: user.id, session: id, at: now, limits)
                session.counter = counter
                session.rotatedAt = now
                session.lastUsedAt = now
            }
            session.userVersion = user.version
            if session != before { try Self.update(session, transaction) }
            return .granted(session, user)
        }
    }

    package func end(
        _ id: Identifier, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> [Revocation] {
        let limits = limits
        return try await perform { transaction in
            let ended = try Self.end(id, at: now, limits, transaction)
            return ended.isEmpty ? try Self.revocations(ofSession: id, at: now, transaction) : ended
        }
    }

    package func endAll(
        of user: Identifier, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> [Revocation] {
        let limits = limits
        return try await perform { try Self.endAll(of: user, at: now, limits, $0) }
    }

    package func sessions(of user: Identifier) async throws(StoreError) -> [StoredSession] {
        try await perform { transaction in
            try transaction.rows("SELECT \(Self.sessionColumns) FROM sessions WHERE user_id = ? ORDER BY id", user.blob)
                .map { try Self.session(of: $0) }
        }
    }

    /// Raises the user's version and ends its sessions. One revocation by version stands for all of them.
    static func endAll(
        of user: Identifier, at now: UnixTime, _ limits: EmbeddedLimits, _ transaction: Transaction
    ) throws -> [Revocation] {
        let until = now.adding(milliseconds: limits.revocationMilliseconds)
        guard let revocation = try raiseVersion(of: user, until: until, transaction) else { return [] }
        try transaction.run("DELETE FROM sessions WHERE user_id = ?", user.blob)
        return [revocation]
    }

    private static func end(
        _ id: Identifier, at now: UnixTime, _ limits: EmbeddedLimits, _ transaction: Transaction
    ) throws -> [Revocation] {
        let row = try transaction.row("DELETE FROM sessions WHERE id = ? RETURNING user_id", id.blob)
        guard let row else { return [] }
        let until = now.adding(milliseconds: limits.revocationMilliseconds)
        let revocation = Revocation.session(id, user: try row.identifier(0), until: until)
        try store(revocation, transaction)
        return [revocation]
    }

    /// Ends the sessions idle longest until there is room for one more.
    private static func makeRoom(
        for session: StoredSession, _ maximum: Int, _ limits: EmbeddedLimits, _ transaction: Transaction
    ) throws -> [Revocation] {
        let excess = try transaction.rows(
            "SELECT id FROM sessions WHERE user_id = ? ORDER BY last_used_at DESC, id DESC LIMIT -1 OFFSET ?",
            session.userID.blob, max(0, maximum - 1))
        var revocations: [Revocation] = []
        for row in excess {
            let id = try row.identifier(0)
            try transaction.audit(
                .sessionLimitReached, user: session.userID, session: id, at: session.createdAt, limits)
            revocations += try end(id, at: session.createdAt, limits, transaction)
        }
        return revocations
    }

    private static func update(_ session: StoredSession, _ transaction: Transaction) throws {
        try transaction.run(
            "UPDATE sessions SET user_version = ?, last_used_at = ?, counter = ?, rotated_at = ? WHERE id = ?",
            session.userVersion, session.lastUsedAt.milliseconds, Int64(session.counter),
            session.rotatedAt?.milliseconds, session.id.blob)
    }

    private static func session(of row: StoredRow) throws(StoreError) -> StoredSession {
        guard let counter = UInt32(exactly: try row.integer(7)) else {
            throw .damaged("a session's counter is not one")
        }
        return StoredSession(
            id: try row.identifier(0), userID: try row.identifier(1), userVersion: try row.integer(2),
            createdAt: try row.time(3), lastUsedAt: try row.time(4), idleExpiresAt: try row.time(5),
            absoluteExpiresAt: try row.time(6), counter: counter, rotatedAt: try row.optionalTime(8),
            sealedSecret: try row.blob(9))
    }
}
