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
        usesOneTimePassword: Bool, generation: Int64, from origin: RequestOrigin
    ) async throws(StoreError) -> SessionOpening {
        try await perform { transaction in
            let user = try Self.user(session.userID, transaction)
            guard let user, user.isEnabled, user.version == session.userVersion else { return .userChanged }
            guard try Self.generation(transaction) == generation else { return .userChanged }
            if usesOneTimePassword, try !Self.useOneTimePassword(of: user.id, at: session.createdAt, transaction) {
                return .passwordUsed
            }
            let cause = Cause(actor: .user(user.id), origin: origin, at: session.createdAt)
            let revocations = try Self.makeRoom(for: session, maximumPerUser, cause, transaction)
            try Self.insert(session, transaction)
            if let attempt { try Self.giveBackAll(with: attempt, transaction) }
            try transaction.audit(.loginSucceeded, cause, user: user.id, session: session.id)
            return .opened(revocations: revocations)
        }
    }

    package func refresh(
        _ id: Identifier, at now: UnixTime, from origin: RequestOrigin, expecting expectation: RefreshExpectation?,
        decide: @escaping @Sendable (StoredSession) -> RefreshDecision
    ) async throws(StoreError) -> RefreshResult {
        try await perform { transaction in
            let row = try transaction.row(
                """
                SELECT \(Self.sessionColumns), users.one_time_expires_at IS NOT NULL, \(Self.userColumns)
                FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id = ?
                """, id.blob)
            guard let row else { return .refused(revocations: []) }
            let mustChangePassword = try row.bool(Self.sessionColumnCount)
            let user = try Self.user(of: row, first: Self.sessionColumnCount + 1)
            guard user.isEnabled, !mustChangePassword else { return .refused(revocations: []) }
            var session = try Self.session(of: row)
            let before = session
            switch decide(session) {
            case .undecidable:
                return .undecidable
            case .endAsReused:
                // Who presents a token that is stale need not be whose session it is.
                let cause = Cause(actor: .anonymous, origin: origin, at: now)
                try transaction.audit(.refreshTokenReused, cause, user: user.id, session: id)
                return .refused(revocations: try Self.end(session, at: now, transaction))
            case .endAsExpired:
                return .refused(revocations: try Self.end(session, at: now, transaction))
            case .repeatCurrent:
                break
            case .rotate(let counter):
                session.counter = counter
                session.rotatedAt = now
                session.lastUsedAt = now
            case .adopt(let counter):
                let cause = Cause(actor: .user(user.id), origin: origin, at: now)
                try transaction.audit(.refreshTokenAdopted, cause, user: user.id, session: id)
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
        try await perform { transaction in
            guard let session = try Self.session(id, transaction) else {
                return try Self.revocations(ofSession: id, at: now, transaction)
            }
            let cause = Cause(actor: .user(session.userID), origin: origin, at: now)
            try transaction.audit(.sessionEnded, cause, user: session.userID, session: id)
            return try Self.end(session, at: now, transaction)
        }
    }

    package func endAll(
        of user: Identifier, version: Int64, at now: UnixTime, from origin: RequestOrigin
    ) async throws(StoreError) -> [Revocation] {
        try await perform { transaction in
            if try Self.isOver(user, beyond: version, transaction) {
                return try Self.revocations(ofUser: user, at: now, transaction)
            }
            guard let (revocation, _) = try Self.endAll(of: user, at: now, transaction) else { return [] }
            let cause = Cause(actor: .user(user), origin: origin, at: now)
            try transaction.audit(.userSessionsEnded, cause, user: user)
            return [revocation]
        }
    }

    package func sessions(of user: Identifier) async throws(StoreError) -> [StoredSession] {
        try await perform { try Self.sessions(of: user, $0) }
    }

    static func sessions(of user: Identifier, _ transaction: Transaction) throws -> [StoredSession] {
        try transaction.rows("SELECT \(sessionColumns) FROM sessions WHERE user_id = ? ORDER BY id", user.blob)
            .map { try session(of: $0) }
    }

    static func session(_ id: Identifier, _ transaction: Transaction) throws -> StoredSession? {
        try transaction.row("SELECT \(sessionColumns) FROM sessions WHERE id = ?", id.blob).map { try session(of: $0) }
    }

    /// Whether what was asked for under `version` is done: somebody raised it and ended every session.
    private static func isOver(
        _ user: Identifier, beyond version: Int64, _ transaction: Transaction
    ) throws -> Bool {
        let row = try transaction.row(
            "SELECT 1 FROM users WHERE id = ? AND version > ? AND NOT EXISTS (SELECT 1 FROM sessions WHERE user_id = users.id)",
            user.blob, version)
        return row != nil
    }

    /// Raises the user's version and ends its sessions. One revocation by version stands for all of them. Nil for a user
    /// who is gone.
    static func endAll(
        of user: Identifier, at now: UnixTime, _ transaction: Transaction
    ) throws -> (revocation: Revocation, sessionsEnded: Int)? {
        guard let revocation = try raiseVersion(of: user, at: now, transaction) else { return nil }
        try transaction.run("DELETE FROM sessions WHERE user_id = ?", user.blob)
        return (revocation, transaction.changes)
    }

    static func end(_ session: StoredSession, at now: UnixTime, _ transaction: Transaction) throws -> [Revocation] {
        try transaction.run("DELETE FROM sessions WHERE id = ?", session.id.blob)
        let revocation = Revocation.session(
            session.id, user: session.userID, until: transaction.revocationEnd(at: now))
        try store(revocation, transaction)
        return [revocation]
    }

    /// Ends the sessions idle longest until there is room for one more.
    private static func makeRoom(
        for new: StoredSession, _ maximum: Int, _ cause: Cause, _ transaction: Transaction
    ) throws -> [Revocation] {
        let excess = try transaction.rows(
            """
            SELECT \(sessionColumns) FROM sessions WHERE user_id = ?
            ORDER BY last_used_at DESC, id DESC LIMIT -1 OFFSET ?
            """, new.userID.blob, max(0, maximum - 1))
        var revocations: [Revocation] = []
        for row in excess {
            let session = try session(of: row)
            try transaction.audit(.sessionLimitReached, cause, user: session.userID, session: session.id)
            revocations += try end(session, at: cause.at, transaction)
        }
        return revocations
    }

    private static func insert(_ session: StoredSession, _ transaction: Transaction) throws {
        try transaction.run(
            """
            INSERT INTO sessions (id, user_id, user_version, created_at, last_used_at, idle_expires_at,
            absolute_expires_at, counter, rotated_at, sealed_secret) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            session.id.blob, session.userID.blob, session.userVersion, session.createdAt.milliseconds,
            session.lastUsedAt.milliseconds, session.idleExpiresAt.milliseconds,
            session.absoluteExpiresAt.milliseconds, Int64(session.counter), session.rotatedAt?.milliseconds,
            Data(session.sealedSecret))
    }

    static func update(_ session: StoredSession, _ transaction: Transaction) throws {
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
