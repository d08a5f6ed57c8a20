package import Auth
import Foundation

extension EmbeddedStore: UserAdministration {
    package func users(
        _ filter: UserFilter, after: Identifier?, limit: Int, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<Page<User, Identifier>> {
        try await administer("users", at: now, as: authority, from: origin) { transaction, _ in
            let limit = max(1, min(limit, transaction.limits.page))
            let name = filter.username?.text
            let rows = try transaction.rows(
                """
                SELECT \(Self.userColumns) FROM users WHERE id > ? \(name == nil ? "AND ? IS NULL" : "AND username = ?")
                ORDER BY id LIMIT ?
                """, after?.blob ?? Data(), name, limit + 1)
            let users = try rows.prefix(limit).map { try Self.user(of: $0) }
            return .done(Page(items: users, next: rows.count > limit ? users.last?.id : nil))
        }
    }

    package func user(
        _ id: Identifier, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<User> {
        try await administer("user", on: id, at: now, as: authority, from: origin) { transaction, _ in
            try Self.user(id, transaction).map { .done($0) } ?? .notFound
        }
    }

    package func create(
        _ user: NewUser, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<User> {
        try await administer("user.create", at: user.createdAt, as: authority, from: origin) { transaction, cause in
            guard try Self.insert(user, .userCreated, cause, transaction) else { return .conflict(.usernameTaken) }
            guard let made = try Self.user(user.id, transaction) else {
                throw StoreError.damaged("an account was not taken")
            }
            return .done(made)
        }
    }

    package func update(
        _ id: Identifier, _ change: UserChange, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<ChangedUser> {
        try await administer("user.update", on: id, at: now, as: authority, from: origin) { transaction, cause in
            guard let before = try Self.user(id, transaction) else { return .notFound }
            var after = before
            // Their order says nothing.
            if let roles = change.roles, Set(roles.map(\.name)) != Set(before.roles.map(\.name)) { after.roles = roles }
            after.isEnabled = change.isEnabled ?? before.isEnabled
            guard after != before else {
                let told = try Self.revocations(ofUser: id, at: now, transaction)
                return .done(ChangedUser(user: before, revocations: told))
            }
            if !Self.isAdministrator(after), try Self.isLastAdministrator(before, transaction) {
                return try Self.refuseLast(before, cause, transaction)
            }
            let revocations = try Self.carryOut(before, after, cause, transaction)
            guard let stored = try Self.user(id, transaction) else { return .notFound }
            return .done(ChangedUser(user: stored, revocations: revocations))
        }
    }

    private static func refuseLast<Value: Sendable>(
        _ user: User, _ cause: Cause, _ transaction: Transaction
    ) throws -> AdminResult<Value> {
        try transaction.audit(.administrationRefused, cause, user: user.id, detail: "last administrator")
        return .conflict(.lastAdministrator)
    }

    private static func carryOut(
        _ before: User, _ after: User, _ cause: Cause, _ transaction: Transaction
    ) throws -> [Revocation] {
        let roles = StoredRoles.text(after.roles)
        try transaction.run(
            "UPDATE users SET roles = ?, is_enabled = ? WHERE id = ?", roles, after.isEnabled, after.id.blob)
        if after.roles != before.roles {
            try transaction.audit(.userRolesChanged, cause, user: after.id, detail: roles)
        }
        if after.isEnabled != before.isEnabled {
            try transaction.audit(after.isEnabled ? .userEnabled : .userDisabled, cause, user: after.id)
        }
        if before.isEnabled, !after.isEnabled {
            return try endAll(of: after.id, at: cause.at, transaction).map { [$0.revocation] } ?? []
        }
        guard after.roles != before.roles else { return [] }
        return try raiseVersion(of: after.id, at: cause.at, transaction).map { [$0] } ?? []
    }

    package func delete(
        _ id: Identifier, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<[Revocation]> {
        try await administer("user.delete", on: id, at: now, as: authority, from: origin) { transaction, cause in
            guard let user = try Self.user(id, transaction) else { return .notFound }
            if try Self.isLastAdministrator(user, transaction) {
                return try Self.refuseLast(user, cause, transaction)
            }
            guard let (revocation, _) = try Self.endAll(of: id, at: now, transaction) else { return .notFound }
            try transaction.run("DELETE FROM users WHERE id = ?", id.blob)
            // Without the name nobody could tell later whose account it was.
            try transaction.audit(.userDeleted, cause, user: id, detail: user.username.text)
            return .done([revocation])
        }
    }

    package func resetPassword(
        of id: Identifier, to password: StoredPassword, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<[Revocation]> {
        try await administer("password.reset", on: id, at: now, as: authority, from: origin) { transaction, cause in
            guard let (revocation, _) = try Self.endAll(of: id, at: now, transaction) else { return .notFound }
            try Self.setPassword(of: id, to: password, transaction)
            try transaction.audit(
                .passwordReset, cause, user: id, detail: password.oneTime == nil ? nil : "one-time")
            return .done([revocation])
        }
    }

    package func unlock(
        _ id: Identifier, nameKey: [UInt8], at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<User> {
        try await administer("user.unlock", on: id, at: now, as: authority, from: origin) { transaction, cause in
            guard let user = try Self.user(id, transaction) else { return .notFound }
            try transaction.run("DELETE FROM attempts WHERE name_key = ?", Data(nameKey))
            let count = transaction.changes
            try Self.uncount(count, transaction)
            try transaction.audit(.userUnlocked, cause, user: id, detail: "\(count)")
            return .done(user)
        }
    }

    package func attempts(
        of id: Identifier, nameKey: [UInt8], since start: UnixTime, at now: UnixTime, as authority: Authority,
        from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<Int> {
        try await administer("user.attempts", on: id, at: now, as: authority, from: origin) { transaction, _ in
            guard try Self.user(id, transaction) != nil else { return .notFound }
            let row = try transaction.row(
                "SELECT count(*) FROM attempts WHERE name_key = ? AND device_key IS NULL AND at > ?", Data(nameKey),
                start.milliseconds)
            return .done(try row.map { Int(clamping: try $0.integer(0)) } ?? 0)
        }
    }

    package func sessions(
        of user: Identifier, at now: UnixTime, as authority: Authority, from origin: RequestOrigin
    ) async throws(StoreError) -> AdminResult<[StoredSession]> {
        try await administer("user.sessions", on: user, at: now, as: authority, from: origin) { transaction, _ in
            guard try Self.user(user, transaction) != nil else { return .notFound }
            return .done(try Self.sessions(of: user, transaction))
        }
    }
}
