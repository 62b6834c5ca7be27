-- The user whom the system that users come from knows by a subject.
-- name: FindUserToMove :one
SELECT u.id, u.password_hash, u.unproved_password_hash, u.password_hook, u.disabled_at
  FROM users u
 WHERE u.subject = sqlc.narg(subject)::text OR u.id = sqlc.narg(id)::bigint AND u.subject IS NULL;

-- name: FindUserSubject :one
SELECT coalesce(u.subject, u.id::text)::text AS subject FROM users u WHERE u.id = @id;

-- Stores the password that the other system has verified. Race: of two sign-ins at once, one stores it, and none does
-- where a password has been set meanwhile (TestPasswordHook_twoSignInsAtOnceMakeOneUser).
-- name: UpdateUserPasswordMoved :execrows
UPDATE users SET password_hash = @password_hash::text, password_hook = false
 WHERE id = @id AND password_hook AND password_hash IS NULL AND unproved_password_hash IS NULL AND disabled_at IS NULL;

-- Stores a user of another system. Nothing is stored where another user has the id or the subject, or where the audit
-- log names the id: that user was deleted here.
-- name: InsertMovedUser :execrows
INSERT INTO users (id, subject, display, created_at, username, username_key, phone, phone_verified_at, disabled_at, webauthn_handle, password_hook)
SELECT @id, sqlc.narg(subject), @display, @created_at, sqlc.narg(username), sqlc.narg(username_key), sqlc.narg(phone), sqlc.narg(phone_verified_at),
       sqlc.narg(disabled_at), sqlc.narg(webauthn_handle), true
 WHERE NOT EXISTS (SELECT FROM users o WHERE o.subject = sqlc.narg(subject)::text)
   AND NOT EXISTS (SELECT FROM audit_events a WHERE a.user_id = @id)
    ON CONFLICT (id) DO NOTHING;

-- Stores an authenticator of another system, with what was used of it there.
-- name: UpdateAuthenticatorMoved :exec
UPDATE authenticators SET spent = @spent, created_at = @created_at, last_used_at = sqlc.narg(last_used_at), viewed_at = sqlc.narg(viewed_at)
 WHERE id = @id;
