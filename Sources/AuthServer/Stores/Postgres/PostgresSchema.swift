/// The tables in Postgres. Times are milliseconds since 1970, as the callers give them; names and addresses stand in
/// `attempts` as keyed HMACs only. What is done with the tables in one round trip is a function, whose name ends in a number:
/// a build that does it otherwise brings one with the next number beside it, so that both builds go on.
///
/// What bounds each table: `PostgresLimits` for `users`, `attempts`, `keys` and `audit`; `sessions` the maximum per user
/// that `open` is given; `revocations` one per session, token or user until `until`; `nodes` those of the last day;
/// `meta` is one row.
enum PostgresSchema {
    /// What leads from one version of the schema to the next. `expand` only adds: builds that know the version before go on
    /// with it. `contract` takes away what only they need, and is run by `portcullis migrate --contract` alone.
    struct Step: Sendable {
        let expand: String
        var contract: String?

        init(expand: String, contract: String? = nil) {
            self.expand = expand
            self.contract = contract
        }
    }

    /// Entry n leads from version n to n + 1; none is ever changed once released.
    static let steps: [Step] = [
        Step(
            expand: [
                tables, auditTable, feedTables, auditFunctions, revocationFunctions, loginFunctions, sessionFunctions,
                refreshFunction,
            ].joined(separator: "\n"))
    ]

    /// Whether a row of `users` is an enabled administrator, as the index on them has it.
    static let isAdministrator = "(is_enabled AND position(',admin,' IN ',' || roles || ',') > 0)"

    private static let tables = """
        CREATE TABLE meta (
            id bigint PRIMARY KEY CHECK (id = 1),
            -- Of the schema, and the lowest version of a build that still goes on with it.
            version bigint NOT NULL,
            min_compatible bigint NOT NULL,
            has_had_users boolean NOT NULL DEFAULT false,
            generation bigint NOT NULL DEFAULT 0,
            keys_version bigint NOT NULL DEFAULT 0
        );
        INSERT INTO meta (id, version, min_compatible) VALUES (1, 0, 1);

        CREATE TABLE users (
            id uuid PRIMARY KEY,
            username text COLLATE "C" NOT NULL UNIQUE,
            password_hash text NOT NULL,
            roles text NOT NULL,
            is_enabled boolean NOT NULL,
            version bigint NOT NULL CHECK (version >= 1),
            created_at bigint NOT NULL,
            one_time_expires_at bigint,
            one_time_is_used boolean NOT NULL DEFAULT false
        );
        CREATE INDEX users_administering ON users (id) WHERE \(isAdministrator);

        -- No index has a column that a refresh changes, and pages have room: refreshing writes into the page it read.
        CREATE TABLE sessions (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES users (id),
            user_version bigint NOT NULL,
            created_at bigint NOT NULL,
            last_used_at bigint NOT NULL,
            idle_expires_at bigint NOT NULL,
            absolute_expires_at bigint NOT NULL,
            counter bigint NOT NULL CHECK (counter BETWEEN 0 AND 4294967295),
            rotated_at bigint,
            sealed_secret bytea NOT NULL,
            -- The fleet's when it was opened.
            generation bigint NOT NULL
        ) WITH (fillfactor = 70);
        CREATE INDEX sessions_of_user ON sessions (user_id);
        CREATE INDEX sessions_by_end ON sessions (least(idle_expires_at, absolute_expires_at));
        CREATE INDEX sessions_by_start ON sessions (created_at);

        -- Each end of all sessions made before an instant: those of a generation before this one are over, whether their
        -- rows are still there or not.
        CREATE TABLE endings (generation bigint PRIMARY KEY, before bigint NOT NULL);

        CREATE TABLE keys (
            purpose text COLLATE "C" NOT NULL,
            id text COLLATE "C" NOT NULL,
            algorithm text NOT NULL,
            state text NOT NULL,
            sealed bytea NOT NULL,
            created_at bigint NOT NULL,
            changed_at bigint NOT NULL,
            PRIMARY KEY (purpose, id)
        );

        CREATE TABLE attempts (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name_key bytea NOT NULL,
            device_key bytea,
            address_key bytea NOT NULL,
            at bigint NOT NULL
        );
        CREATE INDEX attempts_of_name ON attempts (name_key, device_key, at);
        CREATE INDEX attempts_by_time ON attempts (at);
        """

    /// `audit.number` counts each kind (`AuditEvent.Kind`) apart, so that what is past a kind's limit is found without
    /// counting. `actor`: 0 nobody known, 1 the user `actor_id`, 2 the machine's owner, 3 the server.
    private static let auditTable = """
        CREATE TABLE audit (
            id bigint PRIMARY KEY,
            at bigint NOT NULL,
            event text COLLATE "C" NOT NULL,
            kind bigint NOT NULL CHECK (kind IN (0, 1, 2)),
            number bigint NOT NULL,
            actor bigint NOT NULL CHECK (actor IN (0, 1, 2, 3)),
            actor_id uuid,
            address text,
            request_id text,
            user_id uuid,
            session_id uuid,
            detail text,
            CHECK ((actor = 1) = (actor_id IS NOT NULL))
        );
        CREATE UNIQUE INDEX audit_by_kind ON audit (kind, number);
        CREATE INDEX audit_by_time ON audit (at);
        CREATE INDEX audit_of_event ON audit (event, id);
        CREATE INDEX audit_of_user ON audit (user_id, id) WHERE user_id IS NOT NULL;
        CREATE INDEX audit_of_actor ON audit (actor_id, id) WHERE actor_id IS NOT NULL;
        CREATE SEQUENCE audit_ids MINVALUE 0 START 0;
        -- Used once, so that its last value is always one that was given away.
        SELECT nextval('audit_ids');
        CREATE SEQUENCE audit_changes;
        CREATE SEQUENCE audit_refusals;
        CREATE SEQUENCE audit_throttled;
        """

    /// `xid` and `generation` are those of the entry's last change. What `xid` is for: `PostgresStore.poll`. An entry of a
    /// generation that is over is covered by it, and pruned.
    private static let feedTables = """
        CREATE TABLE revocations (
            kind bigint NOT NULL CHECK (kind IN (1, 2, 3)),
            id uuid NOT NULL,
            user_id uuid,
            minimum_version bigint NOT NULL DEFAULT 0,
            until bigint NOT NULL,
            generation bigint NOT NULL,
            xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
            PRIMARY KEY (kind, id),
            CHECK (kind <> 3 OR user_id IS NOT NULL)
        );
        CREATE INDEX revocations_of_user ON revocations (user_id);
        CREATE INDEX revocations_by_end ON revocations (until);
        CREATE INDEX revocations_by_xid ON revocations (xid);
        CREATE INDEX revocations_by_generation ON revocations (generation);

        CREATE TABLE nodes (
            id uuid PRIMARY KEY,
            address text NOT NULL,
            version text NOT NULL,
            schema_version bigint NOT NULL,
            -- By this server's clock.
            beat_at timestamptz NOT NULL
        ) WITH (fillfactor = 50);
        """
}
