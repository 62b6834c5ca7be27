-- +goose Up

-- The constraints are validated by the next migration, which locks nobody out.
ALTER TABLE users
    ADD COLUMN subject text,
    ADD CONSTRAINT users_subject_check CHECK (subject ~ '^[A-Za-z0-9_-]{1,64}$' AND subject !~ '^-?[0-9_]+$') NOT VALID,
    DROP CONSTRAINT users_id_check,
    ADD CONSTRAINT users_id_check CHECK (id >= 1) NOT VALID;

CREATE OR REPLACE VIEW user_details AS
SELECT u.id, u.display, (u.password_hash IS NOT NULL)::boolean AS has_usable_password, u.disabled_at, u.created_at,
       e.address AS email, e.verified_at AS email_verified_at, m.tenant_id,
       u.username, u.phone, u.phone_verified_at, u.deletes_at,
       coalesce(u.subject, u.id::text)::text AS subject
  FROM users u
  LEFT JOIN email_addresses e ON e.user_id = u.id AND e.is_primary
  LEFT JOIN memberships m ON m.user_id = u.id AND m.is_primary;

CREATE OR REPLACE VIEW session_details AS
SELECT s.id, s.token_hash, u.id AS user_id, s.created_at, s.expires_at, s.generation, s.rotated_at, s.refresh_expires_at,
       s.confirmed_at, s.idempotency_key_hash, s.sends_idempotency_keys, s.methods, s.ended_at, s.end_reason,
       u.display, u.has_usable_password, u.disabled_at, u.created_at AS user_created_at,
       u.email, u.email_verified_at, u.tenant_id, u.username, u.phone, u.phone_verified_at, u.deletes_at,
       s.token_expires_at, s.previous_token_hash, s.previous_token_works,
       least(s.expires_at, greatest(s.refresh_expires_at, s.token_expires_at))::timestamptz AS lives_until,
       u.subject
  FROM sessions s
  JOIN user_details u ON u.id = s.user_id;
