-- Caps, wallets and submissions. Amounts are whole millionths of a US dollar.

CREATE TABLE caps (
    kind text NOT NULL CHECK (kind IN ('student', 'group', 'class')),
    name text NOT NULL, -- '' for the class, and for what holds for each student or group without a row of its own
    in_all bigint CHECK (in_all >= 0), -- NULL: no cap
    a_day bigint CHECK (a_day >= 0),
    PRIMARY KEY (kind, name)
);

-- What is reserved and spent, by whom, in all ('-infinity') and on each day (UTC).
CREATE TABLE wallets (
    kind text NOT NULL CHECK (kind IN ('student', 'group', 'class')),
    name text NOT NULL,
    day date NOT NULL,
    reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    spent bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
    PRIMARY KEY (kind, name, day)
);

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
    joined bigint REFERENCES submissions (id),
    -- For the poller: when the vendor is asked next, how often it was, and since when it has known the task.
    next_look_at timestamptz,
    looks integer NOT NULL DEFAULT 0,
    UNIQUE (owner, vendor, key)
);
CREATE INDEX submissions_due ON submissions (next_look_at) WHERE state = 'accepted';
CREATE INDEX submissions_under_way ON submissions (owner) WHERE state IN ('sent', 'accepted');
CREATE INDEX submissions_sent ON submissions (sent_at) WHERE state IN ('sent', 'unconfirmed');
CREATE INDEX submissions_task ON submissions (task_id);
CREATE INDEX submissions_fingerprint ON submissions (vendor, fingerprint) WHERE joined IS NULL;
