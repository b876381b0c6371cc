-- No classmate's request is answered with a video that is lost, and nobody's key makes anything for another student.
-- What a vendor has refused for good is not sent anew by a copy of the request that comes late: its kernel has heard of it.

CREATE INDEX submissions_key ON submissions (vendor, key);

-- Whether a request that made nothing may be sent under its key once more: not what was refused for good. What passes by
-- itself has an HTTP status like that, and what no vendor has refused has none.
CREATE FUNCTION may_be_sent_anew(state text, status integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE state
        WHEN 'released' THEN true WHEN 'refused' THEN status IS NULL OR status = 429 OR status >= 500 ELSE false
    END
$$;

-- Let a request through to its vendor: one call, one commit. Outcomes:
-- fresh     entered as sent: this caller sends it
-- known     there is a row that answers it: its own of an earlier call, also one that was refused for good, or a new one
--           that joined a classmate's
-- conflict  this key came with another body
-- taken     another student has this key; nothing was entered
-- over      a cap does not hold it (detail: which); nothing was entered
-- turn      it would be fresh, but has no turn; nothing was entered
-- paused    it would be new, and a teacher has paused the class; nothing was entered
-- Raises LU001 where a cap was passed at this very moment (detail as above).
CREATE OR REPLACE FUNCTION admit(
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
    PERFORM pg_advisory_xact_lock(hashtextextended(p_vendor || ' ' || p_key, 1)); -- of two students that come together
    IF p_has_turn THEN
        DELETE FROM waiting AS w WHERE w.owner = p_owner AND w.key = p_vendor || ' ' || p_key;
    END IF;
    LOOP
        SELECT * INTO mine FROM submissions AS s
        WHERE s.owner = p_owner AND s.vendor = p_vendor AND s.key = p_key FOR UPDATE;
        IF FOUND AND NOT may_be_sent_anew(mine.state, mine.error_status) THEN
            outcome := CASE
                WHEN mine.fingerprint <> p_fingerprint THEN 'conflict'
                WHEN mine.state = 'sent' AND mine.attempt = p_attempt AND mine.joined IS NULL THEN 'fresh'
                ELSE 'known'
            END;
            submission := mine;
            RETURN NEXT;
            RETURN;
        END IF;
        IF EXISTS (
            SELECT FROM submissions AS s WHERE s.vendor = p_vendor AND s.key = p_key AND s.owner <> p_owner
        ) THEN
            outcome := 'taken';
            RETURN NEXT;
            RETURN;
        END IF;
        IF EXISTS (SELECT FROM class_pause) THEN
            outcome := 'paused';
            RETURN NEXT;
            RETURN;
        END IF;
        IF p_lesson THEN -- any that still can be served, but none whose video this student has
            SELECT * INTO original FROM submissions AS s
            WHERE s.vendor = p_vendor AND s.fingerprint = p_fingerprint AND s.joined IS NULL AND s.owner <> p_owner
                AND s.state IN ('sent', 'accepted', 'completed') AND s.hidden_at IS NULL
                AND (s.ended_at IS NULL OR s.media IS NOT NULL OR s.ended_at > now() - interval '1 day')
                AND NOT EXISTS (SELECT FROM fetched AS f WHERE f.submission = s.id AND f.lost IS NOT NULL)
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
        WHERE may_be_sent_anew(s.state, s.error_status)
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
