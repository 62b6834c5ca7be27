-- name: InsertUser :exec
INSERT INTO users (id, display, password_hash, created_at)
VALUES (@id, @display, @password_hash, @now);

-- The person that a password is checked against: the verified holder of the address, or else
-- the oldest unverified one. Found also when disabled or without a password: the caller spends
-- the same work on every outcome.
-- name: FindUserByEmail :one
SELECT u.id, u.display, u.password_hash, u.disabled_at, e.address
  FROM email_addresses e
  JOIN users u ON u.id = e.user_id
 WHERE e.address = @address
 ORDER BY (e.verified_at IS NOT NULL) DESC, e.created_at, u.id
 LIMIT 1;

-- Race: holds off a password change, a disabling, a deletion and another sign-in until the new
-- session is committed; each of them then ends or counts it, or this finds their result.
-- name: LockUserForSignIn :one
SELECT id, password_hash, disabled_at FROM users WHERE id = @id FOR NO KEY UPDATE;

-- name: LockUser :one
SELECT id FROM users WHERE id = @id FOR UPDATE;

-- What a freshly signed-in client is told about its user.
-- name: FindUser :one
SELECT * FROM user_details WHERE id = @id;

-- name: UpdateUserDisplay :execrows
UPDATE users SET display = @display WHERE id = @id;

-- name: UpdateUserPassword :execrows
UPDATE users SET password_hash = @password_hash::text WHERE id = @id;

-- Only if nobody changed the password since it was checked.
-- name: UpdateUserPasswordHash :execrows
UPDATE users SET password_hash = @new_hash::text WHERE id = @id AND password_hash = @old_hash::text;

-- name: MarkUserDisabled :execrows
UPDATE users SET disabled_at = coalesce(disabled_at, @now::timestamptz) WHERE id = @id;
