package import Auth
import Postgres

extension PostgresStore: UserAdministration {
    private enum SQL {
        static let page = Statement(
            "users_page", "SELECT \(userColumns) FROM users AS u WHERE u.id > $1 ORDER BY u.id LIMIT $2",
            isReadOnly: true)
        static let named = Statement(
            "users_named", "SELECT \(userColumns) FROM users AS u WHERE u.id > $1 AND u.username = $2",
            isReadOnly: true)
        static let locked = Statement(
            "user_for_update", "SELECT \(userColumns) FROM users AS u WHERE u.id = $1 FOR NO KEY UPDATE")
        static let isLast = Statement(
            "is_last_administrator",
            "SELECT NOT EXISTS (SELECT 1 FROM users WHERE \(PostgresSchema.isAdministrator) AND id <> $1)")
        static let change = Statement("user_change", "UPDATE users SET roles = $2, is_enabled = $3 WHERE id = $1")
        static let raise = Statement("raise_version_1", "SELECT raise_version_1($1, $2)")
        static let end = Statement("end_user_1", "SELECT * FROM end_user_1($1, $2)")
        static let delete = Statement("user_delete", "DELETE FROM users WHERE id = $1")
        static let setPassword = Statement(
            "user_set_password",
            "UPDATE users SET password_hash = $2, one_time_expires_at = $3, one_time_is_used = $4 WHERE id = $1")
        static let unlock = Statement("attempts_forget", "DELETE FROM attempts WHERE name_key = $1")
        static let attempts = Statement(
            "attempts_count",
            "SELECT count(*) FROM attempts WHERE name_key = $1 AND device_key IS NULL AND at > $2", isReadOnly: true)
    }

    package func users(
        _ filter: UserFilter, after: Identifier?, limit: Int, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<Page<User, Identifier>> {
        let limit = max(1, min(limit, limits.page))
        return try await administer("users", .reading, at: now, as: authority, from: origin) {
            transaction, _ throws(PostgresError) in
            // No account has the identifier zero.
            let first = Value.id(after ?? Identifier(high: 0, low: 0))
            let answer: QueryResult
            if let name = filter.username {
                answer = try await transaction.run(SQL.named, [first, .text(name.text)])
            } else {
                answer = try await transaction.run(SQL.page, [first, .integer(Int64(limit + 1))])
            }
            let users = try answer.map { row throws(PostgresError) in try row.user() }
            let page = Array(users.prefix(limit))
            return .done(Page(items: page, next: users.count > limit ? page.last?.id : nil))
        }
    }

    package func user(
        _ id: Identifier, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<User> {
        try await administer("user", .reading, on: id, at: now, as: authority, from: origin) {
            transaction, _ throws(PostgresError) in
            guard let user = try await Self.user(id, transaction) else { return .notFound }
            return .done(user)
        }
    }

    package func create(
        _ user: NewUser, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<User> {
        try await administer("user.create", .changing, at: user.createdAt, as: authority, from: origin) {
            transaction, cause throws(PostgresError) in
            guard try await self.insert(user, .userCreated, cause, transaction) else {
                return .conflict(.usernameTaken)
            }
            guard let made = try await Self.user(user.id, transaction) else {
                throw .damaged("an account was not taken")
            }
            return .done(made)
        }
    }

    package func update(
        _ id: Identifier, _ change: UserChange, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<ChangedUser> {
        try await administer("user.update", .changing, on: id, at: now, as: authority, from: origin) {
            transaction, cause throws(PostgresError) in
            guard let before = try await transaction.run(SQL.locked, [.id(id)]).rows.first?.user() else {
                return .notFound
            }
            var after = before
            // Their order says nothing.
            if let roles = change.roles, Set(roles.map(\.name)) != Set(before.roles.map(\.name)) { after.roles = roles }
            after.isEnabled = change.isEnabled ?? before.isEnabled
            guard after != before else {
                let inForce = try await transaction.batch([Self.inForce(.user, id, at: now)])
                let told = try inForce.first?.map { row throws(PostgresError) in try row.revocation() } ?? []
                return .done(ChangedUser(user: before, revocations: told))
            }
            if !Self.isAdministrator(after), try await Self.isLast(before, transaction) {
                return try await Self.refuseLast(before, cause, transaction)
            }
            return .done(try await self.carryOut(before, after, cause, transaction))
        }
    }

    /// Whether nobody but `user` is an enabled administrator. Under the lock of administration.
    private static func isLast(
        _ user: User, _ transaction: PostgresTransaction
    ) async throws(PostgresError) -> Bool {
        guard isAdministrator(user) else { return false }
        return try await transaction.run(SQL.isLast, [.id(user.id)]).first().bool(0)
    }

    private func carryOut(
        _ before: User, _ after: User, _ cause: Cause, _ transaction: PostgresTransaction
    ) async throws(PostgresError) -> ChangedUser {
        let roles = StoredRoles.text(after.roles)
        var after = after
        var queries = [Query(SQL.change, [.id(after.id), .text(roles), .bool(after.isEnabled)])]
        if after.roles != before.roles {
            queries.append(Self.auditing(.userRolesChanged, cause, user: after.id, detail: roles))
        }
        if after.isEnabled != before.isEnabled {
            queries.append(Self.auditing(after.isEnabled ? .userEnabled : .userDisabled, cause, user: after.id))
        }
        let isDisabled = before.isEnabled && !after.isEnabled
        let isRaised = isDisabled || after.roles != before.roles
        let until = limits.revocationEnd(at: cause.at)
        if isRaised { queries.append(Query(isDisabled ? SQL.end : SQL.raise, [.id(after.id), .time(until)])) }
        let answers = try await transaction.batch(queries)
        guard isRaised else { return ChangedUser(user: after, revocations: []) }
        guard let raised = answers.last else { throw .damaged("an answer is missing") }
        after.version = try raised.first().integer(0)
        return ChangedUser(
            user: after, revocations: [.user(after.id, minimumVersion: after.version, until: until)])
    }

    package func delete(
        _ id: Identifier, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<[Revocation]> {
        let until = limits.revocationEnd(at: now)
        return try await administer("user.delete", .changing, on: id, at: now, as: authority, from: origin) {
            transaction, cause throws(PostgresError) in
            guard let user = try await transaction.run(SQL.locked, [.id(id)]).rows.first?.user() else {
                return .notFound
            }
            if try await Self.isLast(user, transaction) {
                return try await Self.refuseLast(user, cause, transaction)
            }
            let answers = try await transaction.batch([
                Query(SQL.end, [.id(id), .time(until)]), Query(SQL.delete, [.id(id)]),
                // Without the name nobody could tell later whose account it was.
                Self.auditing(.userDeleted, cause, user: id, detail: user.username.text),
            ])
            guard let ended = answers.first else { throw .damaged("an answer is missing") }
            return .done([.user(id, minimumVersion: try ended.first().integer(0), until: until)])
        }
    }

    package func resetPassword(
        of id: Identifier, to password: StoredPassword, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<[Revocation]> {
        let until = limits.revocationEnd(at: now)
        return try await administer("password.reset", .changing, on: id, at: now, as: authority, from: origin) {
            transaction, cause throws(PostgresError) in
            guard let ended = try await transaction.run(SQL.end, [.id(id), .time(until)]).rows.first else {
                return .notFound
            }
            _ = try await transaction.batch([
                Self.settingPassword(of: id, to: password),
                Self.auditing(.passwordReset, cause, user: id, detail: password.oneTime == nil ? nil : "one-time"),
            ])
            return .done([.user(id, minimumVersion: try ended.integer(0), until: until)])
        }
    }

    package func unlock(
        _ id: Identifier, nameKey: [UInt8], at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<User> {
        try await administer("user.unlock", .changing, on: id, at: now, as: authority, from: origin) {
            transaction, cause throws(PostgresError) in
            guard let user = try await transaction.run(SQL.locked, [.id(id)]).rows.first?.user() else {
                return .notFound
            }
            let count = try await transaction.run(SQL.unlock, [.bytes(nameKey)]).affected
            _ = try await transaction.batch([Self.auditing(.userUnlocked, cause, user: id, detail: "\(count)")])
            return .done(user)
        }
    }

    package func attempts(
        of id: Identifier, nameKey: [UInt8], since start: UnixTime, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<Int> {
        try await administer("user.attempts", .reading, on: id, at: now, as: authority, from: origin) {
            transaction, _ throws(PostgresError) in
            guard try await Self.user(id, transaction) != nil else { return .notFound }
            let answer = try await transaction.run(SQL.attempts, [.bytes(nameKey), .time(start)])
            return .done(Int(clamping: try answer.first().integer(0)))
        }
    }

    package func sessions(
        of user: Identifier, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<[StoredSession]> {
        try await administer("user.sessions", .reading, on: user, at: now, as: authority, from: origin) {
            transaction, _ throws(PostgresError) in
            guard try await Self.user(user, transaction) != nil else { return .notFound }
            let answers = try await transaction.batch([Self.sessionsQuery(of: user)])
            return .done(try answers.first?.map { row throws(PostgresError) in try row.session() } ?? [])
        }
    }

    static func settingPassword(of user: Identifier, to password: StoredPassword) -> Query {
        Query(
            SQL.setPassword,
            [
                .id(user), .text(password.hash), .time(password.oneTime?.expiresAt),
                .bool(password.oneTime?.isUsed ?? false),
            ])
    }
}
