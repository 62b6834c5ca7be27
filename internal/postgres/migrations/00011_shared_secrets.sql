-- +goose Up

-- Secrets that all servers of this database share: the key of HMACs ('hmac'), and the key that seals
-- messages until they are sent ('sealing'). Each is made once, and is here as often as there are keys
-- of the settings that can open it.
CREATE TABLE shared_secrets (
    name      text        NOT NULL CHECK (name IN ('hmac', 'sealing')),
    -- Which key opens it: 'signing:' and the id of a signing key, or 'sealing:' and the id of a key of
    -- LATCHKEY_SEALING_KEYS.
    key_id    text        NOT NULL,
    -- Names the secret: the same in all rows that hold the same one.
    secret_id uuid        NOT NULL,
    -- AES-256-GCM, bound to name and key_id.
    sealed    bytea       NOT NULL,
    -- When a server that runs last had that key: each says so every 20 seconds.
    seen_at   timestamptz NOT NULL,
    PRIMARY KEY (name, key_id)
);
COMMENT ON TABLE shared_secrets IS 'Secrets that all servers of this database share, sealed with the keys of their settings.';
