extension PostgresSchema {
    /// The two round trips of a login.
    static let loginFunctions = """
        -- Looks the account up and counts the attempt if its cap has room. The same statements for every name and every
        -- state of an account, and always something to write, so that every commit waits for the disk. Parallel attempts at
        -- one name come one after the other. No reservation: the cap is reached. `is_full`: nothing was counted.
        CREATE FUNCTION reserve_1(
            _username text, _name bytea, _device bytea, _address bytea, _at bigint, _since bigint, _cap bigint,
            _most bigint
        ) RETURNS TABLE (
            is_full boolean, reservation bigint, password_hash text, one_time_expires_at bigint, one_time_is_used boolean,
            id uuid, username text, roles text, is_enabled boolean, version bigint, created_at bigint
        ) LANGUAGE plpgsql AS $$
        #variable_conflict use_column
        DECLARE
            _count bigint;
            _reservation bigint;
            _is_full boolean;
        BEGIN
            PERFORM pg_advisory_xact_lock(\(PostgresLocks.nameSpace), hashtext(encode(_name, 'hex')));
            SELECT c.reltuples >= _most INTO _is_full FROM pg_class AS c WHERE c.oid = 'attempts'::regclass;
            IF _device IS NULL THEN
                SELECT count(*) INTO _count FROM (
                    SELECT 1 FROM attempts WHERE name_key = _name AND device_key IS NULL AND at > _since LIMIT _cap
                ) AS a;
            ELSE
                SELECT count(*) INTO _count FROM (
                    SELECT 1 FROM attempts WHERE name_key = _name AND device_key = _device AND at > _since LIMIT _cap
                ) AS a;
            END IF;
            INSERT INTO attempts (name_key, device_key, address_key, at)
            SELECT _name, _device, _address, _at WHERE _count < _cap AND NOT _is_full
            RETURNING attempts.id INTO _reservation;
            PERFORM pg_logical_emit_message(true, 'portcullis', '');
            RETURN QUERY
                SELECT _is_full, _reservation, u.password_hash, u.one_time_expires_at, u.one_time_is_used,
                    u.id, u.username::text, u.roles, u.is_enabled, u.version, u.created_at
                FROM (SELECT 1) AS one LEFT JOIN users AS u ON u.username = _username;
        END $$;

        -- Gives back an attempt that led to a success, with every other one for the same name from its address or device.
        CREATE FUNCTION give_back_1(_attempt bigint) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE
            _own attempts%ROWTYPE;
        BEGIN
            SELECT * INTO _own FROM attempts WHERE id = _attempt;
            IF FOUND THEN
                DELETE FROM attempts
                WHERE name_key = _own.name_key AND (address_key = _own.address_key OR device_key = _own.device_key);
            END IF;
        END $$;

        -- Stores a session. `outcome`: 0 stored, one row for each session that had to end (`ended`), or one without; 1 the
        -- user or the generation is no longer what was read; 2 the one-time password is used up or over.
        CREATE FUNCTION open_1(
            _id uuid, _user uuid, _version bigint, _at bigint, _used_at bigint, _idle bigint, _absolute bigint,
            _counter bigint, _rotated bigint, _sealed bytea, _maximum bigint, _attempt bigint, _is_once boolean,
            _generation bigint, _until bigint, _address text, _request text
        ) RETURNS TABLE (outcome bigint, ended uuid) LANGUAGE plpgsql AS $$
        #variable_conflict use_column
        BEGIN
            PERFORM share_generation_1();
            PERFORM 1 FROM users WHERE id = _user AND is_enabled AND version = _version FOR NO KEY UPDATE;
            IF NOT FOUND OR (SELECT generation FROM meta) <> _generation THEN
                outcome := 1;
                RETURN NEXT;
                RETURN;
            END IF;
            IF _is_once THEN
                UPDATE users SET one_time_is_used = true
                WHERE id = _user AND NOT one_time_is_used AND one_time_expires_at > _at;
                IF NOT FOUND THEN
                    outcome := 2;
                    RETURN NEXT;
                    RETURN;
                END IF;
            END IF;
            outcome := 0;
            FOR ended IN SELECT * FROM make_room_1(_user, _maximum, _at, _until, _address, _request) LOOP
                RETURN NEXT;
            END LOOP;
            INSERT INTO sessions (id, user_id, user_version, created_at, last_used_at, idle_expires_at,
                absolute_expires_at, counter, rotated_at, sealed_secret, generation)
            VALUES (_id, _user, _version, _at, _used_at, _idle, _absolute, _counter, _rotated, _sealed, _generation);
            IF _attempt IS NOT NULL THEN PERFORM give_back_1(_attempt); END IF;
            PERFORM audit_1(_at, 'login.succeeded', 1, _user, _address, _request, _user, _id, NULL);
            ended := NULL;
            RETURN NEXT;
        END $$;

        -- Ends the sessions idle longest until there is room for one more. The caller holds the user's row.
        CREATE FUNCTION make_room_1(
            _user uuid, _maximum bigint, _at bigint, _until bigint, _address text, _request text
        ) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
        DECLARE
            _old uuid;
        BEGIN
            IF (SELECT count(*) FROM sessions WHERE user_id = _user) < _maximum THEN RETURN; END IF;
            -- What is refreshed or ended now is waited for, and ordered by what came of it.
            PERFORM 1 FROM sessions WHERE user_id = _user ORDER BY id FOR UPDATE;
            FOR _old IN
                SELECT id FROM sessions WHERE user_id = _user AND is_live_1(created_at, generation)
                ORDER BY last_used_at DESC, id DESC OFFSET greatest(0, _maximum - 1)
            LOOP
                PERFORM audit_1(_at, 'session.limit_reached', 1, _user, _address, _request, _user, _old, NULL);
                DELETE FROM sessions WHERE id = _old;
                PERFORM revoke_1(2, _old, _user, 0, _until);
                RETURN NEXT _old;
            END LOOP;
        END $$;
        """
}
