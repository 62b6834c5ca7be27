-- +goose Up
-- The schema that river keeps its jobs in; it brings its own migrations (migrate.go).
CREATE SCHEMA river;

-- Mails and texts that are on their way, or were. What they say and to whom is sealed, and
-- erased once they are sent. When they are sent is river's business, in a schema of its own.
CREATE TABLE messages (
    id         uuid        PRIMARY KEY, -- UUIDv7: sorts by time
    -- The template; `nothing` is never sent, and costs what the others cost.
    kind       text        NOT NULL,
    -- Whose message it is. NULL: an address without an account, or one that is gone.
    user_id    bigint      REFERENCES users ON DELETE CASCADE,
    -- Recipient, language, code: AES-256-GCM, with the id of its key. NULL: sent or given up.
    sealed     bytea,
    created_at timestamptz NOT NULL,
    sent_at    timestamptz,
    -- Set when it was given up, with a word that says why.
    failed_at  timestamptz,
    failure    text,
    CHECK ((failed_at IS NULL) = (failure IS NULL))
);
COMMENT ON TABLE messages IS 'Mails and texts that are on their way, or were.';
CREATE INDEX messages_user ON messages (user_id);
CREATE INDEX messages_created_at ON messages (created_at);
