--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)


--
-- Name: procrastinate_job_event_type; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_event_type AS ENUM (
    'deferred',
    'started',
    'deferred_for_retry',
    'failed',
    'succeeded',
    'cancelled',
    'abort_requested',
    'aborted',
    'scheduled',
    'retried'
);


--
-- Name: procrastinate_job_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_status AS ENUM (
    'todo',
    'doing',
    'succeeded',
    'failed',
    'cancelled',
    'aborting',
    'aborted'
);


--
-- Name: procrastinate_job_to_defer_v1; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.procrastinate_job_to_defer_v1 AS (
	queue_name character varying,
	task_name character varying,
	priority integer,
	lock text,
	queueing_lock text,
	args jsonb,
	scheduled_at timestamp with time zone
);




--
-- Name: submissions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.submissions (
    id bigint NOT NULL,
    owner text NOT NULL,
    groups text[] DEFAULT '{}'::text[] NOT NULL,
    day date NOT NULL,
    vendor text NOT NULL,
    key text NOT NULL,
    body jsonb NOT NULL,
    fingerprint text NOT NULL,
    state text NOT NULL,
    price bigint NOT NULL,
    cost bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    sent_at timestamp with time zone,
    ended_at timestamp with time zone,
    task_id text,
    trace_id text,
    video jsonb,
    media text,
    error_code text,
    error_message text,
    error_status integer,
    joined bigint,
    attempt text DEFAULT ''::text NOT NULL,
    beat_at timestamp with time zone DEFAULT now() NOT NULL,
    next_look_at timestamp with time zone,
    looks integer DEFAULT 0 NOT NULL,
    claimed_until timestamp with time zone,
    hidden_at timestamp with time zone,
    CONSTRAINT submissions_cost_check CHECK ((cost >= 0)),
    CONSTRAINT submissions_price_check CHECK ((price >= 0)),
    CONSTRAINT submissions_state_check CHECK ((state = ANY (ARRAY['sent'::text, 'accepted'::text, 'completed'::text, 'failed'::text, 'refused'::text, 'unconfirmed'::text, 'released'::text]))),
    CONSTRAINT submissions_vendor_check CHECK ((vendor = ANY (ARRAY['acedata'::text, 'runapi'::text])))
)
WITH (fillfactor='70');


--
-- Name: admit(text, text[], date, text, text, jsonb, text, bigint, boolean, text, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.admit(p_owner text, p_groups text[], p_day date, p_vendor text, p_key text, p_body jsonb, p_fingerprint text, p_price bigint, p_lesson boolean, p_attempt text, p_has_turn boolean) RETURNS TABLE(outcome text, detail jsonb, submission public.submissions)
    LANGUAGE plpgsql
    AS $$
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


--
-- Name: leave_turn(text, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.leave_turn(p_owner text, p_key text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE waiting SET granted_at = NULL, seen_at = now() - interval '20 seconds' WHERE owner = p_owner AND key = p_key;
    PERFORM pg_notify('turns', '');
END
$$;


--
-- Name: limits(text, text[], date); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.limits(owner text, groups text[], day date) RETURNS TABLE(kind text, name text, in_all boolean, cap bigint, reserved bigint, spent bigint)
    LANGUAGE sql STABLE ROWS 4
    AS $$
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


--
-- Name: move_money(text, text[], date, bigint, bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.move_money(owner text, groups text[], day date, more_reserved bigint, more_spent bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO wallets (kind, name, day, reserved, spent)
    SELECT w.kind, w.name, w.day, greatest(more_reserved, 0), greatest(more_spent, 0)
    FROM wallets_of(move_money.owner, move_money.groups, move_money.day) AS w
    ON CONFLICT ON CONSTRAINT wallets_pkey
    DO UPDATE SET reserved = wallets.reserved + more_reserved, spent = wallets.spent + more_spent;
END
$$;


--
-- Name: over_cap(text, text[], date, bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.over_cap(owner text, groups text[], day date, more bigint) RETURNS jsonb
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN (
        SELECT to_jsonb(l) FROM limits(over_cap.owner, over_cap.groups, over_cap.day) AS l
        WHERE l.reserved + l.spent + more > l.cap LIMIT 1
    );
END
$$;


--
-- Name: procrastinate_cancel_job_v1(bigint, boolean, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_cancel_job_v1(job_id bigint, abort boolean, delete_job boolean) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status = 'todo'
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        IF abort THEN
            UPDATE procrastinate_jobs
            SET abort_requested = true,
                status = CASE status
                    WHEN 'todo' THEN 'cancelled'::procrastinate_job_status ELSE status
                END
            WHERE id = job_id AND status IN ('todo', 'doing')
            RETURNING id INTO _job_id;
        ELSE
            UPDATE procrastinate_jobs
            SET status = 'cancelled'::procrastinate_job_status
            WHERE id = job_id AND status = 'todo'
            RETURNING id INTO _job_id;
        END IF;
    END IF;
    RETURN _job_id;
END;
$$;


--
-- Name: procrastinate_defer_jobs_v1(public.procrastinate_job_to_defer_v1[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_defer_jobs_v1(jobs public.procrastinate_job_to_defer_v1[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
DECLARE
    job_ids bigint[];
BEGIN
    WITH inserted_jobs AS (
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
        SELECT (job).queue_name,
               (job).task_name,
               (job).priority,
               (job).lock,
               (job).queueing_lock,
               (job).args,
               (job).scheduled_at
        FROM unnest(jobs) AS job
        RETURNING id
    )
    SELECT array_agg(id) FROM inserted_jobs INTO job_ids;

    RETURN job_ids;
END;
$$;


--
-- Name: procrastinate_defer_periodic_job_v2(character varying, character varying, character varying, character varying, integer, character varying, bigint, jsonb); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_defer_periodic_job_v2(_queue_name character varying, _lock character varying, _queueing_lock character varying, _task_name character varying, _priority integer, _periodic_id character varying, _defer_timestamp bigint, _args jsonb) RETURNS bigint
    LANGUAGE plpgsql
    AS $$
DECLARE
	_job_id bigint;
	_defer_id bigint;
BEGIN
    INSERT
        INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp)
        VALUES (_task_name, _periodic_id, _defer_timestamp)
        ON CONFLICT DO NOTHING
        RETURNING id into _defer_id;

    IF _defer_id IS NULL THEN
        RETURN NULL;
    END IF;

    UPDATE procrastinate_periodic_defers
        SET job_id = (
            SELECT COALESCE((
                SELECT unnest(procrastinate_defer_jobs_v1(
                    ARRAY[
                        ROW(
                            _queue_name,
                            _task_name,
                            _priority,
                            _lock,
                            _queueing_lock,
                            _args,
                            NULL::timestamptz
                        )
                    ]::procrastinate_job_to_defer_v1[]
                ))
            ), NULL)
        )
        WHERE id = _defer_id
        RETURNING job_id INTO _job_id;

    DELETE
        FROM procrastinate_periodic_defers
        USING (
            SELECT id
            FROM procrastinate_periodic_defers
            WHERE procrastinate_periodic_defers.task_name = _task_name
            AND procrastinate_periodic_defers.periodic_id = _periodic_id
            AND procrastinate_periodic_defers.defer_timestamp < _defer_timestamp
            ORDER BY id
            FOR UPDATE
        ) to_delete
        WHERE procrastinate_periodic_defers.id = to_delete.id;

    RETURN _job_id;
END;
$$;


--
-- Name: procrastinate_jobs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_jobs (
    id bigint NOT NULL,
    queue_name character varying(128) NOT NULL,
    task_name character varying(128) NOT NULL,
    priority integer DEFAULT 0 NOT NULL,
    lock text,
    queueing_lock text,
    args jsonb DEFAULT '{}'::jsonb NOT NULL,
    status public.procrastinate_job_status DEFAULT 'todo'::public.procrastinate_job_status NOT NULL,
    scheduled_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    abort_requested boolean DEFAULT false NOT NULL,
    worker_id bigint,
    CONSTRAINT check_not_todo_abort_requested CHECK ((NOT ((status = 'todo'::public.procrastinate_job_status) AND (abort_requested = true))))
);


--
-- Name: procrastinate_fetch_job_v2(character varying[], bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_fetch_job_v2(target_queue_names character varying[], p_worker_id bigint) RETURNS public.procrastinate_jobs
    LANGUAGE plpgsql
    AS $$
DECLARE
	found_jobs procrastinate_jobs;
BEGIN
    WITH candidate AS (
        SELECT jobs.*
            FROM procrastinate_jobs AS jobs
            WHERE
                -- reject the job if its lock has earlier or higher priority jobs
                NOT EXISTS (
                    SELECT 1
                        FROM procrastinate_jobs AS other_jobs
                        WHERE
                            jobs.lock IS NOT NULL
                            AND other_jobs.lock = jobs.lock
                            AND (
                                -- job with same lock is already running
                                other_jobs.status = 'doing'
                                OR
                                -- job with same lock is waiting and has higher priority (or same priority but was queued first)
                                (
                                    other_jobs.status = 'todo'
                                    AND (
                                        other_jobs.priority > jobs.priority
                                        OR (
                                        other_jobs.priority = jobs.priority
                                        AND other_jobs.id < jobs.id
                                        )
                                    )
                                )
                            )
                )
                AND jobs.status = 'todo'
                AND (target_queue_names IS NULL OR jobs.queue_name = ANY( target_queue_names ))
                AND (jobs.scheduled_at IS NULL OR jobs.scheduled_at <= now())
            ORDER BY jobs.priority DESC, jobs.id ASC LIMIT 1
            FOR UPDATE OF jobs SKIP LOCKED
    )
    UPDATE procrastinate_jobs
        SET status = 'doing', worker_id = p_worker_id
        FROM candidate
        WHERE procrastinate_jobs.id = candidate.id
        RETURNING procrastinate_jobs.* INTO found_jobs;

 RETURN found_jobs;
END;
$$;


--
-- Name: procrastinate_finish_job_v1(bigint, public.procrastinate_job_status, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_finish_job_v1(job_id bigint, end_status public.procrastinate_job_status, delete_job boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
BEGIN
    IF end_status NOT IN ('succeeded', 'failed', 'aborted') THEN
        RAISE 'End status should be either "succeeded", "failed" or "aborted" (job id: %)', job_id;
    END IF;
    IF delete_job THEN
        DELETE FROM procrastinate_jobs
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = end_status,
            abort_requested = false,
            attempts = CASE status
                WHEN 'doing' THEN attempts + 1 ELSE attempts
            END
        WHERE id = job_id AND status IN ('todo', 'doing')
        RETURNING id INTO _job_id;
    END IF;
    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" or "todo" status (job id: %)', job_id;
    END IF;
END;
$$;


--
-- Name: procrastinate_notify_queue_abort_job_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_notify_queue_abort_job_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'abort_job_requested', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_notify_queue_job_inserted_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_notify_queue_job_inserted_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    payload TEXT;
BEGIN
    SELECT json_build_object('type', 'job_inserted', 'job_id', NEW.id)::text INTO payload;
	PERFORM pg_notify('procrastinate_queue_v1#' || NEW.queue_name, payload);
	PERFORM pg_notify('procrastinate_any_queue_v1', payload);
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_prune_stalled_workers_v1(double precision); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_prune_stalled_workers_v1(seconds_since_heartbeat double precision) RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    DELETE FROM procrastinate_workers
    WHERE last_heartbeat < NOW() - (seconds_since_heartbeat || 'SECOND')::INTERVAL
    RETURNING procrastinate_workers.id;
END;
$$;


--
-- Name: procrastinate_register_worker_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_register_worker_v1() RETURNS TABLE(worker_id bigint)
    LANGUAGE plpgsql
    AS $$
BEGIN
    RETURN QUERY
    INSERT INTO procrastinate_workers DEFAULT VALUES
    RETURNING procrastinate_workers.id;
END;
$$;


--
-- Name: procrastinate_retry_job_v1(bigint, timestamp with time zone, integer, character varying, character varying); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_retry_job_v1(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
BEGIN
    SELECT abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status = 'doing'
    FOR UPDATE
    INTO _abort_requested;
    IF _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or not in "doing" status (job id: %)', job_id;
    END IF;
END;
$$;


--
-- Name: procrastinate_retry_job_v2(bigint, timestamp with time zone, integer, character varying, character varying); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_retry_job_v2(job_id bigint, retry_at timestamp with time zone, new_priority integer, new_queue_name character varying, new_lock character varying) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    _job_id bigint;
    _abort_requested boolean;
    _current_status procrastinate_job_status;
BEGIN
    SELECT status, abort_requested FROM procrastinate_jobs
    WHERE id = job_id AND status IN ('doing', 'failed')
    FOR UPDATE
    INTO _current_status, _abort_requested;
    IF _current_status = 'doing' AND _abort_requested THEN
        UPDATE procrastinate_jobs
        SET status = 'failed'::procrastinate_job_status
        WHERE id = job_id AND status = 'doing'
        RETURNING id INTO _job_id;
    ELSE
        UPDATE procrastinate_jobs
        SET status = 'todo'::procrastinate_job_status,
            attempts = attempts + 1,
            scheduled_at = retry_at,
            priority = COALESCE(new_priority, priority),
            queue_name = COALESCE(new_queue_name, queue_name),
            lock = COALESCE(new_lock, lock)
        WHERE id = job_id AND status IN ('doing', 'failed')
        RETURNING id INTO _job_id;
    END IF;

    IF _job_id IS NULL THEN
        RAISE 'Job was not found or has an invalid status to retry (job id: %)', job_id;
    END IF;

END;
$$;


--
-- Name: procrastinate_trigger_abort_requested_events_procedure_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'abort_requested'::procrastinate_job_event_type);
    RETURN NEW;
END;
$$;


--
-- Name: procrastinate_trigger_function_scheduled_events_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type, at)
        VALUES (NEW.id, 'scheduled'::procrastinate_job_event_type, NEW.scheduled_at);

	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_trigger_function_status_events_insert_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO procrastinate_events(job_id, type)
        VALUES (NEW.id, 'deferred'::procrastinate_job_event_type);
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_trigger_function_status_events_update_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_trigger_function_status_events_update_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    WITH t AS (
        SELECT CASE
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND NEW.status = 'doing'::procrastinate_job_status
                THEN 'started'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'deferred_for_retry'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'failed'::procrastinate_job_status
                THEN 'failed'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'succeeded'::procrastinate_job_status
                THEN 'succeeded'::procrastinate_job_event_type
            WHEN OLD.status = 'todo'::procrastinate_job_status
                AND (
                    NEW.status = 'cancelled'::procrastinate_job_status
                    OR NEW.status = 'failed'::procrastinate_job_status
                    OR NEW.status = 'succeeded'::procrastinate_job_status
                )
                THEN 'cancelled'::procrastinate_job_event_type
            WHEN OLD.status = 'doing'::procrastinate_job_status
                AND NEW.status = 'aborted'::procrastinate_job_status
                THEN 'aborted'::procrastinate_job_event_type
            WHEN OLD.status = 'failed'::procrastinate_job_status
                AND NEW.status = 'todo'::procrastinate_job_status
                THEN 'retried'::procrastinate_job_event_type
            ELSE NULL
        END as event_type
    )
    INSERT INTO procrastinate_events(job_id, type)
        SELECT NEW.id, t.event_type
        FROM t
        WHERE t.event_type IS NOT NULL;
	RETURN NEW;
END;
$$;


--
-- Name: procrastinate_unlink_periodic_defers_v1(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_unlink_periodic_defers_v1() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_periodic_defers
    SET job_id = NULL
    WHERE job_id = OLD.id;
    RETURN OLD;
END;
$$;


--
-- Name: procrastinate_unregister_worker_v1(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_unregister_worker_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM procrastinate_workers
    WHERE id = worker_id;
END;
$$;


--
-- Name: procrastinate_update_heartbeat_v1(bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.procrastinate_update_heartbeat_v1(worker_id bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE procrastinate_workers
    SET last_heartbeat = NOW()
    WHERE id = worker_id;
END;
$$;


--
-- Name: reserved_for(text, bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.reserved_for(state text, price bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE WHEN state IN ('sent', 'accepted', 'unconfirmed') THEN price ELSE 0 END
$$;


--
-- Name: spent_for(text, bigint, bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.spent_for(state text, price bigint, cost bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE state WHEN 'completed' THEN coalesce(cost, price) WHEN 'failed' THEN coalesce(cost, 0) ELSE 0 END
$$;


--
-- Name: submission_changed(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.submission_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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


--
-- Name: take_turns(text[], text[], integer, integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.take_turns(p_owners text[], p_keys text[], p_per_student integer, p_under_way integer) RETURNS TABLE(owner text, key text)
    LANGUAGE plpgsql
    AS $$
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


--
-- Name: wallets_of(text, text[], date); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.wallets_of(owner text, groups text[], day date) RETURNS TABLE(kind text, name text, day date)
    LANGUAGE sql IMMUTABLE ROWS 4
    AS $$
    SELECT who.kind, who.name, whens.day
    FROM (
        SELECT 1 AS place, 'student' AS kind, wallets_of.owner AS name
        UNION ALL SELECT 2, 'group', unnest FROM (SELECT DISTINCT unnest(wallets_of.groups)) AS each
        UNION ALL SELECT 3, 'class', ''
    ) AS who
    CROSS JOIN (VALUES ('-infinity'::date), (wallets_of.day)) AS whens (day)
    ORDER BY who.place, who.name, whens.day
$$;


--
-- Name: audit; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    who text NOT NULL,
    what text NOT NULL,
    before jsonb,
    after jsonb
);


--
-- Name: audit_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.audit ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: caps; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.caps (
    kind text NOT NULL,
    name text NOT NULL,
    in_all bigint,
    a_day bigint,
    CONSTRAINT caps_a_day_check CHECK ((a_day >= 0)),
    CONSTRAINT caps_in_all_check CHECK ((in_all >= 0)),
    CONSTRAINT caps_kind_check CHECK ((kind = ANY (ARRAY['student'::text, 'group'::text, 'class'::text])))
);


--
-- Name: class_pause; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.class_pause (
    one boolean DEFAULT true NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT class_pause_one_check CHECK (one)
);


--
-- Name: fetched; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.fetched (
    submission bigint NOT NULL,
    thumbnail text,
    lost text
);


--
-- Name: last_turns; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.last_turns (
    owner text NOT NULL,
    at timestamp with time zone NOT NULL
);


--
-- Name: logins; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.logins (
    state text NOT NULL,
    browser text NOT NULL,
    verifier text NOT NULL,
    page text NOT NULL,
    begun_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: media; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.media (
    name text NOT NULL,
    size bigint NOT NULL,
    kept_at timestamp with time zone DEFAULT now() NOT NULL,
    removed_at timestamp with time zone,
    CONSTRAINT media_size_check CHECK ((size >= 0))
);


--
-- Name: pauses; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pauses (
    vendor text NOT NULL,
    until timestamp with time zone NOT NULL
);


--
-- Name: people; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.people (
    name text NOT NULL,
    groups text[] DEFAULT '{}'::text[] NOT NULL,
    teaches boolean DEFAULT false NOT NULL,
    seen_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: prepared_uploads; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.prepared_uploads (
    id text NOT NULL,
    owner text NOT NULL,
    groups text[] NOT NULL,
    teaches boolean NOT NULL,
    name text NOT NULL,
    size bigint NOT NULL,
    checksum text NOT NULL,
    answer jsonb,
    made_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: procrastinate_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    type public.procrastinate_job_event_type,
    at timestamp with time zone DEFAULT now()
);


--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_events_id_seq OWNED BY public.procrastinate_events.id;


--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_jobs_id_seq OWNED BY public.procrastinate_jobs.id;


--
-- Name: procrastinate_periodic_defers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_periodic_defers (
    id bigint NOT NULL,
    task_name character varying(128) NOT NULL,
    defer_timestamp bigint,
    job_id bigint,
    periodic_id character varying(128) DEFAULT ''::character varying NOT NULL
);


--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.procrastinate_periodic_defers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.procrastinate_periodic_defers_id_seq OWNED BY public.procrastinate_periodic_defers.id;


--
-- Name: procrastinate_workers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.procrastinate_workers (
    id bigint NOT NULL,
    last_heartbeat timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: procrastinate_workers_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.procrastinate_workers ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.procrastinate_workers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: schema_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_version (
    part text NOT NULL,
    step text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: submissions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.submissions ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.submissions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: teachers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.teachers (
    name text NOT NULL
);


--
-- Name: tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tokens (
    id bigint NOT NULL,
    hash text NOT NULL,
    name text NOT NULL,
    groups text[] DEFAULT '{}'::text[] NOT NULL,
    teaches boolean DEFAULT false NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    ends_at timestamp with time zone,
    ended_at timestamp with time zone
);


--
-- Name: tokens_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.tokens ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.tokens_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: trouble; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.trouble (
    kind text NOT NULL,
    subject text NOT NULL,
    words text NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    last_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: uploads; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.uploads (
    id text NOT NULL,
    owner text NOT NULL,
    vendor text NOT NULL,
    name text NOT NULL,
    title text NOT NULL,
    address text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT uploads_vendor_check CHECK ((vendor = ANY (ARRAY['acedata'::text, 'runapi'::text])))
);


--
-- Name: waiting; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.waiting (
    owner text NOT NULL,
    key text NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    seen_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    granted_at timestamp with time zone
);


--
-- Name: wallets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.wallets (
    kind text NOT NULL,
    name text NOT NULL,
    day date NOT NULL,
    reserved bigint DEFAULT 0 NOT NULL,
    spent bigint DEFAULT 0 NOT NULL,
    CONSTRAINT wallets_kind_check CHECK ((kind = ANY (ARRAY['student'::text, 'group'::text, 'class'::text]))),
    CONSTRAINT wallets_reserved_check CHECK ((reserved >= 0)),
    CONSTRAINT wallets_spent_check CHECK ((spent >= 0))
)
WITH (fillfactor='50');


--
-- Name: procrastinate_events id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_events_id_seq'::regclass);


--
-- Name: procrastinate_jobs id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_jobs_id_seq'::regclass);


--
-- Name: procrastinate_periodic_defers id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers ALTER COLUMN id SET DEFAULT nextval('public.procrastinate_periodic_defers_id_seq'::regclass);


--
-- Data for Name: audit; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.audit OVERRIDING SYSTEM VALUE VALUES (1, '2026-11-26 16:01:57.303637+00', 'teacher', 'cap', NULL, NULL);


--
-- Data for Name: caps; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.caps VALUES ('student', '', 5000000, 2000000);
INSERT INTO public.caps VALUES ('class', '', 90000000, NULL);


--
-- Data for Name: class_pause; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: fetched; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: last_turns; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: logins; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: media; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.media VALUES ('00.mp4', 1000, '2026-11-26 16:01:57.303637+00', NULL);


--
-- Data for Name: pauses; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: people; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: prepared_uploads; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: procrastinate_events; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: procrastinate_jobs; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: procrastinate_periodic_defers; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: procrastinate_workers; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: schema_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.schema_version VALUES ('luma', '0001_ledger.sql', '2026-11-26 16:01:57.215669+00');
INSERT INTO public.schema_version VALUES ('luma', '0002_tokens.sql', '2026-11-26 16:01:57.226608+00');
INSERT INTO public.schema_version VALUES ('luma', '0003_media.sql', '2026-11-26 16:01:57.229014+00');
INSERT INTO public.schema_version VALUES ('luma', '0004_pages.sql', '2026-11-26 16:01:57.233664+00');
INSERT INTO public.schema_version VALUES ('procrastinate', 'schema.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.00.00_01_initial.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.05.00_01_drop_started_at_column.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.05.00_02_drop_started_at_column.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.05.00_03_drop_procrastinate_version_table.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.06.00_01_fix_procrastinate_fetch_job.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.07.01_01_fix_trigger_status_events_insert.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.08.01_01_add_queueing_lock_column.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.10.00_01_close_fetch_job_race_condition.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.10.00_02_add_defer_job_function.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.11.00_03_add_procrastinate_periodic_defers.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.12.00_01_add_foreign_key_index.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.14.00_01_add_locks_to_periodic_defer.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.15.02_01_fix_procrastinate_defer_periodic_job.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.16.00_01_add_finish_job_and_retry_job_functions.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.17.00_01_add_trigger_on_job_deletion.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.17.00_02_delete_finished_jobs.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.17.00_03_add_checks_to_finish_job.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.17.00_04_add_checks_to_retry_job.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.18.01_01_fix_finish_job_compat_issue.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.19.00_01_add_index_on_procrastinate_jobs.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.22.00_01_add_kwargs_to_defer_periodic_job.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '00.23.00_01_null_locks_excluded.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '01.00.00_01_remove_old_finish_job_function.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '01.01.01_01_job_id_bigint.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '02.00.03_01_add_job_priority.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '02.05.00_01_add_periodic_job_priority.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '02.06.00_01_add_cancel_states.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '02.08.00_01_add_additional_params_to_retry_job.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '02.14.01_01_add_indexes_for_fetch_job.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '03.00.00_01_pre_cancel_notification.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '03.00.00_50_post_cancel_notification.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '03.01.00_01_pre_add_heartbeat.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '03.01.00_50_post_add_heartbeat.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '03.02.00_01_pre_batch_defer_jobs.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '03.02.00_50_post_batch_defer_jobs.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '03.03.00_01_pre_priority_lock_fetch_job.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '03.04.00_01_pre_add_retry_failed_job_procedure.sql', '2026-11-26 16:01:57.268672+00');
INSERT INTO public.schema_version VALUES ('procrastinate', '03.04.00_50_post_add_retry_failed_job_procedure.sql', '2026-11-26 16:01:57.268672+00');


--
-- Data for Name: submissions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.submissions OVERRIDING SYSTEM VALUE VALUES (6, 'cleo', '{}', '2026-11-26', 'acedata', 'k3', '{"async": true, "prompt": "a heron"}', 'a5daf8c8b311fbcbeed5faa7b70099e28a9a6774b888998d4d77f345f2e5411f', 'sent', 300000, NULL, '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'attempt', '2026-11-26 16:01:57.303637+00', NULL, 0, NULL, NULL);
INSERT INTO public.submissions OVERRIDING SYSTEM VALUE VALUES (3, 'ben', '{films}', '2026-11-26', 'acedata', 'k1', '{"async": true, "prompt": "a heron"}', 'a5daf8c8b311fbcbeed5faa7b70099e28a9a6774b888998d4d77f345f2e5411f', 'accepted', 300000, NULL, '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00', NULL, 'task-3', 'trace-3', NULL, NULL, NULL, NULL, NULL, NULL, 'attempt', '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00', 0, NULL, NULL);
INSERT INTO public.submissions OVERRIDING SYSTEM VALUE VALUES (2, 'ann', '{films}', '2026-11-26', 'acedata', 'k2', '{"async": true, "prompt": "a heron"}', 'a5daf8c8b311fbcbeed5faa7b70099e28a9a6774b888998d4d77f345f2e5411f', 'failed', 300000, NULL, '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00', 'task-2', 'trace-2', NULL, NULL, 'api_error', NULL, NULL, NULL, 'attempt', '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00', 0, NULL, NULL);
INSERT INTO public.submissions OVERRIDING SYSTEM VALUE VALUES (4, 'cleo', '{}', '2026-11-26', 'acedata', 'k1', '{"async": true, "prompt": "a heron"}', 'a5daf8c8b311fbcbeed5faa7b70099e28a9a6774b888998d4d77f345f2e5411f', 'unconfirmed', 300000, NULL, '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'attempt', '2026-11-26 16:01:57.303637+00', NULL, 0, NULL, NULL);
INSERT INTO public.submissions OVERRIDING SYSTEM VALUE VALUES (5, 'cleo', '{}', '2026-11-26', 'acedata', 'k2', '{"async": true, "prompt": "a heron"}', 'a5daf8c8b311fbcbeed5faa7b70099e28a9a6774b888998d4d77f345f2e5411f', 'refused', 300000, NULL, '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00', NULL, NULL, NULL, NULL, 'forbidden', NULL, NULL, NULL, 'attempt', '2026-11-26 16:01:57.303637+00', NULL, 0, NULL, NULL);
INSERT INTO public.submissions OVERRIDING SYSTEM VALUE VALUES (1, 'ann', '{films}', '2026-11-26', 'acedata', 'k1', '{"async": true, "prompt": "a heron"}', 'a5daf8c8b311fbcbeed5faa7b70099e28a9a6774b888998d4d77f345f2e5411f', 'completed', 300000, NULL, '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00', 'task-1', 'trace-1', '{"url": "https://cdn.example/v.mp4", "width": 1280, "height": 720, "video_id": "v1", "thumbnail_url": null}', '00.mp4', NULL, NULL, NULL, NULL, 'attempt', '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00', 0, NULL, NULL);


--
-- Data for Name: teachers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.teachers VALUES ('teacher');


--
-- Data for Name: tokens; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.tokens OVERRIDING SYSTEM VALUE VALUES (1, '0a', 'ann', '{films}', false, '2026-11-26 16:01:57.303637+00', NULL, NULL);


--
-- Data for Name: trouble; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.trouble VALUES ('key', 'acedata', 'The class key does not work.', '2026-11-26 16:01:57.303637+00', '2026-11-26 16:01:57.303637+00');


--
-- Data for Name: uploads; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: waiting; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: wallets; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.wallets VALUES ('student', 'ben', '-infinity', 300000, 0);
INSERT INTO public.wallets VALUES ('student', 'ben', '2026-11-26', 300000, 0);
INSERT INTO public.wallets VALUES ('student', 'ann', '-infinity', 0, 300000);
INSERT INTO public.wallets VALUES ('student', 'ann', '2026-11-26', 0, 300000);
INSERT INTO public.wallets VALUES ('group', 'films', '-infinity', 300000, 300000);
INSERT INTO public.wallets VALUES ('group', 'films', '2026-11-26', 300000, 300000);
INSERT INTO public.wallets VALUES ('student', 'cleo', '-infinity', 600000, 0);
INSERT INTO public.wallets VALUES ('student', 'cleo', '2026-11-26', 600000, 0);
INSERT INTO public.wallets VALUES ('class', '', '-infinity', 900000, 300000);
INSERT INTO public.wallets VALUES ('class', '', '2026-11-26', 900000, 300000);


--
-- Name: audit_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.audit_id_seq', 1, true);


--
-- Name: procrastinate_events_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.procrastinate_events_id_seq', 1, false);


--
-- Name: procrastinate_jobs_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.procrastinate_jobs_id_seq', 1, false);


--
-- Name: procrastinate_periodic_defers_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.procrastinate_periodic_defers_id_seq', 1, false);


--
-- Name: procrastinate_workers_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.procrastinate_workers_id_seq', 1, false);


--
-- Name: submissions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.submissions_id_seq', 6, true);


--
-- Name: tokens_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.tokens_id_seq', 1, true);


--
-- Name: audit audit_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);


--
-- Name: caps caps_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.caps
    ADD CONSTRAINT caps_pkey PRIMARY KEY (kind, name);


--
-- Name: class_pause class_pause_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.class_pause
    ADD CONSTRAINT class_pause_pkey PRIMARY KEY (one);


--
-- Name: fetched fetched_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.fetched
    ADD CONSTRAINT fetched_pkey PRIMARY KEY (submission);


--
-- Name: last_turns last_turns_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.last_turns
    ADD CONSTRAINT last_turns_pkey PRIMARY KEY (owner);


--
-- Name: logins logins_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.logins
    ADD CONSTRAINT logins_pkey PRIMARY KEY (state);


--
-- Name: media media_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.media
    ADD CONSTRAINT media_pkey PRIMARY KEY (name);


--
-- Name: pauses pauses_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pauses
    ADD CONSTRAINT pauses_pkey PRIMARY KEY (vendor);


--
-- Name: people people_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (name);


--
-- Name: prepared_uploads prepared_uploads_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.prepared_uploads
    ADD CONSTRAINT prepared_uploads_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_events procrastinate_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_jobs procrastinate_jobs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_pkey PRIMARY KEY (id);


--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_unique UNIQUE (task_name, periodic_id, defer_timestamp);


--
-- Name: procrastinate_workers procrastinate_workers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_workers
    ADD CONSTRAINT procrastinate_workers_pkey PRIMARY KEY (id);


--
-- Name: schema_version schema_version_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_version
    ADD CONSTRAINT schema_version_pkey PRIMARY KEY (part, step);


--
-- Name: submissions submissions_owner_vendor_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.submissions
    ADD CONSTRAINT submissions_owner_vendor_key_key UNIQUE (owner, vendor, key);


--
-- Name: submissions submissions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.submissions
    ADD CONSTRAINT submissions_pkey PRIMARY KEY (id);


--
-- Name: teachers teachers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.teachers
    ADD CONSTRAINT teachers_pkey PRIMARY KEY (name);


--
-- Name: tokens tokens_hash_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_hash_key UNIQUE (hash);


--
-- Name: tokens tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tokens
    ADD CONSTRAINT tokens_pkey PRIMARY KEY (id);


--
-- Name: trouble trouble_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trouble
    ADD CONSTRAINT trouble_pkey PRIMARY KEY (kind, subject);


--
-- Name: uploads uploads_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_pkey PRIMARY KEY (id);


--
-- Name: waiting waiting_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waiting
    ADD CONSTRAINT waiting_pkey PRIMARY KEY (owner, key);


--
-- Name: wallets wallets_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.wallets
    ADD CONSTRAINT wallets_pkey PRIMARY KEY (kind, name, day);


--
-- Name: idx_procrastinate_jobs_worker_not_null; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_procrastinate_jobs_worker_not_null ON public.procrastinate_jobs USING btree (worker_id) WHERE ((worker_id IS NOT NULL) AND (status = 'doing'::public.procrastinate_job_status));


--
-- Name: idx_procrastinate_workers_last_heartbeat; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idx_procrastinate_workers_last_heartbeat ON public.procrastinate_workers USING btree (last_heartbeat);


--
-- Name: logins_begun; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX logins_begun ON public.logins USING btree (begun_at);


--
-- Name: media_kept; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX media_kept ON public.media USING btree (kept_at) WHERE (removed_at IS NULL);


--
-- Name: procrastinate_events_job_id_fkey_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_events_job_id_fkey_v1 ON public.procrastinate_events USING btree (job_id);


--
-- Name: procrastinate_jobs_id_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON public.procrastinate_jobs USING btree (id, lock) WHERE (status = ANY (ARRAY['todo'::public.procrastinate_job_status, 'doing'::public.procrastinate_job_status]));


--
-- Name: procrastinate_jobs_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX procrastinate_jobs_lock_idx_v1 ON public.procrastinate_jobs USING btree (lock) WHERE (status = 'doing'::public.procrastinate_job_status);


--
-- Name: procrastinate_jobs_priority_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_priority_idx_v1 ON public.procrastinate_jobs USING btree (priority DESC, id) WHERE (status = 'todo'::public.procrastinate_job_status);


--
-- Name: procrastinate_jobs_queue_name_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_jobs_queue_name_idx_v1 ON public.procrastinate_jobs USING btree (queue_name);


--
-- Name: procrastinate_jobs_queueing_lock_idx_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX procrastinate_jobs_queueing_lock_idx_v1 ON public.procrastinate_jobs USING btree (queueing_lock) WHERE (status = 'todo'::public.procrastinate_job_status);


--
-- Name: procrastinate_periodic_defers_job_id_fkey_v1; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX procrastinate_periodic_defers_job_id_fkey_v1 ON public.procrastinate_periodic_defers USING btree (job_id);


--
-- Name: submissions_due; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX submissions_due ON public.submissions USING btree (next_look_at) WHERE (state = 'accepted'::text);


--
-- Name: submissions_fingerprint; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX submissions_fingerprint ON public.submissions USING btree (vendor, fingerprint) WHERE (joined IS NULL);


--
-- Name: submissions_joined; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX submissions_joined ON public.submissions USING btree (joined) WHERE (joined IS NOT NULL);


--
-- Name: submissions_media; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX submissions_media ON public.submissions USING btree (media) WHERE (media IS NOT NULL);


--
-- Name: submissions_sent; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX submissions_sent ON public.submissions USING btree (id) WHERE (state = ANY (ARRAY['sent'::text, 'unconfirmed'::text]));


--
-- Name: submissions_task; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX submissions_task ON public.submissions USING btree (task_id);


--
-- Name: submissions_uncharged; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX submissions_uncharged ON public.submissions USING btree (ended_at) WHERE ((cost IS NULL) AND (state = 'completed'::text));


--
-- Name: submissions_under_way; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX submissions_under_way ON public.submissions USING btree (owner) WHERE ((state = ANY (ARRAY['sent'::text, 'accepted'::text])) AND (joined IS NULL));


--
-- Name: submissions_unsaved; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX submissions_unsaved ON public.submissions USING btree (id) WHERE ((state = 'completed'::text) AND (media IS NULL));


--
-- Name: submissions_video; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX submissions_video ON public.submissions USING btree (((video ->> 'video_id'::text)));


--
-- Name: uploads_of_content; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX uploads_of_content ON public.uploads USING btree (vendor, name);


--
-- Name: procrastinate_jobs procrastinate_jobs_notify_queue_job_aborted_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN (((old.abort_requested = false) AND (new.abort_requested = true) AND (new.status = 'doing'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_notify_queue_abort_job_v1();


--
-- Name: procrastinate_jobs procrastinate_jobs_notify_queue_job_inserted_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_jobs_notify_queue_job_inserted_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_notify_queue_job_inserted_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_abort_requested_events_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_abort_requested_events_v1 AFTER UPDATE OF abort_requested ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.abort_requested = true)) EXECUTE FUNCTION public.procrastinate_trigger_abort_requested_events_procedure_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_delete_jobs_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_delete_jobs_v1 BEFORE DELETE ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_unlink_periodic_defers_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_scheduled_events_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_scheduled_events_v1 AFTER INSERT OR UPDATE ON public.procrastinate_jobs FOR EACH ROW WHEN (((new.scheduled_at IS NOT NULL) AND (new.status = 'todo'::public.procrastinate_job_status))) EXECUTE FUNCTION public.procrastinate_trigger_function_scheduled_events_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_status_events_insert_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_status_events_insert_v1 AFTER INSERT ON public.procrastinate_jobs FOR EACH ROW WHEN ((new.status = 'todo'::public.procrastinate_job_status)) EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_insert_v1();


--
-- Name: procrastinate_jobs procrastinate_trigger_status_events_update_v1; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER procrastinate_trigger_status_events_update_v1 AFTER UPDATE OF status ON public.procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION public.procrastinate_trigger_function_status_events_update_v1();


--
-- Name: submissions submission_changed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER submission_changed AFTER INSERT OR UPDATE OF state, price, cost, task_id, media ON public.submissions FOR EACH ROW EXECUTE FUNCTION public.submission_changed();


--
-- Name: procrastinate_events procrastinate_events_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_events
    ADD CONSTRAINT procrastinate_events_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id) ON DELETE CASCADE;


--
-- Name: procrastinate_jobs procrastinate_jobs_worker_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_jobs
    ADD CONSTRAINT procrastinate_jobs_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES public.procrastinate_workers(id) ON DELETE SET NULL;


--
-- Name: procrastinate_periodic_defers procrastinate_periodic_defers_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.procrastinate_periodic_defers
    ADD CONSTRAINT procrastinate_periodic_defers_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.procrastinate_jobs(id);


--
-- Name: submissions submissions_joined_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.submissions
    ADD CONSTRAINT submissions_joined_fkey FOREIGN KEY (joined) REFERENCES public.submissions(id);


--
-- PostgreSQL database dump complete
--


