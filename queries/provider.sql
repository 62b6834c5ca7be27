-- name: FindProviderAccount :one
SELECT p.provider, p.uid, p.user_id, u.password_hash, u.disabled_at
  FROM provider_accounts p JOIN users u ON u.id = p.user_id
 WHERE p.provider = @provider AND p.uid = @uid;

-- Race: of two that connect one account at once, one does; the other finds whose it is
-- (TestSEC74_twoPeopleConnectOneProviderAccountAtOnce).
-- name: InsertProviderAccount :execrows
INSERT INTO provider_accounts (provider, uid, user_id, display, client_id, created_at, last_used_at)
VALUES (@provider, @uid, @user_id, @display, @client_id, @now, @now)
    ON CONFLICT (provider, uid) DO NOTHING;

-- A grant can be revoked with the client id alone that it was made for.
-- name: MarkProviderAccountUsed :exec
UPDATE provider_accounts SET last_used_at = @now, display = @display, client_id = CASE WHEN grant_sealed IS NULL THEN @client_id ELSE client_id END
 WHERE provider = @provider AND uid = @uid;

-- name: UpdateProviderGrant :execrows
UPDATE provider_accounts SET grant_sealed = @grant_sealed, client_id = @client_id WHERE provider = @provider AND uid = @uid AND user_id = @user_id;

-- name: ListProviderAccounts :many
SELECT * FROM provider_accounts WHERE user_id = @user_id ORDER BY created_at, provider, uid;

-- name: DeleteProviderAccount :one
DELETE FROM provider_accounts WHERE user_id = @user_id AND provider = @provider AND uid = @uid RETURNING *;

-- name: InsertProviderNonce :exec
INSERT INTO provider_nonces (nonce_hash, expires_at, session_id, process)
VALUES (@nonce_hash, @expires_at, sqlc.narg(session_id), sqlc.narg(process));

-- Race: a nonce works once, also of many tokens at once.
-- Security: one that a session asked for works in that session alone, and one that names a process
-- for that process alone; one that names none serves a sign-in that leaves the session behind, too
-- (TestProviderNonce_worksForItsAskerAlone).
-- name: DeleteProviderNonce :one
DELETE FROM provider_nonces
 WHERE nonce_hash = @nonce_hash AND expires_at > @now
   AND (session_id IS NULL OR session_id = sqlc.narg(session_id)::uuid OR process IS NULL AND @process::text = 'login')
   AND (process = @process::text OR process IS NULL AND @process::text IN ('login', 'connect'))
RETURNING expires_at;

-- name: DeleteOldProviderNonces :execrows
DELETE FROM provider_nonces WHERE nonce_hash IN (SELECT n.nonce_hash FROM provider_nonces n WHERE n.expires_at <= @now ORDER BY n.expires_at LIMIT 2000);

-- Race: an id_token works once, also of many requests at once (TestSEC71_aProviderTokenWorksOnceInParallel).
-- name: InsertSpentIDToken :execrows
INSERT INTO spent_id_tokens (token_hash, expires_at) VALUES (@token_hash, @expires_at) ON CONFLICT (token_hash) DO NOTHING;

-- name: DeleteOldSpentIDTokens :execrows
DELETE FROM spent_id_tokens WHERE token_hash IN (SELECT s.token_hash FROM spent_id_tokens s WHERE s.expires_at <= @now ORDER BY s.expires_at LIMIT 2000);

-- name: InsertRevocation :exec
INSERT INTO revocations (id, provider, client_id, grant_sealed, attempts, created_at, next_at)
VALUES (@id, @provider, @client_id, @grant_sealed, 0, @now, @now);

-- Race: of two servers that look at once, each gets others: what is taken is left alone until next_at
-- (TestProviderGrant_twoServersDoNotAskTwice).
-- name: ListDueRevocations :many
UPDATE revocations SET attempts = attempts + 1, next_at = @next_at
 WHERE id IN (SELECT r.id FROM revocations r WHERE r.next_at <= @now ORDER BY r.next_at LIMIT 20 FOR UPDATE SKIP LOCKED)
RETURNING *;

-- name: UpdateRevocationNext :exec
UPDATE revocations SET next_at = @next_at WHERE id = @id;

-- name: DeleteRevocation :exec
DELETE FROM revocations WHERE id = @id;

-- Everything of theirs that is sealed.
-- name: ListSealedGrants :many
SELECT provider, uid, user_id, grant_sealed FROM provider_accounts
 WHERE grant_sealed IS NOT NULL AND (provider, uid) > (@after_provider::text, @after_uid::text) ORDER BY provider, uid LIMIT 500;

-- name: UpdateGrantSealed :execrows
UPDATE provider_accounts SET grant_sealed = @grant_sealed WHERE provider = @provider AND uid = @uid AND grant_sealed = @before;

-- name: ListSealedRevocations :many
SELECT id, grant_sealed FROM revocations ORDER BY id;

-- name: UpdateRevocationSealed :execrows
UPDATE revocations SET grant_sealed = @grant_sealed WHERE id = @id AND grant_sealed = @before;

-- name: DeleteProviderAccountsOfUser :many
DELETE FROM provider_accounts WHERE user_id = @user_id RETURNING *;

-- Those that were connected before the address may have been verified by another user.
-- name: DeleteUnprovedProviderAccounts :many
DELETE FROM provider_accounts p
 USING users u
 WHERE u.id = p.user_id AND p.user_id = @user_id AND p.created_at <= u.proved_elsewhere_at
RETURNING p.*;
