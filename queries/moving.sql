-- name: FindMoving :one
SELECT phase, since, window_ends_at FROM moving;

-- The session of a refresh token of the other system.
-- name: FindOldRefreshToken :one
SELECT session_id, expires_at FROM old_refresh_tokens WHERE jti_hash = @jti_hash;
