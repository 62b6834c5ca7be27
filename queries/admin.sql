-- What operators look for and see. Each statement reads by an index, whatever the number of users.

-- The users who have an address that begins so, verified or not: the first ones in the order of addresses.
-- name: FindUsersByAddressPrefix :many
SELECT user_id FROM email_addresses
 WHERE address COLLATE "C" >= @prefix::text AND address COLLATE "C" < @after::text
 ORDER BY address COLLATE "C", user_id
 LIMIT @most::integer;

-- The users who have a phone number, verified or not.
-- name: FindUsersByPhone :many
SELECT id FROM users WHERE phone = @phone::text ORDER BY id LIMIT @most::integer;

-- name: FindUsersByUsername :many
SELECT id FROM users WHERE username_key = ANY(@keys::text[]) ORDER BY id;

-- The user of a session, living or ended.
-- name: FindUserOfSession :one
SELECT user_id::bigint AS user_id FROM sessions WHERE id = @id AND user_id IS NOT NULL;

-- name: ListUsersByID :many
SELECT id, subject, email, email_verified_at, phone, phone_verified_at, username, created_at, disabled_at, deletes_at
  FROM user_details
 WHERE id = ANY(@ids::bigint[])
 ORDER BY id;

-- The sessions of a user, also those that have ended, the newest first.
-- name: ListAllSessionsOfUser :many
SELECT d.id, d.created_at, s.last_seen_at, d.ended_at, d.end_reason, d.lives_until, s.generation, s.user_agent, s.device_name, s.address, s.methods
  FROM sessions s
  JOIN session_details d ON d.id = s.id
 WHERE s.user_id = @user_id::bigint
 ORDER BY s.created_at DESC, s.id
 LIMIT @most::integer;

-- A page of tenants, with the number of their members.
-- name: ListTenants :many
SELECT t.id, t.name, t.created_at, (SELECT count(*) FROM memberships m WHERE m.tenant_id = t.id) AS members
  FROM tenants t
 WHERE t.id > @after::uuid
 ORDER BY t.id
 LIMIT @most::integer;

-- name: FindTenant :one
SELECT id, name, created_at FROM tenants WHERE id = @id;

-- A page of the members of a tenant.
-- name: ListMembers :many
SELECT m.user_id, u.subject, u.email, u.display, m.is_primary, m.created_at
  FROM memberships m
  JOIN user_details u ON u.id = m.user_id
 WHERE m.tenant_id = @tenant_id AND m.user_id > @after
 ORDER BY m.user_id
 LIMIT @most::integer;

-- name: FindVerifiedHolderOfPhone :one
SELECT * FROM user_details WHERE phone = @phone::text AND phone_verified_at IS NOT NULL;
