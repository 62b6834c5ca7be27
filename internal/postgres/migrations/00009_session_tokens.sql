-- +goose Up
-- Sessions that are there get their session token's idle end from the moment of this migration:
-- a default that is no constant is computed once, and no row is written.
ALTER TABLE sessions
    ADD COLUMN token_expires_at     timestamptz NOT NULL DEFAULT (now() + interval '30 days'),
    ADD COLUMN previous_token_hash  bytea       CHECK (octet_length(previous_token_hash) = 32),
    ADD COLUMN previous_token_works boolean     NOT NULL DEFAULT false;

CREATE OR REPLACE VIEW session_details AS
SELECT s.id, s.token_hash, u.id AS user_id, s.created_at, s.expires_at, s.generation, s.rotated_at, s.refresh_expires_at,
       s.confirmed_at, s.idempotency_key_hash, s.sends_idempotency_keys, s.methods, s.ended_at, s.end_reason,
       u.display, u.has_usable_password, u.disabled_at, u.created_at AS user_created_at,
       u.email, u.email_verified_at, u.tenant_id, u.username, u.phone, u.phone_verified_at, u.deletes_at,
       s.token_expires_at, s.previous_token_hash, s.previous_token_works,
       least(s.expires_at, greatest(s.refresh_expires_at, s.token_expires_at))::timestamptz AS lives_until
  FROM sessions s
  JOIN user_details u ON u.id = s.user_id;
