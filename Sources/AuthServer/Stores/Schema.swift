/// The tables of the embedded store. A database's version is its `user_version`; entry n of `migrations` leads from
/// version n to n + 1, and none of them is ever changed once released. Times are milliseconds since 1970; names and
/// addresses stand in `attempts` as keyed HMACs only.
///
/// What bounds each table:
/// - `users`: `EmbeddedLimits.users`. An account is never dropped; past the limit none is made.
/// - `sessions`: the maximum per user that `open` is given, times the users; expired ones are pruned.
/// - `keys`: `EmbeddedLimits.keys`; the rings hold a handful.
/// - `revocations`: one per session, token or user, until `until`; sessions end no faster than logins are hashed.
/// - `attempts`: `EmbeddedLimits.attempts`; past it logins are answered "unavailable", for forgetting an attempt would
///   grant a guess too many. Each row is a hash that was computed, and is pruned when its window is over.
/// - `audit`: `EmbeddedLimits.auditEntries(_:)` of each kind, apart from the others; the oldest of each go first.
/// - `meta`: one row.
enum Schema {
    /// "PCLS": marks the file as ours (SQLite's `application_id`).
    static let applicationID: Int32 = 0x50_43_4C_53

    static var version: Int { migrations.count }

    static let migrations: [String] = [
        """
        CREATE TABLE meta (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            users_ever_made INTEGER NOT NULL DEFAULT 0,
            generation INTEGER NOT NULL DEFAULT 0,
            reservations INTEGER NOT NULL DEFAULT 0,
            attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0)
        ) STRICT;
        INSERT INTO meta (id) VALUES (1);

        CREATE TABLE users (
            id BLOB PRIMARY KEY CHECK (length(id) = 16),
            username TEXT NOT NULL UNIQUE,
            password_hash TEXT NOT NULL,
            roles TEXT NOT NULL,
            is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),
            version INTEGER NOT NULL CHECK (version >= 1),
            created_at INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE sessions (
            id BLOB PRIMARY KEY CHECK (length(id) = 16),
            user_id BLOB NOT NULL REFERENCES users (id),
            user_version INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            last_used_at INTEGER NOT NULL,
            idle_expires_at INTEGER NOT NULL,
            absolute_expires_at INTEGER NOT NULL,
            counter INTEGER NOT NULL CHECK (counter BETWEEN 0 AND 4294967295),
            rotated_at INTEGER,
            sealed_secret BLOB NOT NULL
        ) STRICT;
        CREATE INDEX sessions_of_user ON sessions (user_id, last_used_at);
        CREATE INDEX sessions_by_end ON sessions (min(idle_expires_at, absolute_expires_at));

        CREATE TABLE keys (
            purpose TEXT NOT NULL,
            id TEXT NOT NULL,
            algorithm TEXT NOT NULL,
            state TEXT NOT NULL,
            sealed BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            changed_at INTEGER NOT NULL,
            PRIMARY KEY (purpose, id)
        ) STRICT;

        CREATE TABLE revocations (
            kind INTEGER NOT NULL CHECK (kind IN (1, 2, 3)),
            id BLOB NOT NULL CHECK (length(id) = 16),
            user_id BLOB NOT NULL CHECK (length(user_id) = 16),
            minimum_version INTEGER NOT NULL DEFAULT 0,
            until INTEGER NOT NULL,
            PRIMARY KEY (kind, id)
        ) STRICT;
        CREATE INDEX revocations_of_user ON revocations (user_id);
        CREATE INDEX revocations_by_end ON revocations (until);

        CREATE TABLE attempts (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name_key BLOB NOT NULL,
            device_key BLOB,
            address_key BLOB NOT NULL,
            at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX attempts_of_name ON attempts (name_key, device_key, at);
        CREATE INDEX attempts_by_time ON attempts (at);

        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            event TEXT NOT NULL,
            user_id BLOB,
            session_id BLOB
        ) STRICT;
        """,
        administration,
    ]
}

extension Schema {
    /// Whether a row of `users` is an enabled administrator, as the index on them has it.
    static let isAdministrator = "is_enabled = 1 AND instr(',' || roles || ',', ',admin,') > 0"

    /// One-time passwords, an audit that tells who and from where, and revocations of what is nobody's known.
    ///
    /// `audit.number` counts each kind (`AuditEvent.Kind`) apart, so that what is past a kind's limit is found without counting.
    /// `actor`: 0 nobody known, 1 the user `actor_id`, 2 the machine's owner, 3 the server.
    private static let administration = """
        ALTER TABLE users ADD COLUMN one_time_expires_at INTEGER;
        ALTER TABLE users ADD COLUMN one_time_is_used INTEGER NOT NULL DEFAULT 0 CHECK (one_time_is_used IN (0, 1));
        CREATE INDEX users_administering ON users (id) WHERE \(isAdministrator);

        ALTER TABLE revocations RENAME TO revocations_1;
        DROP INDEX revocations_of_user;
        DROP INDEX revocations_by_end;
        CREATE TABLE revocations (
            kind INTEGER NOT NULL CHECK (kind IN (1, 2, 3)),
            id BLOB NOT NULL CHECK (length(id) = 16),
            user_id BLOB CHECK (length(user_id) = 16),
            minimum_version INTEGER NOT NULL DEFAULT 0,
            until INTEGER NOT NULL,
            PRIMARY KEY (kind, id),
            CHECK (kind <> 3 OR user_id IS NOT NULL)
        ) STRICT;
        INSERT INTO revocations SELECT kind, id, user_id, minimum_version, until FROM revocations_1;
        DROP TABLE revocations_1;
        CREATE INDEX revocations_of_user ON revocations (user_id);
        CREATE INDEX revocations_by_end ON revocations (until);

        ALTER TABLE audit RENAME TO audit_1;
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at INTEGER NOT NULL,
            event TEXT NOT NULL,
            kind INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),
            number INTEGER NOT NULL,
            actor INTEGER NOT NULL CHECK (actor IN (0, 1, 2, 3)),
            actor_id BLOB CHECK (length(actor_id) = 16),
            address TEXT,
            request_id TEXT,
            user_id BLOB CHECK (length(user_id) = 16),
            session_id BLOB CHECK (length(session_id) = 16),
            detail TEXT,
            CHECK ((actor = 1) = (actor_id IS NOT NULL))
        ) STRICT;
        INSERT INTO audit (id, at, event, kind, number, actor, actor_id, user_id, session_id)
        SELECT id, at,
            CASE event
                WHEN 'refresh_token_reused' THEN 'refresh.reused'
                WHEN 'refresh_token_adopted' THEN 'refresh.adopted'
                WHEN 'session_limit_reached' THEN 'session.limit_reached'
                WHEN 'user_enabled' THEN 'user.enabled'
                WHEN 'user_disabled' THEN 'user.disabled'
                ELSE event
            END,
            0, id, iif(event IN ('refresh_token_adopted', 'session_limit_reached'), 1, 0),
            iif(event IN ('refresh_token_adopted', 'session_limit_reached'), user_id, NULL), user_id, session_id
        FROM audit_1 ORDER BY id;
        DROP TABLE audit_1;
        CREATE UNIQUE INDEX audit_by_kind ON audit (kind, number);
        CREATE INDEX audit_by_time ON audit (at);
        CREATE INDEX audit_of_event ON audit (event);
        CREATE INDEX audit_of_user ON audit (user_id) WHERE user_id IS NOT NULL;
        CREATE INDEX audit_of_actor ON audit (actor_id) WHERE actor_id IS NOT NULL;
        """
}
