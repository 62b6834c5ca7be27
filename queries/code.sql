-- A code that is out for a session and purpose takes the place of the one before.
-- name: InsertCode :exec
INSERT INTO codes (session_id, purpose, user_id, target, code_hash, attempts_left, resends_left, changes_left, created_at, expires_at)
VALUES (@session_id, @purpose, sqlc.narg(user_id), @target, @code_hash, @attempts_left, @resends_left, @changes_left, @now, @expires_at)
    ON CONFLICT (session_id, purpose) DO UPDATE
   SET user_id = excluded.user_id, target = excluded.target, code_hash = excluded.code_hash, attempts_left = excluded.attempts_left,
       resends_left = excluded.resends_left, changes_left = excluded.changes_left, created_at = excluded.created_at,
       expires_at = excluded.expires_at;

-- Race: counted down before it is compared, on a row that stays locked until the commit. Of many
-- guesses at once no more are compared than are left, and a right code works once
-- (TestTCOD05_sixteenGuessesAtOnce).
-- name: UpdateCodeAttempts :one
UPDATE codes SET attempts_left = attempts_left - 1
 WHERE session_id = @session_id AND purpose = @purpose AND attempts_left > 0 AND expires_at > @now
RETURNING *;

-- The attempt turned out to be none that counts.
-- name: UpdateCodeAttemptsBack :exec
UPDATE codes SET attempts_left = attempts_left + 1 WHERE session_id = @session_id AND purpose = @purpose;

-- Another code for the same process: neither its time nor its attempts start anew.
-- name: UpdateCodeResent :one
UPDATE codes SET code_hash = @code_hash, resends_left = resends_left - 1
 WHERE session_id = @session_id AND purpose = @purpose AND resends_left > 0 AND attempts_left > 0 AND expires_at > @now
RETURNING *;

-- Another target for the same process.
-- name: UpdateCodeTarget :one
UPDATE codes SET code_hash = @code_hash, target = @target, user_id = sqlc.narg(user_id), changes_left = changes_left - 1
 WHERE session_id = @session_id AND purpose = @purpose AND changes_left > 0 AND attempts_left > 0 AND expires_at > @now
RETURNING *;

-- name: UpdateCodeExpiry :exec
UPDATE codes SET expires_at = @expires_at WHERE session_id = @session_id AND purpose = @purpose;

-- name: FindCode :one
SELECT * FROM codes WHERE session_id = @session_id AND purpose = @purpose AND attempts_left > 0 AND expires_at > @now;

-- name: DeleteCode :exec
DELETE FROM codes WHERE session_id = @session_id AND purpose = @purpose;

-- name: DeleteCodesOfUser :exec
DELETE FROM codes WHERE user_id = @user_id;

-- Codes for signing in, resetting or authenticating that were sent to an address or number which the user has removed.
-- name: DeleteStrayCodes :exec
DELETE FROM codes c
 WHERE c.user_id = @user_id::bigint AND c.purpose IN ('login', 'reset_password', 'reauthenticate')
   AND NOT EXISTS (SELECT FROM email_addresses e WHERE e.user_id = @user_id::bigint AND e.address = c.target)
   AND NOT EXISTS (SELECT FROM users u WHERE u.id = @user_id::bigint AND u.phone = c.target);

-- name: DeleteStrayLinks :exec
DELETE FROM links l
 WHERE l.user_id = @user_id
   AND NOT EXISTS (SELECT FROM email_addresses e WHERE e.user_id = l.user_id AND e.address = l.address);

-- name: DeleteCodesOfSession :exec
DELETE FROM codes WHERE session_id = @session_id;

-- name: DeleteOldCodes :execrows
DELETE FROM codes WHERE (session_id, purpose) IN (
    SELECT c.session_id, c.purpose FROM codes c WHERE c.expires_at < @before::timestamptz ORDER BY c.expires_at LIMIT 2000);

-- A link may be meant for nobody: then nothing is stored, in the same statement.
-- name: InsertLink :exec
INSERT INTO links (key_hash, purpose, user_id, address, created_at, expires_at, session_id, platform)
SELECT @key_hash, @purpose, u.id, @address, @now, @expires_at, sqlc.narg(session_id), @platform FROM users u WHERE u.id = @user_id;

-- name: FindLink :one
SELECT * FROM links WHERE key_hash = @key_hash AND purpose = @purpose AND expires_at > @now AND used_at IS NULL;

-- Race: the row goes, so that a link works once, however often it is used at the same time
-- (TestSEC45_aResetLinkWorksOnce).
-- name: DeleteLink :one
DELETE FROM links WHERE key_hash = @key_hash AND purpose = @purpose AND expires_at > @now AND used_at IS NULL RETURNING *;

-- The same for a link that verifies an address: the row stays until it expires, for the pending
-- session that waits for it.
-- name: MarkLinkUsed :one
UPDATE links SET used_at = @now::timestamptz
 WHERE key_hash = @key_hash AND purpose = @purpose AND expires_at > @now AND used_at IS NULL
RETURNING *;

-- Whether a link has verified an address of a user that a pending session waits for.
-- name: FindLinkUsed :one
SELECT EXISTS (SELECT FROM links
                WHERE user_id = @user_id AND session_id = @session_id::uuid AND purpose = 'verify_email'
                  AND used_at IS NOT NULL)::boolean AS used;

-- name: DeleteLinksOfUser :exec
DELETE FROM links WHERE user_id = @user_id AND purpose = @purpose;

-- Those that were not used.
-- name: DeleteLinksOfAddress :exec
DELETE FROM links WHERE user_id = @user_id AND purpose = @purpose AND address = @address AND used_at IS NULL;

-- name: DeleteOldLinks :execrows
DELETE FROM links WHERE key_hash IN (SELECT l.key_hash FROM links l WHERE l.expires_at < @before::timestamptz ORDER BY l.expires_at LIMIT 2000);
