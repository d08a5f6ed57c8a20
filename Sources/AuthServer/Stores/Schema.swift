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
/// - `audit`: `EmbeddedLimits.auditEntries`; the oldest go first.
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
        """
    ]
}
