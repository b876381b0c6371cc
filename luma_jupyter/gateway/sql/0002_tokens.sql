-- The gateway's own tokens, and files on their way in.

-- Who may ask without a Hub, by the SHA-256 of a token: the token itself was shown once.
CREATE TABLE tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash text NOT NULL UNIQUE,
    name text NOT NULL,
    groups text[] NOT NULL DEFAULT '{}',
    teaches boolean NOT NULL DEFAULT false,
    made_at timestamptz NOT NULL DEFAULT now(),
    ends_at timestamptz,
    ended_at timestamptz -- by a teacher, before that
);

-- RunAPI's uploads in steps: what was announced, and where it is once it has come.
CREATE TABLE prepared_uploads (
    id text PRIMARY KEY,
    owner text NOT NULL,
    groups text[] NOT NULL,
    teaches boolean NOT NULL,
    name text NOT NULL,
    size bigint NOT NULL,
    checksum text NOT NULL, -- MD5 in base64
    answer jsonb, -- NULL: it has not come yet
    made_at timestamptz NOT NULL DEFAULT now()
);
