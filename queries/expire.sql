-- Addresses that nobody verified. The row is locked: a verification that is under way keeps it.
-- name: DeleteExpiredEmailAddresses :many
DELETE FROM email_addresses e WHERE (e.user_id, e.address) IN (
    SELECT x.user_id, x.address FROM email_addresses x
     WHERE x.verified_at IS NULL AND NOT x.is_primary AND x.created_at < @before::timestamptz
     ORDER BY x.created_at
     LIMIT 2000
       FOR UPDATE SKIP LOCKED)
RETURNING e.user_id, e.address;

-- name: DeleteStrayLinksOfUsers :exec
DELETE FROM links l
 WHERE l.user_id = ANY(@user_ids::bigint[])
   AND NOT EXISTS (SELECT FROM email_addresses e WHERE e.user_id = l.user_id AND e.address = l.address);

-- Accounts that a sign-up made and nobody has signed in to since.
-- They are locked first and looked at by the next statement: what has been verified
-- meanwhile is seen there.
-- name: LockUnusedUsers :many
SELECT id FROM users WHERE unused_since < @before::timestamptz ORDER BY unused_since LIMIT 500 FOR UPDATE SKIP LOCKED;

-- Those of them that have verified nothing and that an operator has given nothing to.
-- name: DeleteUnusedUsers :many
DELETE FROM users u
 WHERE u.id = ANY(@user_ids::bigint[])
   AND u.unused_since IS NOT NULL AND u.phone_verified_at IS NULL
   AND NOT EXISTS (SELECT FROM email_addresses e WHERE e.user_id = u.id AND e.verified_at IS NOT NULL)
   AND NOT EXISTS (SELECT FROM provider_accounts p WHERE p.user_id = u.id)
   AND NOT EXISTS (SELECT FROM memberships m WHERE m.user_id = u.id)
RETURNING u.id;

-- The others stay for good, and are not looked at again.
-- name: UpdateUsersUsed :exec
UPDATE users SET unused_since = NULL WHERE id = ANY(@user_ids::bigint[]);

-- One event of each of many users, by the server itself.
-- name: InsertAuditEvents :exec
INSERT INTO audit_events (id, occurred_at, event, result, actor, user_id, email_hash)
SELECT unnest(@ids::uuid[]), @occurred_at, @event::text, 'success', 'server', unnest(@user_ids::bigint[]), unnest(@email_hashes::bytea[]);

-- Empties what is personal in the rows of users who are gone.
-- name: UpdateAuditEventsOfUsers :exec
UPDATE audit_events SET address = NULL, user_agent = NULL, address_hash = NULL, email_hash = NULL
 WHERE user_id = ANY(@user_ids::bigint[]) AND (address IS NOT NULL OR user_agent IS NOT NULL OR address_hash IS NOT NULL OR email_hash IS NOT NULL);
