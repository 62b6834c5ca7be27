-- +goose Up
ALTER TABLE users ADD COLUMN unused_since timestamptz;

ALTER TABLE links
    ADD COLUMN session_id uuid,
    ADD COLUMN platform   text NOT NULL DEFAULT 'unknown',
    ADD COLUMN used_at    timestamptz;

CREATE TABLE resumptions (
    token_hash bytea       PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    session_id uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE resumptions IS 'Tokens of pending sessions whose sign-in went on by itself.';
CREATE INDEX resumptions_session ON resumptions (session_id);
CREATE INDEX resumptions_expires_at ON resumptions (expires_at);

-- +goose Down
DROP TABLE resumptions;
ALTER TABLE links DROP COLUMN session_id, DROP COLUMN platform, DROP COLUMN used_at;
ALTER TABLE users DROP COLUMN unused_since;
