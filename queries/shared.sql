-- One server at a time makes secrets; the lock goes with the transaction.
-- name: LockSharedSecrets :exec
SELECT pg_advisory_xact_lock(7105000003);

-- seen_before is how many seconds ago a server last had the key.
-- name: ListSharedSecrets :many
SELECT name, key_id, secret_id, sealed, extract(epoch FROM now() - seen_at)::double precision AS seen_before
  FROM shared_secrets ORDER BY name, key_id;

-- Whether this database has been served before: then there is something that was made with the keys
-- of a server that kept none here.
-- name: FindServedBefore :one
SELECT (EXISTS (SELECT 1 FROM audit_events) OR EXISTS (SELECT 1 FROM messages)
        OR EXISTS (SELECT 1 FROM codes) OR EXISTS (SELECT 1 FROM rate_limits))::boolean;

-- name: InsertSharedSecret :exec
INSERT INTO shared_secrets (name, key_id, secret_id, sealed, seen_at)
VALUES (@name, @key_id, @secret_id, @sealed, now())
    ON CONFLICT (name, key_id) DO UPDATE SET secret_id = excluded.secret_id, sealed = excluded.sealed, seen_at = excluded.seen_at;

-- name: UpdateSharedSecretsSeen :exec
UPDATE shared_secrets SET seen_at = now() WHERE key_id = ANY(@key_ids::text[]);

-- Removes what is sealed for keys that no server has had for 90 days.
-- name: DeleteUnseenSharedSecrets :execrows
DELETE FROM shared_secrets WHERE seen_at < now() - interval '90 days';

-- name: DeleteSharedSecret :exec
DELETE FROM shared_secrets WHERE name = @name;
