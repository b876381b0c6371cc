-- Caps, wallets and submissions. Amounts are whole millionths of a US dollar.

CREATE TABLE caps (
    kind text NOT NULL CHECK (kind IN ('student', 'group', 'class')),
    name text NOT NULL, -- '' for the class, and for what holds for each student or group without a row of its own
    in_all bigint CHECK (in_all >= 0), -- NULL: no cap
    a_day bigint CHECK (a_day >= 0),
    PRIMARY KEY (kind, name)
);

-- What is reserved and spent, by whom, in all ('-infinity') and on each day (UTC): sums over `submissions`, kept by its
-- trigger alone.
CREATE TABLE wallets (
    kind text NOT NULL CHECK (kind IN ('student', 'group', 'class')),
    name text NOT NULL,
    day date NOT NULL,
    reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    spent bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
    PRIMARY KEY (kind, name, day)
) WITH (fillfactor = 50); -- room for new versions of a row beside it

CREATE TABLE submissions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner text NOT NULL,
    groups text[] NOT NULL DEFAULT '{}', -- whose wallets it is on, as they were when it was admitted
    day date NOT NULL,
    vendor text NOT NULL CHECK (vendor IN ('acedata', 'runapi')),
    key text NOT NULL,
    body jsonb NOT NULL,
    fingerprint text NOT NULL,
    state text NOT NULL CHECK
        (state IN ('sent', 'accepted', 'completed', 'failed', 'refused', 'unconfirmed', 'released')),
    price bigint NOT NULL CHECK (price >= 0),
    cost bigint CHECK (cost >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    sent_at timestamptz,
    ended_at timestamptz,
    task_id text,
    trace_id text,
    video jsonb,
    media text,
    error_code text,
    error_message text,
    error_status integer,
    joined bigint REFERENCES submissions (id),
    -- While it is sent: which call of `admit` let it through, and when the process that sends it last said so.
    attempt text NOT NULL DEFAULT '',
    beat_at timestamptz NOT NULL DEFAULT now(),
    -- For the poller: when the vendor is asked next, and how often it was.
    next_look_at timestamptz,
    looks integer NOT NULL DEFAULT 0,
    UNIQUE (owner, vendor, key)
) WITH (fillfactor = 70);
CREATE INDEX submissions_due ON submissions (next_look_at) WHERE state = 'accepted';
CREATE INDEX submissions_under_way ON submissions (owner) WHERE state IN ('sent', 'accepted') AND joined IS NULL;
CREATE INDEX submissions_sent ON submissions (id) WHERE state IN ('sent', 'unconfirmed');
CREATE INDEX submissions_task ON submissions (task_id);
CREATE INDEX submissions_fingerprint ON submissions (vendor, fingerprint) WHERE joined IS NULL;
CREATE INDEX submissions_joined ON submissions (joined) WHERE joined IS NOT NULL;
CREATE INDEX submissions_uncharged ON submissions (ended_at) WHERE cost IS NULL AND state = 'completed';

-- What people changed by hand.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    who text NOT NULL,
    what text NOT NULL,
    before jsonb,
    after jsonb
);

-- Who waits to submit, in which order, and who may now (`granted_at`) until `admit` has entered it. A crash of PostgreSQL
-- empties it, and who waits says so again within a second: so it costs no flush to the disk.
CREATE UNLOGGED TABLE waiting (
    owner text NOT NULL,
    key text NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    granted_at timestamptz,
    PRIMARY KEY (owner, key)
);

-- When each student last had a turn: from then on the next one waits.
CREATE UNLOGGED TABLE last_turns (
    owner text PRIMARY KEY,
    at timestamptz NOT NULL
);

-- Functions that are called for each request are in PL/pgSQL, which keeps their plans; those in SQL are made part of them.

-- What a submission holds, and what it has cost.
CREATE FUNCTION reserved_for(state text, price bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN state IN ('sent', 'accepted', 'unconfirmed') THEN price ELSE 0 END
$$;

CREATE FUNCTION spent_for(state text, price bigint, cost bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE state WHEN 'completed' THEN coalesce(cost, price) WHEN 'failed' THEN coalesce(cost, 0) ELSE 0 END
$$;

-- The wallets of a submission, in the one order in which they are locked.
CREATE FUNCTION wallets_of(owner text, groups text[], day date)
RETURNS TABLE (kind text, name text, day date) LANGUAGE sql IMMUTABLE ROWS 4 AS $$
    SELECT who.kind, who.name, whens.day
    FROM (
        SELECT 1 AS place, 'student' AS kind, wallets_of.owner AS name
        UNION ALL SELECT 2, 'group', unnest FROM (SELECT DISTINCT unnest(wallets_of.groups)) AS each
        UNION ALL SELECT 3, 'class', ''
    ) AS who
    CROSS JOIN (VALUES ('-infinity'::date), (wallets_of.day)) AS whens (day)
    ORDER BY who.place, who.name, whens.day
$$;

CREATE FUNCTION move_money(owner text, groups text[], day date, more_reserved bigint, more_spent bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO wallets (kind, name, day, reserved, spent)
    SELECT w.kind, w.name, w.day, greatest(more_reserved, 0), greatest(more_spent, 0)
    FROM wallets_of(move_money.owner, move_money.groups, move_money.day) AS w
    ON CONFLICT ON CONSTRAINT wallets_pkey
    DO UPDATE SET reserved = wallets.reserved + more_reserved, spent = wallets.spent + more_spent;
END
$$;

-- Where the wallets of a submission stand against their caps (NULL: no cap).
CREATE FUNCTION limits(owner text, groups text[], day date)
RETURNS TABLE (kind text, name text, in_all boolean, cap bigint, reserved bigint, spent bigint)
LANGUAGE sql STABLE ROWS 4 AS $$
    SELECT
        w.kind, w.name, w.day = '-infinity',
        (
            SELECT CASE WHEN w.day = '-infinity' THEN c.in_all ELSE c.a_day END
            FROM caps AS c WHERE c.kind = w.kind AND c.name IN (w.name, '') ORDER BY c.name DESC LIMIT 1
        ),
        coalesce(m.reserved, 0), coalesce(m.spent, 0)
    FROM wallets_of(limits.owner, limits.groups, limits.day) AS w
    LEFT JOIN wallets AS m USING (kind, name, day)
$$;

-- The first wallet that does not hold ``more``, as JSON; NULL: all do.
CREATE FUNCTION over_cap(owner text, groups text[], day date, more bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RETURN (
        SELECT to_jsonb(l) FROM limits(over_cap.owner, over_cap.groups, over_cap.day) AS l
        WHERE l.reserved + l.spent + more > l.cap LIMIT 1
    );
END
$$;

-- Whatever changes a submission: rows that joined it follow, its money moves in the same transaction, and who waits for
-- it is told. All rows are locked before any wallet, a row before those that joined it, and these hold no money: so
-- nobody waits in a circle, as long as a transaction changes one submission with money.
CREATE FUNCTION submission_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more_reserved bigint := reserved_for(NEW.state, NEW.price);
    more_spent bigint := spent_for(NEW.state, NEW.price, NEW.cost);
BEGIN
    IF TG_OP = 'UPDATE' THEN
        more_reserved := more_reserved - reserved_for(OLD.state, OLD.price);
        more_spent := more_spent - spent_for(OLD.state, OLD.price, OLD.cost);
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.joined IS NULL THEN
        UPDATE submissions SET -- what nobody knows is not shared: they may ask anew
            state = CASE NEW.state WHEN 'unconfirmed' THEN 'refused' ELSE NEW.state END,
            error_code = CASE NEW.state WHEN 'unconfirmed' THEN 'withdrawn' ELSE NEW.error_code END,
            error_message = NEW.error_message, error_status = NEW.error_status, ended_at = NEW.ended_at,
            task_id = NEW.task_id, trace_id = NEW.trace_id, video = NEW.video, media = NEW.media
        WHERE joined = NEW.id
            AND (state IN ('sent', 'accepted') OR (state = 'completed' AND media IS DISTINCT FROM NEW.media));
        IF OLD.state IN ('sent', 'accepted') AND NEW.state NOT IN ('sent', 'accepted') THEN
            PERFORM pg_notify('turns', '');
        END IF;
    END IF;
    IF more_reserved <> 0 OR more_spent <> 0 THEN
        PERFORM move_money(NEW.owner, NEW.groups, NEW.day, more_reserved, more_spent);
    END IF;
    PERFORM pg_notify('submissions', NEW.id::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER submission_changed AFTER INSERT OR UPDATE OF state, price, cost, task_id, media ON submissions
FOR EACH ROW EXECUTE FUNCTION submission_changed();

-- Let a request through to its vendor: one call, one commit. Outcomes:
-- fresh     entered as sent: this caller sends it
-- known     there is a row that answers it: its own of an earlier call, or a new one that joined a classmate's
-- conflict  this key came with another body
-- over      a cap does not hold it (detail: which); nothing was entered
-- turn      it would be fresh, but has no turn; nothing was entered
-- Raises LU001 where a cap was passed at this very moment (detail as above).
CREATE FUNCTION admit(
    p_owner text, p_groups text[], p_day date, p_vendor text, p_key text, p_body jsonb, p_fingerprint text,
    p_price bigint, p_lesson boolean, p_attempt text, p_has_turn boolean
) RETURNS TABLE (outcome text, detail jsonb, submission submissions) LANGUAGE plpgsql AS $$
DECLARE
    mine submissions;
    original submissions;
    today date := coalesce(p_day, (now() AT TIME ZONE 'utc')::date);
BEGIN
    IF p_lesson THEN -- equal requests that come together: one pays
        PERFORM pg_advisory_xact_lock(hashtextextended(p_vendor || ' ' || p_fingerprint, 0));
    END IF;
    IF p_has_turn THEN
        DELETE FROM waiting AS w WHERE w.owner = p_owner AND w.key = p_key;
    END IF;
    LOOP
        SELECT * INTO mine FROM submissions AS s
        WHERE s.owner = p_owner AND s.vendor = p_vendor AND s.key = p_key FOR UPDATE;
        IF FOUND AND mine.state NOT IN ('refused', 'released') THEN
            outcome := CASE
                WHEN mine.fingerprint <> p_fingerprint THEN 'conflict'
                WHEN mine.state = 'sent' AND mine.attempt = p_attempt AND mine.joined IS NULL THEN 'fresh'
                ELSE 'known'
            END;
            submission := mine;
            RETURN NEXT;
            RETURN;
        END IF;
        IF p_lesson THEN -- any that still can be served, but none whose video this student has
            SELECT * INTO original FROM submissions AS s
            WHERE s.vendor = p_vendor AND s.fingerprint = p_fingerprint AND s.joined IS NULL AND s.owner <> p_owner
                AND s.state IN ('sent', 'accepted', 'completed')
                AND (s.ended_at IS NULL OR s.media IS NOT NULL OR s.ended_at > now() - interval '1 day')
                AND NOT EXISTS (
                    SELECT FROM submissions AS had
                    WHERE had.joined = s.id AND had.owner = p_owner AND had.key <> p_key
                )
            ORDER BY s.id LIMIT 1 FOR SHARE;
        END IF;
        IF original.id IS NULL THEN
            IF p_price > 0 THEN
                detail := over_cap(p_owner, p_groups, today, p_price);
            END IF;
            outcome := CASE WHEN detail IS NOT NULL THEN 'over' WHEN NOT p_has_turn THEN 'turn' ELSE 'fresh' END;
            IF outcome <> 'fresh' THEN
                RETURN NEXT;
                RETURN;
            END IF;
        ELSE
            outcome := 'known';
        END IF;
        INSERT INTO submissions AS s (
            owner, groups, day, vendor, key, body, fingerprint, state, price, cost,
            sent_at, ended_at, task_id, trace_id, video, media, joined, attempt
        ) VALUES (
            p_owner, p_groups, today, p_vendor, p_key, p_body, p_fingerprint, coalesce(original.state, 'sent'),
            CASE WHEN original.id IS NULL THEN p_price ELSE 0 END, CASE WHEN original.id IS NOT NULL THEN 0 END,
            now(), original.ended_at, original.task_id, original.trace_id, original.video, original.media, original.id,
            p_attempt
        ) ON CONFLICT (owner, vendor, key) DO UPDATE SET -- it made nothing before
            groups = excluded.groups, day = excluded.day, body = excluded.body, fingerprint = excluded.fingerprint,
            state = excluded.state, price = excluded.price, cost = excluded.cost, sent_at = excluded.sent_at,
            ended_at = excluded.ended_at, task_id = excluded.task_id, trace_id = excluded.trace_id,
            video = excluded.video, media = excluded.media, joined = excluded.joined, attempt = excluded.attempt,
            beat_at = excluded.beat_at, next_look_at = NULL, looks = 0,
            error_code = NULL, error_message = NULL, error_status = NULL
        WHERE s.state IN ('refused', 'released')
        RETURNING * INTO mine;
        EXIT WHEN FOUND; -- else another call has just entered it
    END LOOP;
    IF outcome = 'fresh' AND p_price > 0 THEN -- now that its wallets are locked
        detail := over_cap(p_owner, p_groups, today, 0);
        IF detail IS NOT NULL THEN
            RAISE EXCEPTION 'a cap was passed' USING ERRCODE = 'LU001', DETAIL = detail::text;
        END IF;
    END IF;
    submission := mine;
    RETURN NEXT;
END
$$;

-- Let requests have their turns: notes those of one process that wait, lets go first whose student has the fewest under
-- way, then who has waited longest since the student's last turn, and returns those of this process that may go now.
CREATE FUNCTION take_turns(p_owners text[], p_keys text[], p_per_student integer, p_under_way integer)
RETURNS TABLE (owner text, key text) LANGUAGE plpgsql AS $$
DECLARE
    granted integer;
BEGIN
    PERFORM pg_advisory_xact_lock(1, 0);
    INSERT INTO waiting (owner, key)
    SELECT * FROM unnest(p_owners, p_keys) AS p ORDER BY p
    ON CONFLICT ON CONSTRAINT waiting_pkey DO UPDATE SET seen_at = clock_timestamp();
    -- Whoever comes back within two minutes has kept the place; a turn that is not used within seconds is lost.
    DELETE FROM waiting AS w
    WHERE w.seen_at < now() - interval '2 minutes' OR w.granted_at < now() - interval '10 seconds';
    WITH under_way AS (
        SELECT each.owner, count(*) AS number FROM (
            SELECT s.owner FROM submissions AS s WHERE s.state IN ('sent', 'accepted') AND s.joined IS NULL
            UNION ALL SELECT w.owner FROM waiting AS w WHERE w.granted_at IS NOT NULL
        ) AS each GROUP BY each.owner
    ), queue AS (
        SELECT w.owner, w.key, greatest(w.since, t.at) AS since, coalesce(u.number, 0)
            + row_number() OVER (PARTITION BY w.owner ORDER BY w.since, w.key) - 1 AS already
        FROM waiting AS w LEFT JOIN under_way AS u ON u.owner = w.owner LEFT JOIN last_turns AS t ON t.owner = w.owner
        WHERE w.granted_at IS NULL AND w.seen_at > now() - interval '5 seconds'
    ), first AS (
        SELECT q.owner, q.key FROM queue AS q WHERE q.already < p_per_student ORDER BY q.already, q.since, q.key
        LIMIT CASE WHEN p_under_way IS NOT NULL THEN
            greatest(0, p_under_way - (SELECT coalesce(sum(u.number), 0) FROM under_way AS u)) END
    ), now_granted AS (
        UPDATE waiting AS w SET granted_at = clock_timestamp()
        FROM first AS f WHERE w.owner = f.owner AND w.key = f.key RETURNING w.owner, w.key
    ), noted AS (
        INSERT INTO last_turns AS t SELECT n.owner, max(clock_timestamp()) FROM now_granted AS n GROUP BY n.owner
        ON CONFLICT ON CONSTRAINT last_turns_pkey DO UPDATE SET at = excluded.at
    )
    SELECT count(*) INTO granted FROM now_granted AS n
    WHERE (n.owner, n.key) NOT IN (SELECT * FROM unnest(p_owners, p_keys));
    IF granted > 0 THEN
        PERFORM pg_notify('turns', ''); -- some of another process
    END IF;
    RETURN QUERY SELECT w.owner, w.key FROM waiting AS w
    JOIN unnest(p_owners, p_keys) AS p (owner, key) ON w.owner = p.owner AND w.key = p.key
    WHERE w.granted_at IS NOT NULL;
END
$$;

-- Give a turn back, or wait no longer: nobody grants it any more, but the place is kept for a while.
CREATE FUNCTION leave_turn(p_owner text, p_key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE waiting SET granted_at = NULL, seen_at = now() - interval '20 seconds' WHERE owner = p_owner AND key = p_key;
    PERFORM pg_notify('turns', '');
END
$$;
