-- +goose Up

-- How often an undo link restored the account. An attempt to sign in that began before the
-- last of them is void.
ALTER TABLE users ADD COLUMN restorations integer NOT NULL DEFAULT 0;

-- Changes to the ways into an account, and which ways there were before each. For seven days a
-- link in the message about a change restores them.
CREATE TABLE account_changes (
    user_id    bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    -- Counts the changes of a user: a higher number is a later change.
    number     bigint      NOT NULL CHECK (number >= 1),
    -- The kind of the message about it.
    kind       text        NOT NULL,
    -- Where the request came from, as the message shows it.
    platform   text        NOT NULL,
    network    text        NOT NULL,
    -- Addresses, number, providers and passkeys before the change: rows of their tables. No
    -- password, no TOTP secret, no recovery code and no grant of a provider is in it.
    ways       jsonb       NOT NULL,
    changed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- Set once an undo has restored what was before.
    undone_at  timestamptz,
    PRIMARY KEY (user_id, number)
);
COMMENT ON TABLE account_changes IS 'Changes to the ways into an account, and which ways there were before.';
CREATE INDEX account_changes_expires_at ON account_changes (expires_at);

-- Undo links that are out. Each works once, and expires with its change.
CREATE TABLE undo_links (
    -- SHA-256 of the key.
    key_hash bytea       PRIMARY KEY CHECK (octet_length(key_hash) = 32),
    user_id  bigint      NOT NULL,
    change   bigint      NOT NULL,
    -- The address or number that it was sent to.
    target   text        NOT NULL,
    -- Set when it was used, or when another link made it void.
    spent_at timestamptz,
    FOREIGN KEY (user_id, change) REFERENCES account_changes ON DELETE CASCADE
);
COMMENT ON TABLE undo_links IS 'Undo links that are out.';
CREATE INDEX undo_links_change ON undo_links (user_id, change);
