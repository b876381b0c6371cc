-- What is kept of videos and files, what goes wrong, and what was already asked for. Sizes in bytes.

-- Files in the store, each content once. Where `removed_at` is set, its time or the quota was over.
CREATE TABLE media (
    name text PRIMARY KEY, -- its SHA-256 (hex) and a suffix
    size bigint NOT NULL CHECK (size >= 0),
    kept_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz
);
CREATE INDEX media_kept ON media (kept_at) WHERE removed_at IS NULL;

-- The addresses of stored files that a vendor was given. Kernels know an upload as <gateway>/uploads/<id>.
CREATE TABLE uploads (
    id text PRIMARY KEY,
    owner text NOT NULL,
    vendor text NOT NULL CHECK (vendor IN ('acedata', 'runapi')),
    name text NOT NULL,
    title text NOT NULL, -- what the file was called
    address text NOT NULL, -- at the vendor
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX uploads_of_content ON uploads (vendor, name);

-- What came of fetching a video: its thumbnail, or why it is lost for good.
CREATE TABLE fetched (
    submission bigint PRIMARY KEY,
    thumbnail text,
    lost text
);

-- What a teacher has to know of: a key that does not work, a disk that is full. A row goes when it works again.
CREATE TABLE trouble (
    kind text NOT NULL,
    subject text NOT NULL, -- a vendor, or ''
    words text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, subject)
);

-- A vendor that has asked to be left alone is so by all processes.
CREATE TABLE pauses (
    vendor text PRIMARY KEY,
    until timestamptz NOT NULL
);

-- Those whose videos everybody may go on with.
CREATE TABLE teachers (
    name text PRIMARY KEY
);

-- Until when a round of look-ups is the only one that follows a task.
ALTER TABLE submissions ADD COLUMN claimed_until timestamptz;

CREATE INDEX submissions_video ON submissions ((video ->> 'video_id'));
CREATE INDEX submissions_media ON submissions (media) WHERE media IS NOT NULL;
-- For what is still to be fetched.
CREATE INDEX submissions_unsaved ON submissions (id) WHERE state = 'completed' AND media IS NULL;
