-- name: FindMoving :one
SELECT phase, since, window_ends_at FROM moving;

-- name: LockMoving :one
SELECT phase, since, window_ends_at FROM moving FOR UPDATE;

-- name: InsertMoving :execrows
INSERT INTO moving (phase, since) VALUES ('arriving', @now) ON CONFLICT DO NOTHING;

-- name: MarkMovingLive :one
UPDATE moving
   SET phase = 'live', since = @now,
       window_ends_at = coalesce((SELECT max(o.expires_at) FROM old_refresh_tokens o), @now)
RETURNING phase, since, window_ends_at;

-- name: DeleteMoving :execrows
DELETE FROM moving;

-- What is left of the system before: refresh tokens that can still be used, and the sessions whose
-- clients have not used one yet. Tokens that were imported after the flip may expire last of all.
-- name: CountMoving :one
SELECT count(o.jti_hash) AS old_tokens,
       count(DISTINCT s.id) AS sessions_waiting,
       coalesce((SELECT greatest(max(a.expires_at), (SELECT m.window_ends_at FROM moving m))
                   FROM old_refresh_tokens a), 'epoch')::timestamptz AS window_ends_at
  FROM old_refresh_tokens o
  JOIN sessions s ON s.id = o.session_id
 WHERE o.expires_at > @now::timestamptz AND s.generation = 1 AND s.ended_at IS NULL AND s.expires_at > @now;

-- Whether a refresh token of the system before may come.
-- name: HasOldRefreshTokens :one
SELECT EXISTS (SELECT FROM old_refresh_tokens);

-- The session of a refresh token of the system before.
-- name: FindOldRefreshToken :one
SELECT session_id, expires_at FROM old_refresh_tokens WHERE jti_hash = @jti_hash;

-- name: DeleteOldRefreshTokens :execrows
DELETE FROM old_refresh_tokens WHERE jti_hash IN (SELECT o.jti_hash FROM old_refresh_tokens o ORDER BY o.expires_at LIMIT 2000);

-- Once the last of them has expired, all go. Those stay for now whose answer may be lost: nobody has
-- used the token that replaced them.
-- name: DeleteExpiredOldRefreshTokens :execrows
DELETE FROM old_refresh_tokens WHERE jti_hash IN (
    SELECT o.jti_hash
      FROM old_refresh_tokens o
      JOIN sessions s ON s.id = o.session_id
     WHERE NOT EXISTS (SELECT FROM old_refresh_tokens l WHERE l.expires_at > @now::timestamptz)
       AND coalesce((SELECT m.window_ends_at FROM moving m), '-infinity') <= @now
       AND NOT (s.ended_at IS NULL AND s.generation = 2 AND s.confirmed_at IS NULL AND s.refresh_expires_at > @now)
     ORDER BY o.expires_at
     LIMIT 2000);
