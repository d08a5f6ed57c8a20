extension PostgresSchema {
    /// The ends of sessions: one round trip each.
    static let sessionFunctions = """
        -- Ends one session and answers the entry for it, or the one that is still in force.
        CREATE FUNCTION end_1(_id uuid, _now bigint, _until bigint, _address text, _request text)
        RETURNS TABLE (kind bigint, id uuid, user_id uuid, minimum_version bigint, until bigint) LANGUAGE plpgsql AS $$
        #variable_conflict use_column
        DECLARE
            _user uuid;
            _is_live boolean;
        BEGIN
            PERFORM share_generation_1();
            DELETE FROM sessions WHERE id = _id
            RETURNING user_id, is_live_1(created_at, generation) INTO _user, _is_live;
            IF FOUND AND _is_live THEN
                PERFORM audit_1(_now, 'session.ended', 1, _user, _address, _request, _user, _id, NULL);
                PERFORM revoke_1(2, _id, _user, 0, _until);
                kind := 2; id := _id; user_id := _user; minimum_version := 0; until := _until;
                RETURN NEXT;
            ELSE
                RETURN QUERY SELECT * FROM in_force_1(2, _id, _now);
            END IF;
        END $$;

        -- The entry still in force for a session that ended before (2) or a user (3); none when another took its place.
        CREATE FUNCTION in_force_1(_kind bigint, _id uuid, _now bigint)
        RETURNS TABLE (kind bigint, id uuid, user_id uuid, minimum_version bigint, until bigint)
        LANGUAGE sql STABLE AS $$
            SELECT r.kind, r.id, r.user_id, r.minimum_version, r.until FROM revocations AS r, meta
            WHERE r.kind = _kind AND r.id = _id AND r.until > _now AND r.generation >= meta.generation
        $$;

        -- Ends all sessions of a user, unless that is done: its version is beyond `_version` and no session is left.
        CREATE FUNCTION end_all_1(
            _user uuid, _version bigint, _now bigint, _until bigint, _address text, _request text
        ) RETURNS TABLE (kind bigint, id uuid, user_id uuid, minimum_version bigint, until bigint) LANGUAGE plpgsql AS $$
        #variable_conflict use_column
        DECLARE
            _current bigint;
        BEGIN
            PERFORM share_generation_1();
            SELECT version INTO _current FROM users WHERE id = _user FOR NO KEY UPDATE;
            IF NOT FOUND THEN RETURN; END IF;
            IF _current > _version AND NOT EXISTS (
                SELECT 1 FROM sessions
                WHERE user_id = _user AND is_live_1(created_at, generation)
            ) THEN
                RETURN QUERY SELECT * FROM in_force_1(3, _user, _now);
                RETURN;
            END IF;
            SELECT new_version INTO minimum_version FROM end_user_1(_user, _until);
            PERFORM audit_1(_now, 'user.sessions_ended', 1, _user, _address, _request, _user, NULL, NULL);
            kind := 3; id := _user; user_id := _user; until := _until;
            RETURN NEXT;
        END $$;
        """

    /// A refresh in one round trip, for a token whose proof is taken to be good: `RefreshRule` once more, held against it
    /// by a test over its whole table. What could not be taken back (the end of a session as reused) or would tell the audit
    /// what is not proved (an adopted counter) is left to a second transaction.
    ///
    /// `outcome`: 0 no session, or the user is disabled or must choose another password first; 1 rotated; 2 the current
    /// counter again; 3 over, and ended; 4 nothing done, the caller must decide under the row's lock.
    static let refreshFunction = """
        CREATE FUNCTION refresh_1(
            _id uuid, _now bigint, _presented bigint, _grace bigint, _until bigint
        ) RETURNS TABLE (
            outcome bigint, id uuid, user_id uuid, user_version bigint, created_at bigint, last_used_at bigint,
            idle_expires_at bigint, absolute_expires_at bigint, counter bigint, rotated_at bigint, sealed_secret bytea,
            owner uuid, username text, roles text, is_enabled boolean, version bigint, user_created_at bigint
        ) LANGUAGE plpgsql AS $$
        #variable_conflict use_column
        DECLARE
            _session sessions%ROWTYPE;
            _user users%ROWTYPE;
            _in_grace boolean;
            _outcome bigint := 4;
        BEGIN
            PERFORM share_generation_1();
            SELECT * INTO _session FROM sessions AS s
            WHERE s.id = _id AND is_live_1(s.created_at, s.generation) FOR NO KEY UPDATE;
            IF NOT FOUND THEN RETURN; END IF;
            -- A statement of its own: the lock was perhaps waited for, and the user changed meanwhile.
            SELECT * INTO _user FROM users AS u WHERE u.id = _session.user_id;
            IF NOT FOUND OR NOT _user.is_enabled OR _user.one_time_expires_at IS NOT NULL THEN RETURN; END IF;
            _in_grace := coalesce(_grace > 0 AND _now < _session.rotated_at + _grace, false);
            IF _now >= _session.idle_expires_at OR _now >= _session.absolute_expires_at THEN
                _outcome := 3;
                DELETE FROM sessions AS s WHERE s.id = _id;
                PERFORM revoke_1(2, _id, _session.user_id, 0, _until);
            ELSIF _in_grace AND _presented <= _session.counter AND _presented >= _session.counter - 1 THEN
                _outcome := 2;
                IF _session.user_version <> _user.version THEN
                    UPDATE sessions AS s SET user_version = _user.version WHERE s.id = _id;
                END IF;
            ELSIF _presented = _session.counter AND _session.counter < 4294967295 THEN
                _outcome := 1;
                UPDATE sessions AS s
                SET counter = s.counter + 1, rotated_at = _now, last_used_at = _now, user_version = _user.version
                WHERE s.id = _id;
            END IF;
            RETURN QUERY SELECT _outcome, _session.id, _session.user_id, _session.user_version, _session.created_at,
                _session.last_used_at, _session.idle_expires_at, _session.absolute_expires_at, _session.counter,
                _session.rotated_at, _session.sealed_secret,
                _user.id, _user.username::text, _user.roles, _user.is_enabled, _user.version, _user.created_at;
        END $$;
        """
}
