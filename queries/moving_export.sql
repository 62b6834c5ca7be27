-- What an export writes, and what an import is compared with.

-- name: ListUsersToExport :many
SELECT id, coalesce(subject, id::text)::text AS subject, display, username, created_at, disabled_at, password_hash, password_hook, phone,
       phone_verified_at, webauthn_handle
  FROM users WHERE id > @after ORDER BY id LIMIT @most;

-- name: ListUsersToCompare :many
SELECT id, coalesce(subject, id::text)::text AS subject, display, username, created_at, disabled_at, password_hash, password_hook, phone,
       phone_verified_at, webauthn_handle
  FROM users WHERE id = ANY(@ids::bigint[]);

-- name: ListEmailsToExport :many
SELECT user_id, address, verified_at, is_primary FROM email_addresses WHERE user_id = ANY(@user_ids::bigint[]);

-- name: ListAuthenticatorsToExport :many
SELECT sqlc.embed(a), w.credential_id, w.public_key, coalesce(w.sign_count, 0)::bigint AS sign_count, w.aaguid, w.transports,
       coalesce(w.backup_eligible, false)::boolean AS backup_eligible, coalesce(w.backup_state, false)::boolean AS backup_state, w.passwordless
  FROM authenticators a LEFT JOIN webauthn_credentials w ON w.authenticator_id = a.id
 WHERE a.user_id = ANY(@user_ids::bigint[]);

-- name: ListProvidersToExport :many
SELECT * FROM provider_accounts WHERE user_id = ANY(@user_ids::bigint[]);

-- name: ListMembershipsToExport :many
SELECT m.user_id, m.is_primary, m.tenant_id FROM memberships m WHERE m.user_id = ANY(@user_ids::bigint[]);

-- name: ListTenantsToExport :many
SELECT id, name, created_at FROM tenants WHERE id > @after ORDER BY id LIMIT @most;

-- name: ListSessionsToExport :many
SELECT s.id, s.token_hash, s.created_at, s.last_seen_at, s.expires_at, s.refresh_expires_at, s.token_expires_at, s.generation, s.user_agent,
       s.address, s.methods, s.ended_at, (s.generation = 1 AND s.rotated_at = 'epoch')::boolean AS is_of_source,
       coalesce(u.subject, u.id::text)::text AS subject
  FROM sessions s JOIN users u ON u.id = s.user_id
 WHERE s.id > @after AND s.ended_at IS NULL AND least(s.expires_at, s.token_expires_at) > @now::timestamptz AND u.disabled_at IS NULL
 ORDER BY s.id LIMIT @most;

-- name: ListSessionsByToken :many
SELECT s.id, s.token_hash, s.created_at, s.last_seen_at, s.expires_at, s.refresh_expires_at, s.token_expires_at, s.generation, s.user_agent,
       s.address, s.methods, s.ended_at, (s.generation = 1 AND s.rotated_at = 'epoch')::boolean AS is_of_source,
       coalesce(u.subject, u.id::text)::text AS subject
  FROM sessions s JOIN users u ON u.id = s.user_id
 WHERE s.token_hash = ANY(@token_hashes::bytea[]);

-- name: ListRefreshTokensToExport :many
SELECT session_id, jti_hash, expires_at FROM old_refresh_tokens WHERE session_id = ANY(@session_ids::uuid[]) AND expires_at > @now;

-- name: CountImportedUsers :one
SELECT count(*) FROM imported_users;
