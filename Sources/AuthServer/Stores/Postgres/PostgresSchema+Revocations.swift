extension PostgresSchema {
    /// Writing entries of the audit, and what every change of sessions and revocations is made of. Callers hold the lock of
    /// the generation, shared, before their first row.
    static let auditFunctions = """
        -- Says, to who follows the audit, that ids above this one may come from this transaction.
        CREATE FUNCTION audit_floor_1() RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock_shared((\(PostgresLocks.auditSpace)::bigint << 48) | last_value) FROM audit_ids;
        END $$;

        CREATE FUNCTION audit_number_1(_kind bigint) RETURNS bigint LANGUAGE sql AS $$
            SELECT CASE _kind WHEN 0 THEN nextval('audit_changes') WHEN 1 THEN nextval('audit_refusals')
            ELSE nextval('audit_throttled') END
        $$;

        -- A change: what refuses comes by `append`, in batches.
        CREATE FUNCTION audit_1(
            _at bigint, _event text, _actor bigint, _actor_id uuid, _address text, _request text, _user uuid,
            _session uuid, _detail text
        ) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM audit_floor_1();
            INSERT INTO audit (id, at, event, kind, number, actor, actor_id, address, request_id, user_id, session_id,
                detail)
            VALUES (nextval('audit_ids'), _at, _event, 0, nextval('audit_changes'), _actor, _actor_id, _address, _request,
                _user, _session, _detail);
        END $$;
        """

    static let revocationFunctions = """
        CREATE FUNCTION share_generation_1() RETURNS void LANGUAGE sql AS $$
            SELECT pg_advisory_xact_lock_shared(\(PostgresLocks.space), \(PostgresLocks.generation))
        $$;

        -- Whether a session's row is one: no end of all sessions took it.
        CREATE FUNCTION is_live_1(_created_at bigint, _generation bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
            SELECT NOT EXISTS (SELECT 1 FROM endings AS e WHERE e.generation > _generation AND e.before > _created_at)
        $$;

        -- Stores an entry beside what is there; of two for one thing the longer holds, and the higher version.
        CREATE FUNCTION revoke_1(_kind bigint, _id uuid, _user uuid, _version bigint, _until bigint)
        RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO revocations AS r (kind, id, user_id, minimum_version, until, generation)
            SELECT _kind, _id, _user, _version, _until, meta.generation FROM meta
            ON CONFLICT (kind, id) DO UPDATE SET user_id = coalesce(r.user_id, excluded.user_id),
                minimum_version = greatest(r.minimum_version, excluded.minimum_version),
                until = greatest(r.until, excluded.until), generation = excluded.generation,
                xid = pg_current_xact_id();
        END $$;

        -- One entry by version in place of all others of the user.
        CREATE FUNCTION replace_entries_1(_user uuid, _version bigint, _until bigint) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM revocations WHERE user_id = _user AND NOT (kind = 3 AND id = _user);
            PERFORM revoke_1(3, _user, _user, _version, _until);
        END $$;

        -- The user's new version; null for a user who is gone, whose entries stay.
        CREATE FUNCTION raise_version_1(_user uuid, _until bigint) RETURNS bigint LANGUAGE plpgsql AS $$
        DECLARE
            _version bigint;
        BEGIN
            UPDATE users SET version = version + 1 WHERE id = _user RETURNING version INTO _version;
            IF FOUND THEN PERFORM replace_entries_1(_user, _version, _until); END IF;
            RETURN _version;
        END $$;

        -- Raises the user's version and ends its sessions. No row for a user who is gone.
        CREATE FUNCTION end_user_1(_user uuid, _until bigint)
        RETURNS TABLE (new_version bigint, ended bigint) LANGUAGE plpgsql AS $$
        #variable_conflict use_column
        BEGIN
            UPDATE users SET version = version + 1 WHERE id = _user RETURNING version INTO new_version;
            IF NOT FOUND THEN RETURN; END IF;
            DELETE FROM sessions WHERE user_id = _user AND NOT is_live_1(created_at, generation);
            DELETE FROM sessions WHERE user_id = _user;
            GET DIAGNOSTICS ended = ROW_COUNT;
            PERFORM replace_entries_1(_user, new_version, _until);
            RETURN NEXT;
        END $$;

        -- One entry for each user, in any order. The entry of a user who is gone refuses every version.
        CREATE FUNCTION collapse_users_1(_users uuid[], _until bigint)
        RETURNS TABLE (kind bigint, id uuid, user_id uuid, minimum_version bigint, until bigint) LANGUAGE plpgsql AS $$
        #variable_conflict use_column
        DECLARE
            _user uuid;
        BEGIN
            PERFORM share_generation_1();
            FOR _user IN SELECT DISTINCT u FROM unnest(_users) AS u ORDER BY u LOOP
                minimum_version := raise_version_1(_user, _until);
                IF minimum_version IS NULL THEN
                    minimum_version := 9223372036854775807;
                    PERFORM replace_entries_1(_user, minimum_version, _until);
                END IF;
                kind := 3; id := _user; user_id := _user; until := _until;
                RETURN NEXT;
            END LOOP;
        END $$;

        -- No token made before is good any more, so that the generation stands for every other entry; pruning takes them.
        CREATE FUNCTION raise_generation_1() RETURNS bigint LANGUAGE plpgsql AS $$
        DECLARE
            _generation bigint;
        BEGIN
            PERFORM pg_advisory_xact_lock(\(PostgresLocks.space), \(PostgresLocks.generation));
            UPDATE meta SET generation = generation + 1 RETURNING generation INTO STRICT _generation;
            RETURN _generation;
        END $$;

        -- Ends every session made before `_time` and raises the generation. Takes the same time however many there are:
        -- their rows go by pruning. Tells how many ended, at most `_most`.
        CREATE FUNCTION end_sessions_before_1(_time bigint, _most bigint)
        RETURNS TABLE (new_generation bigint, ended bigint) LANGUAGE plpgsql AS $$
        #variable_conflict use_column
        BEGIN
            new_generation := raise_generation_1();
            SELECT count(*) INTO ended FROM (
                SELECT 1 FROM sessions
                WHERE created_at < _time AND is_live_1(created_at, generation) LIMIT _most
            ) AS s;
            INSERT INTO endings (generation, before) VALUES (new_generation, _time);
            RETURN NEXT;
        END $$;
        """
}
