-- +goose Up
-- Everything that people do with their account: sign-ins that are under way, codes and links,
-- phone numbers, user names, leaving.
DROP VIEW session_details;
DROP VIEW user_details;

ALTER TABLE users
    ADD COLUMN username text CHECK (length(username) BETWEEN 1 AND 150),
    ADD COLUMN phone text CHECK (phone ~ '^\+[1-9][0-9]{5,14}$'),
    ADD COLUMN phone_verified_at timestamptz,
    ADD COLUMN deletes_at timestamptz,
    ADD CONSTRAINT users_phone_is_there CHECK (phone IS NOT NULL OR phone_verified_at IS NULL);
CREATE UNIQUE INDEX users_username ON users (lower(username));
CREATE INDEX users_phone ON users (phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX users_phone_verified ON users (phone) WHERE phone_verified_at IS NOT NULL;
CREATE INDEX users_deletes_at ON users (deletes_at) WHERE deletes_at IS NOT NULL;

ALTER TABLE sessions
    ALTER COLUMN user_id DROP NOT NULL,
    ADD COLUMN attempt jsonb,
    ADD CONSTRAINT sessions_are_of_somebody CHECK ((user_id IS NULL) = (attempt IS NOT NULL)),
    DROP CONSTRAINT sessions_end_reason_check,
    ADD CONSTRAINT sessions_end_reason_check
        CHECK (end_reason IN ('signed_out', 'ended_by_user', 'ended_by_admin',
                              'session_limit', 'password_changed', 'reuse_detected',
                              'account_disabled', 'account_deleted'));
-- Whole: what deletes a person finds the ended ones, too.
DROP INDEX sessions_user;
CREATE INDEX sessions_user ON sessions (user_id);

-- One-time codes that are out: at most one a session and purpose. The code itself is kept
-- nowhere but, sealed, in the message that carries it.
CREATE TABLE codes (
    session_id    uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    purpose       text        NOT NULL CHECK (purpose IN ('login', 'verify_email', 'verify_phone', 'reset_password')),
    -- Whom a right code serves. NULL: nobody, so that no code is right.
    user_id       bigint      REFERENCES users ON DELETE CASCADE,
    -- The address or number that it was sent to.
    target        text        NOT NULL,
    -- HMAC of purpose, session and code; random bytes where no code is right.
    code_hash     bytea       NOT NULL CHECK (octet_length(code_hash) = 32),
    -- Counted down before a code is compared.
    attempts_left smallint    NOT NULL CHECK (attempts_left >= 0),
    resends_left  smallint    NOT NULL CHECK (resends_left >= 0),
    changes_left  smallint    NOT NULL CHECK (changes_left >= 0),
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    PRIMARY KEY (session_id, purpose)
);
COMMENT ON TABLE codes IS 'One-time codes that are out.';
CREATE INDEX codes_user ON codes (user_id);

-- Links that are out: each works once, in any session.
CREATE TABLE links (
    -- SHA-256 of the key.
    key_hash   bytea       PRIMARY KEY CHECK (octet_length(key_hash) = 32),
    purpose    text        NOT NULL CHECK (purpose IN ('verify_email', 'reset_password')),
    user_id    bigint      NOT NULL REFERENCES users ON DELETE CASCADE,
    -- The address that it was sent to.
    address    text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE links IS 'Links that are out.';
CREATE INDEX links_user ON links (user_id);
CREATE INDEX links_expires_at ON links (expires_at);

-- What an answer tells about a user. Every place that needs it reads it here, so that their
-- nullability is written once.
CREATE VIEW user_details AS
SELECT u.id, u.display, (u.password_hash IS NOT NULL)::boolean AS has_usable_password, u.disabled_at, u.created_at,
       e.address AS email, e.verified_at AS email_verified_at, m.tenant_id,
       u.username, u.phone, u.phone_verified_at, u.deletes_at
  FROM users u
  LEFT JOIN email_addresses e ON e.user_id = u.id AND e.is_primary
  LEFT JOIN memberships m ON m.user_id = u.id AND m.is_primary;

-- A session of somebody who is in, together with its user: one statement a look-up, whether
-- by access token, by session token, or for a refresh that has to be judged.
CREATE VIEW session_details AS
SELECT s.id, s.token_hash, u.id AS user_id, s.created_at, s.expires_at, s.generation, s.rotated_at, s.refresh_expires_at,
       s.confirmed_at, s.idempotency_key_hash, s.sends_idempotency_keys, s.methods, s.ended_at, s.end_reason,
       u.display, u.has_usable_password, u.disabled_at, u.created_at AS user_created_at,
       u.email, u.email_verified_at, u.tenant_id, u.username, u.phone, u.phone_verified_at, u.deletes_at
  FROM sessions s
  JOIN user_details u ON u.id = s.user_id;
