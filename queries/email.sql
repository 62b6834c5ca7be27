-- Race: two sign-ups with one address wait for each other here; a unique index cannot do it,
-- since an address may have several unverified holders.
-- name: LockAddress :exec
SELECT pg_advisory_xact_lock(hashtextextended(@address::text, 7105));

-- name: CountAddressHolders :one
SELECT count(*) FROM email_addresses WHERE address = @address;

-- name: InsertEmailAddress :exec
INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at)
VALUES (@user_id, @address, @verified_at, @is_primary, @now);
