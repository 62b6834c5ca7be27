-- +goose Up

-- How far a service that moves in from another system has come. At most one row; none: nobody moves in.
CREATE TABLE moving (
    only_row       boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    -- arriving: requests wait for the last of the data. live: they are answered.
    phase          text        NOT NULL CHECK (phase IN ('arriving', 'live')),
    -- When the phase began.
    since          timestamptz NOT NULL,
    -- When the last refresh token of the other system expires. NULL: not live yet.
    window_ends_at timestamptz
);
COMMENT ON TABLE moving IS 'How far a service that moves in has come.';

-- Refresh tokens of the other system that are out. Each counts as the first generation of its session.
CREATE TABLE old_refresh_tokens (
    -- SHA-256 of its jti.
    jti_hash   bytea       PRIMARY KEY CHECK (octet_length(jti_hash) = 32),
    session_id uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE old_refresh_tokens IS 'Refresh tokens of the system that a service moved in from.';
CREATE INDEX old_refresh_tokens_session ON old_refresh_tokens (session_id);
CREATE INDEX old_refresh_tokens_expires_at ON old_refresh_tokens (expires_at);
